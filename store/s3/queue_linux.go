package s3

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// queueOf tells how many of the bytes that were written to a connection its other end has not
// acknowledged yet.
func queueOf(conn net.Conn) func() (bytes int, ok bool) {
	unknown := func() (int, bool) { return 0, false }
	c, ok := conn.(syscall.Conn)
	if !ok {
		return unknown
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return unknown
	}
	return func() (bytes int, ok bool) {
		err := raw.Control(func(fd uintptr) {
			n, failed := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
			bytes, ok = n, failed == nil
		})
		return bytes, ok && err == nil
	}
}
