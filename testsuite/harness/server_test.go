package harness

import (
	"net"
	"strconv"
	"testing"
)

// A free port is no other test's until the one that asked for it ends, though nobody listens on it.
func TestFreePorts(t *testing.T) {
	var address string
	t.Run("asks", func(t *testing.T) {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePorts(t, 1)[0]))
		if reserve(t, address) == nil {
			t.Error("another test gets it")
		}
	})
	if err := reserve(t, address); err != nil {
		t.Error(err)
	}
}
