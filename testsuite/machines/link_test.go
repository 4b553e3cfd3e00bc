//go:build linux

package machines

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// relay passes connections on, byte by byte, until it is cut: then nothing moves and nothing
// ends, as on a network that drops every packet, until it is healed.
type relay struct {
	address string
	target  string
	gate    sync.RWMutex // held for writing while it is cut
	isCut   bool
}

// newRelay listens at a port of host.
func newRelay(t testing.TB, host, target string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	r := &relay{address: l.Addr().String(), target: target}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			go r.serve(c)
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		r.heal()
	})
	return r
}

func (r *relay) cut() {
	r.gate.Lock()
	r.isCut = true
}

func (r *relay) heal() {
	if r.isCut {
		r.isCut = false
		r.gate.Unlock()
	}
}

// pass returns once something may move.
func (r *relay) pass() {
	r.gate.RLock()
	defer r.gate.RUnlock()
}

func (r *relay) serve(near net.Conn) {
	defer near.Close()
	r.pass()
	far, err := net.Dial("tcp", r.target)
	if err != nil {
		return // nobody is there, which the other side learns by the end of its connection
	}
	defer far.Close()
	var group sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		group.Go(func() {
			_, _ = io.Copy(gated{way[1], r}, way[0]) // an end or an error of either side ends both
			r.pass()
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	group.Wait()
}

// gated hides everything of a connection but Write, so that every byte passes the gate.
type gated struct {
	to io.Writer
	r  *relay
}

func (g gated) Write(p []byte) (int, error) {
	g.r.pass()
	return g.to.Write(p)
}
