package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/activities"
	"everfold/config"
	"everfold/store"
)

// Claim: addresses of this machine's cloud are refused in every form that leads there: mapped,
// translated and tunnelled ones too. Others are not, in these forms either.
func TestReservedAddresses(t *testing.T) {
	for _, address := range []string{
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fd00:ec2:0:1::23", "fd00:42::42", "fd20:ce::254",
		"100.100.100.200", "192.0.0.192", "168.63.129.16", "224.0.0.1", "ff02::1",
		"::ffff:169.254.169.254", "::ffff:168.63.129.16", "::ffff:0:169.254.169.254", "::169.254.169.254",
		"64:ff9b::169.254.169.254", "64:ff9b::168.63.129.16", "64:ff9b:1::169.254.169.254", "64:ff9b:1:2:3:4:169.254.169.254",
		"64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0",
		"2002:a9fe:a9fe::1", "2002:a83f:8110::", "2001:0:a9fe:a9fe::", "2001:0:102:304::5601:5601",
		"2001:db8::5efe:169.254.169.254", "2001:db8::200:5efe:169.254.169.254",
	} {
		require.ErrorIs(t, refuseReserved("tcp", net.JoinHostPort(address, "80"), nil), errReserved, address)
	}
	for _, address := range []string{
		"127.0.0.1", "10.0.0.1", "::1", "::", "93.184.216.34", "fd00:ec3::254", "fd00:42::43", "168.63.129.17", "2001:db8::1",
		"::ffff:10.0.0.1", "64:ff9b::93.184.216.34", "64:ff9b:1::10.0.0.1", "2002:5db8:d822::1", "2001:0:102:304::", "2001:db8::5efe:10.0.0.1",
	} {
		require.NoError(t, refuseReserved("tcp", net.JoinHostPort(address, "80"), nil), address)
	}
	require.Error(t, refuseReserved("tcp", "nowhere", nil))
}

// names is a resolver for tests.
func names(_ context.Context, _, host string) ([]netip.Addr, error) {
	switch host {
	case "good.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}, nil
	case "evil.example":
		return []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("64:ff9b::169.254.169.254")}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Claim: what goes to a proxy is looked at before: literal addresses in every form, and all that a
// name stands for here. A name that is not known here is the proxy's only if the operator named
// the host; otherwise the server is away, which is no fault of the spec.
func TestProxyIsNoWayRound(t *testing.T) {
	proxy := &url.URL{Scheme: "http", Host: "proxy.example:3128"}
	p := proxies{of: http.ProxyURL(proxy), lookup: names}
	ask := func(p proxies, address string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		at, err := p.chooseStore(r)
		require.Equal(t, err == nil, at == proxy)
		return err
	}
	vouched := p
	vouched.vouched = true
	for _, address := range []string{
		"http://169.254.169.254/x", "https://169.254.169.254.", "http://[::ffff:169.254.169.254]:81", "http://[fe80::1%25eth0]", "http://[64:ff9b::a9fe:a9fe]",
		"http://2852039166", "http://0xa9fea9fe", "http://0XA9FEA9FE.", "http://169.254.43518", "http://0251.0376.0251.0376", "http://evil.example", "http://EVIL.example.",
	} {
		for _, p := range []proxies{p, vouched} {
			var refused *config.Error
			require.ErrorAs(t, ask(p, address), &refused, address)
			require.ErrorContains(t, refused, "store.endpoint")
		}
	}
	for _, address := range []string{"http://192.0.2.7", "https://good.example:8443/x", "http://[2001:db8::7]"} {
		require.NoError(t, ask(p, address))
	}
	err := ask(p, "https://s3.elsewhere.example")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorContains(t, err, "name it in --allow-host")
	require.NoError(t, ask(vouched, "https://s3.elsewhere.example"))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.check(ended, "good.example"), context.Canceled)
	p.of = func(*http.Request) (*url.URL, error) { return nil, nil }
	at, err := p.choose(httptest.NewRequest(http.MethodGet, "http://elsewhere.example", nil))
	require.NoError(t, err)
	require.Nil(t, at, "no proxy, no question: the dialer looks")
	p.of = func(*http.Request) (*url.URL, error) { return nil, errors.New(`parse "http://me:hush@h"`) }
	_, err = p.choose(httptest.NewRequest(http.MethodGet, "http://elsewhere.example", nil))
	require.ErrorContains(t, err, "HTTP_PROXY")
	require.NotContains(t, err.Error(), "hush")
}

// Claim: in a process with a proxy, stores and trackers that specs name are reached through it,
// and reserved addresses are not: it is never asked for them.
func TestProxyOfTheEnvironment(t *testing.T) {
	if os.Getenv("EVERFOLD_TEST_PROXIED") != "" {
		callThroughProxy(t)
		return
	}
	asked := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		http.Error(w, "<Error><Code>NoSuchKey</Code></Error>", http.StatusNotFound)
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheEnvironment$", "-test.count=1")
	child.Env = append(os.Environ(), "EVERFOLD_TEST_PROXIED=1", "HTTP_PROXY="+proxy.URL, "http_proxy=", "NO_PROXY=", "no_proxy=",
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=hush", "AWS_ENDPOINT_URL_S3=", "AWS_ENDPOINT_URL=")
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	close(asked)
	hosts := map[string]bool{}
	for host := range asked {
		hosts[strings.TrimSuffix(host, ":80")] = true
	}
	require.Equal(t, map[string]bool{"192.0.2.7": true, "192.0.2.8": true, "192.0.2.9": true}, hosts)
}

// callThroughProxy calls servers as a worker with a proxy in its environment does.
func callThroughProxy(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "[64:ff9b::a9fe:a9fe]", "2852039166"} {
		c := config.Store{URI: "s3://bucket/p", Endpoint: "http://" + host, PathStyle: true}
		st, err := (&Stores{}).Open(t.Context(), c)
		require.NoError(t, err)
		_, _, err = st.Get(t.Context(), "run.json")
		require.Equal(t, activities.ErrInvalidSpec, activities.ErrorType(err), "%v", err)
		_, _, err = Data{}.Open(t.Context(), "s3://bucket/a.csv", c)
		require.Equal(t, activities.ErrInvalidSpec, activities.ErrorType(err), "%v", err)
		for _, env := range []*Trackers{environment(), environment("OTHER", "http://"+host)} {
			for _, uri := range []string{"http://" + host, "${OTHER}"} {
				found, err := env.Open(config.Tracker{URI: uri})
				if err != nil {
					continue // no such variable
				}
				require.ErrorContains(t, found.Probe(t.Context(), "e"), "no spec may name")
			}
		}
	}
	st, err := (&Stores{}).Open(t.Context(), config.Store{URI: "s3://bucket/p", Endpoint: "http://192.0.2.7", PathStyle: true})
	require.NoError(t, err)
	_, _, err = st.Get(t.Context(), "run.json")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, env := range []*Trackers{environment(), environment(envTrackingURI, "http://192.0.2.9")} {
		for _, uri := range []string{"http://192.0.2.8", ""} {
			if found, err := env.Open(config.Tracker{URI: uri}); err == nil && found != nil {
				require.Error(t, found.Probe(t.Context(), "e"))
			}
		}
	}
}
