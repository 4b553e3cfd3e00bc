package s3

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The system tells what the other end of a connection has not taken yet.
func TestQueue(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer near.Close()
	far, err := listener.Accept()
	require.NoError(t, err)
	defer far.Close()
	queue := queueOf(near)
	sent, n, ok := 0, 0, true
	for n == 0 { // nobody reads, so there is a queue in the end
		require.NoError(t, near.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		m, err := near.Write(make([]byte, 1<<20))
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
		sent += m
		n, ok = queue()
		require.True(t, ok)
	}
	_, err = io.CopyN(io.Discard, far, int64(sent))
	require.NoError(t, err)
	for n > 0 { // the last acknowledgement is on its way
		runtime.Gosched()
		n, ok = queue()
		require.True(t, ok)
	}
	require.NoError(t, near.Close())
	_, ok = queue()
	require.False(t, ok, "closed")
	pipe, _ := net.Pipe()
	_, ok = queueOf(pipe)()
	require.False(t, ok, "no socket")
}
