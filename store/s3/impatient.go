package s3

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// piece is how much is written at a time, so that it is known soon that bytes move.
	piece = 16 << 10
	// looks at a connection on which nothing seems to move, before it is given up.
	looks = 4
)

// impatientConn is given up when nothing has moved on it for idle, in either direction. What moves
// on a slow link is not always seen by who reads or writes: the system takes megabytes, and a
// reader waits until the last of them has arrived, a writer until there is room for many. So an
// operation that seems to stand still looks how much of what was sent the server has taken.
//
// net/http always has a Read waiting, so what a Write moves counts for that one, too.
type impatientConn struct {
	net.Conn
	idle  time.Duration
	queue func() (bytes int, ok bool) // of what was sent, what the server has not taken yet; not ok: nobody knows

	mu    sync.Mutex
	sent  int       // bytes that the system was given
	taken int       // of them, as of the last look
	known bool      // there was a look since something moved
	last  time.Time // that something moved
}

func newImpatientConn(conn net.Conn, idle time.Duration) *impatientConn {
	return &impatientConn{Conn: conn, idle: idle, queue: queueOf(conn)}
}

func (c *impatientConn) Read(p []byte) (n int, err error) {
	if err := c.moved(0); err != nil {
		return 0, err
	}
	for {
		n, err = c.Conn.Read(p)
		if n > 0 || err == nil {
			return n, err
		}
		if err = c.patience(err); err != nil {
			return 0, err
		}
	}
}

func (c *impatientConn) Write(p []byte) (n int, err error) {
	if err := c.moved(0); err != nil {
		return 0, err
	}
	for n < len(p) {
		m, err := c.Conn.Write(p[n:min(n+piece, len(p))])
		n += m
		if m > 0 {
			err = errors.Join(unlessLate(err), c.moved(m))
		} else if err != nil {
			err = c.patience(err)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// unlessLate is err, but nil for a deadline.
func unlessLate(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// moved begins the time anew in which something has to move. The system was given so many bytes.
func (c *impatientConn) moved(sent int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent += sent
	c.last, c.known = time.Now(), false
	return c.SetDeadline(c.last.Add(c.idle / looks))
}

// patience is nil, and there is another deadline, where an operation ended by its own and
// something moved within idle; else err.
func (c *impatientConn) patience(err error) error {
	if unlessLate(err) != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if queued, ok := c.queue(); ok {
		taken := c.sent - queued
		if c.known && taken > c.taken {
			c.last = now
		}
		c.taken, c.known = taken, true
	}
	if now.Sub(c.last) >= c.idle {
		return err
	}
	return c.SetDeadline(now.Add(c.idle / looks))
}
