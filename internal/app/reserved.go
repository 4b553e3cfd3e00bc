package app

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"everfold/config"
)

// errReserved: a host that a spec names has an address where nobody keeps a tracker or a store,
// but clouds keep the credentials of the machine.
var errReserved = errors.New("an address that no spec may name: link-local, or of a cloud's metadata")

// metadata are the addresses of metadata services outside of the link-local ranges: of AWS by
// IPv6, of Alibaba Cloud, of Oracle Cloud.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192"),
}

// refuseReserved is the Control of dialers to hosts that a spec names, whatever else is
// allowed. It sees the address itself, so no name leads around it.
func refuseReserved(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %s: %w", address, err)
	}
	ip := at.Addr().Unmap().WithZone("")
	bad := ip.IsLinkLocalUnicast() || ip.IsMulticast()
	for _, m := range metadata {
		bad = bad || ip == m
	}
	if bad {
		return fmt.Errorf("dial %s: %w", ip, errReserved)
	}
	return nil
}

// refuseReservedStore is refuseReserved for a store: the spec is wrong, and waiting mends nothing.
func refuseReservedStore(network, address string, c syscall.RawConn) error {
	if err := refuseReserved(network, address, c); err != nil {
		return &config.Error{Problems: []config.Problem{{Path: "store.endpoint", Text: err.Error()}}}
	}
	return nil
}
