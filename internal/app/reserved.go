package app

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"everfold/config"
	"everfold/store"
)

// errReserved: a host that a spec names has an address where nobody keeps a tracker or a store,
// but clouds keep the credentials of the machine.
var errReserved = errors.New("an address that no spec may name: link-local, or of a cloud's metadata")

// metadata are the addresses of metadata services outside of the link-local ranges: of AWS and
// Scaleway by IPv6, of Google by IPv6, of Alibaba Cloud, Oracle Cloud, Azure.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::/32"), netip.MustParsePrefix("fd00:42::42/128"),
	netip.MustParsePrefix("fd20:ce::254/128"),
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("192.0.0.192/32"), netip.MustParsePrefix("168.63.129.16/32"),
}

// reserved says whether an address, or an IPv4 address that it stands for, is for the machine
// itself.
func reserved(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() {
		return true
	}
	for _, p := range metadata {
		if p.Contains(ip) {
			return true
		}
	}
	for _, inner := range innerAddrs(ip) {
		if reserved(inner) {
			return true
		}
	}
	return false
}

// Prefixes of IPv6 addresses that gateways and tunnels turn into IPv4 ones.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380
	translated = netip.MustParsePrefix("::ffff:0:0:0/96")
	compatible = netip.MustParsePrefix("::/96")
)

// innerAddrs are the IPv4 addresses that an IPv6 address may lead to; IPv4-mapped ones are
// unmapped before.
func innerAddrs(ip netip.Addr) []netip.Addr {
	if !ip.Is6() {
		return nil
	}
	b := ip.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	var found []netip.Addr
	switch {
	case nat64.Contains(ip), translated.Contains(ip), compatible.Contains(ip):
		found = append(found, at(12))
	case localNAT64.Contains(ip): // whoever runs the gateway chose the prefix's length: 48, 56, 64 or 96
		found = append(found, at(12), netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}),
			netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]}), at(9))
	case sixToFour.Contains(ip):
		found = append(found, at(2))
	case teredo.Contains(ip): // the server, and the client with its bits flipped
		client := at(12).As4()
		binary.BigEndian.PutUint32(client[:], ^binary.BigEndian.Uint32(client[:]))
		found = append(found, at(4), netip.AddrFrom4(client))
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, RFC 5214, under any prefix
		found = append(found, at(12))
	}
	return found
}

// refuseReserved is the Control of dialers to hosts that a spec names, whatever else is
// allowed. It sees the address itself, so no name leads around it.
func refuseReserved(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	if ip := at.Addr(); reserved(ip) {
		return fmt.Errorf("dial %s: %w", ip, errReserved)
	}
	return nil
}

// refuseReservedStore is refuseReserved for a store: the spec is wrong, and waiting mends nothing.
func refuseReservedStore(network, address string, c syscall.RawConn) error {
	return asEndpoint(refuseReserved(network, address, c))
}

// asEndpoint says of a reserved address that the spec is wrong, and of a name that is not found
// that the store is away.
func asEndpoint(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errReserved):
		return &config.Error{Problems: []config.Problem{{Path: "store.endpoint", Text: err.Error()}}}
	case errors.Is(err, errUnknownName):
		return fmt.Errorf("%w: store.endpoint: %w", store.ErrUnavailable, err)
	}
	return err
}

// errUnknownName: a name cannot be looked up here, so what a proxy would make of it is not known.
var errUnknownName = errors.New("it cannot be looked up here, and no proxy is asked for what a spec names alone; " +
	"name it in --allow-host or in this process's own environment")

// proxies choose the proxy of requests to hosts that a spec names. A proxy connects in place of
// this process, so no dialer's Control sees the address: it is looked at before.
type proxies struct {
	// vouched: the operator has named the host, too, so a name that only the proxy knows, as in
	// networks whose machines do not look up the names of others, is given to it.
	vouched bool
	of      func(*http.Request) (*url.URL, error) // http.ProxyFromEnvironment, but in tests
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// guardedProxies are those of this process's environment.
func guardedProxies(vouched bool) proxies {
	return proxies{vouched: vouched, of: http.ProxyFromEnvironment, lookup: net.DefaultResolver.LookupNetIP}
}

// choose is a http.Transport's Proxy. It refuses reserved addresses, however they are written.
func (p proxies) choose(r *http.Request) (*url.URL, error) {
	proxy, err := p.of(r)
	if err != nil {
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY of this process is not the address of a proxy") // it may hold a password
	}
	if proxy == nil {
		return nil, nil
	}
	if err := p.check(r.Context(), r.URL.Hostname()); err != nil {
		return nil, err
	}
	return proxy, nil
}

// chooseStore is choose for a store, see refuseReservedStore.
func (p proxies) chooseStore(r *http.Request) (*url.URL, error) {
	proxy, err := p.choose(r)
	return proxy, asEndpoint(err)
}

func (p proxies) check(ctx context.Context, host string) error {
	name := canonicalHost(host)
	ip, err := netip.ParseAddr(name)
	switch {
	case err == nil && reserved(ip):
		return fmt.Errorf("call %s: %w", ip, errReserved)
	case err == nil:
		return nil
	case numeric(name): // which this process takes for a name, and a proxy perhaps for an address
		return fmt.Errorf("call %s, a number: %w", name, errReserved)
	}
	found, err := p.lookup(ctx, "ip", name)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && p.vouched:
		return nil
	case err != nil:
		return fmt.Errorf("call %s: %w (%v)", name, errUnknownName, err)
	}
	for _, ip := range found {
		if reserved(ip) {
			return fmt.Errorf("call %s, which is %s: %w", name, ip, errReserved)
		}
	}
	return nil
}

// numeric says that the last label of a name is a number: no domain's is, but 2852039166,
// 0xa9fea9fe and 169.254.43518 are ways to write an IPv4 address.
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
