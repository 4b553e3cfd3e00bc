// Package mlflow is a tracker on MLflow's REST API, 2.x and 3.x, over net/http.
//
// What it relies on: runs are found by tag; params are immutable; log-batch is not atomic;
// a point that is sent twice is stored once by SQL stores, and by others at least read back
// before it is sent again; a deleted run and a deleted experiment still answer, as such.
//
// Credentials are in Options only; they are sent to the server that Options name and nowhere
// else: redirects are not followed, and nothing that an answer quotes of them gets into an
// error. Nor does the address of a server that has a Name. A server that names another place for its files (s3:, file:) is not sent any.
//
// Non-goals: retrying, which is the caller's; MLflow's models registry and traces.
package mlflow

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"everfold/tracker"
)

// Options say where the server is and who asks.
type Options struct {
	URI     string        // http(s)://host[:port][/path], without user and password
	Timeout time.Duration // of one call; of an upload, without progress. 0 means 10 s

	// Name is what people are told instead of the address, in errors too: an address from the
	// environment is not for histories and logs. "" tells the address.
	Name string

	Username, Password string // basic authentication; it wins over Token, as in the Python client
	Token              string // bearer
	Workspace          string // sent to servers that have workspaces

	// Control, where not nil, is asked before each connection, with its address: for a server
	// that somebody else has named.
	Control func(network, address string, c syscall.RawConn) error
	// Proxy says, in place of the environment, which proxy a request goes to. With Control it has to
	// look at the request's host, as a proxy connects where Control does not see; nil is none then.
	Proxy func(*http.Request) (*url.URL, error)

	InsecureTLS bool   // accepts any certificate
	CA          []byte // PEM; trusted instead of the system's
	ClientPEM   []byte // PEM: a client certificate and its key
}

// Client is a tracker.Tracker. Use New.
type Client struct {
	o     Options
	base  string // without trailing slash
	host  string // with its port
	path  string // of the base, "" where it has none
	http  *http.Client
	known known

	mu        sync.Mutex
	workspace *bool // whether the server has workspaces; nil: not asked yet
}

var _ tracker.Tracker = (*Client)(nil)

const (
	// defaultTimeout is that of a call without another.
	defaultTimeout = 10 * time.Second
	// idleConnection is for how long a connection is kept for the next call. Servers end idle ones after
	// 2 to 5 s: a call on its way then is lost, and nobody knows whether it was taken.
	idleConnection = time.Second
)

// New returns a client. It calls nobody; errors are *tracker.Error of kind Settings and quote
// neither the address nor a credential.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URI)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, settings("the tracking server's address is not of the form http://host or https://host")
	case u.User != nil:
		return nil, settings("the tracking server's address holds a user or password; they belong in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, settings("the tracking server's address has a query or fragment")
	}
	for _, value := range []string{o.Username, o.Password, o.Token, o.Workspace} {
		if strings.ContainsAny(value, "\r\n") {
			return nil, settings("a credential of the tracking server holds a line break")
		}
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	transport, err := transportOf(o)
	if err != nil {
		return nil, err
	}
	return &Client{
		o: o, base: strings.TrimSuffix(u.String(), "/"), host: u.Host, path: strings.TrimSuffix(u.Path, "/"),
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a login page, or a thief of credentials
		}},
	}, nil
}

func transportOf(o Options) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.IdleConnTimeout = historyReaders, idleConnection
	if o.Control != nil || o.Proxy != nil {
		t.Proxy = o.Proxy
	}
	if o.Control != nil {
		t.DialContext = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, Control: o.Control}).DialContext
	}
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: o.InsecureTLS, MinVersion: tls.VersionTLS12}
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, settings("MLFLOW_TRACKING_SERVER_CERT_PATH: the file holds no PEM certificate")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if len(o.ClientPEM) > 0 {
		pair, err := tls.X509KeyPair(certificatesOf(o.ClientPEM), o.ClientPEM)
		if err != nil {
			return nil, settings("MLFLOW_TRACKING_CLIENT_CERT_PATH: the file does not hold a certificate and its key in PEM")
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// certificatesOf leaves the key out, which may come first.
func certificatesOf(text []byte) []byte {
	var out []byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, pem.EncodeToMemory(block)...)
		}
		text = rest
	}
}

func settings(text string) error { return &tracker.Error{Kind: tracker.Settings, Text: text} }

// URI implements tracker.Tracker.
func (c *Client) URI() string { return cmp.Or(c.o.Name, c.base) }

// hasCredentials says whether calls carry any; a refusal then means that they are wrong.
func (o Options) hasCredentials() bool {
	return o.Username != "" || o.Password != "" || o.Token != "" || len(o.ClientPEM) > 0
}
