package s3

import (
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/store"
)

// slowly reads so many pieces from a connection, one after each pause.
func slowly(conn net.Conn, pieces, size int, pause time.Duration) {
	for range pieces {
		<-time.After(pause)
		if _, err := io.ReadFull(conn, make([]byte, size)); err != nil {
			return
		}
	}
}

const (
	patience = 15 * time.Second
	buffer   = 64 << 10 // what net/http writes at once
)

// A write that moves is not given up, however little moves; one that stands still is, at its time.
func TestSlowWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := newImpatientConn(near, patience)
		go slowly(far, buffer>>10, 1<<10, patience-time.Second)
		n, err := conn.Write(make([]byte, buffer))
		require.NoError(t, err)
		require.Equal(t, buffer, n)
		began := time.Now()
		n, err = conn.Write(make([]byte, buffer))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, n)
		require.Equal(t, patience, time.Since(began))
		require.NoError(t, near.Close())
	})
}

// A reader waits for an answer as long as the server takes what was sent before, and for its time
// after that. Where the system does not tell, that begins with the last write.
func TestSlowDrain(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			conn := newImpatientConn(near, patience)
			go slowly(far, 1, buffer, 0) // by the system, not by the server
			_, err := conn.Write(make([]byte, buffer))
			require.NoError(t, err)
			began := time.Now()
			conn.queue = func() (int, bool) { // one byte in ten seconds, a minute long
				return buffer - min(6, int(time.Since(began)/(10*time.Second))), known
			}
			_, err = conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			if took := time.Since(began); known {
				require.GreaterOrEqual(t, took, time.Minute+patience)
				require.Less(t, took, time.Minute+2*patience)
			} else {
				require.Equal(t, patience, took)
			}
			require.NoError(t, near.Close())
		})
	}
}

// A connection that breaks is no matter of patience, neither before an operation nor during it.
func TestBrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := newImpatientConn(near, patience)
		go func() {
			<-time.After(time.Second)
			_ = far.Close() // of a pipe: never fails
		}()
		began := time.Now()
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, time.Second, time.Since(began))
		_, err = conn.Write(make([]byte, 1))
		require.ErrorIs(t, err, io.ErrClosedPipe)
		_, err = conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.ErrClosedPipe)
	})
}

// While a server puts an object together in silence there are signs of life, and none afterwards.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		stop := signs(store.WithProgress(t.Context(), func() { n++ }))
		<-time.After(time.Minute + signEvery/2)
		synctest.Wait()
		require.Equal(t, int(time.Minute/signEvery), n)
		stop()
		<-time.After(time.Minute)
		require.Equal(t, int(time.Minute/signEvery), n)
	})
}
