package embedded

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// occupy listens on a free loopback port for the rest of the test.
func occupy(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// Claim: the first free port of the list is taken, in order; a zero is no port; where none
// is free, or only the one that is in use already, another is found.
func TestChoosePort(t *testing.T) {
	taken, free := occupy(t), harness.FreePorts(t, 2)
	first, second := free[0], free[1]
	for _, tc := range []struct {
		name   string
		except int
		ports  []int
		want   int // 0: any other free one
	}{
		{"the first", 0, []int{first, second}, first},
		{"taken", 0, []int{taken, second}, second},
		{"unset", 0, []int{0, second}, second},
		{"all taken", 0, []int{taken}, 0},
		{"in use by us", first, []int{first}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := choosePort(tc.except, tc.ports...)
			require.NoError(t, err)
			if tc.want != 0 {
				require.Equal(t, tc.want, got)
				return
			}
			require.NotZero(t, got)
			require.NotContains(t, append(tc.ports, tc.except), got)
		})
	}
}

// Claim: a first start takes 7233 and 8233 where they are free, a later one what it had.
func TestChoosePorts(t *testing.T) {
	for missed := 0; ; missed++ { // servers of other packages' tests take that port now and then, for a while
		usual, err := choosePorts(state{})
		require.NoError(t, err)
		if usual.Port == defaultPort {
			break
		}
		l, err := listen(defaultPort)
		if err != nil { // somebody's
			break
		}
		require.NoError(t, l.Close())
		require.Less(t, missed, 100, "it is free each time")
	}
	free := harness.FreePorts(t, 2)
	former := state{Port: free[0], UIPort: free[1]}
	again, err := choosePorts(former)
	require.NoError(t, err)
	require.Equal(t, former, again)
}

// Claim: one process at a time holds the lock; others read what the holder wrote, and a
// half-written file reads as nothing.
func TestLock(t *testing.T) {
	h, err := openHome(filepath.Join(t.TempDir(), "a", "home"))
	require.NoError(t, err)
	lock, former, err := h.tryLock()
	require.NoError(t, err)
	require.NotNil(t, lock)
	require.Zero(t, former)

	want := state{Port: 1, UIPort: 2, Starter: 3, Server: serverInfo{Version: "1.29.1"}}
	require.NoError(t, h.write(lock, state{Port: 7, UIPort: 8, Starter: 999999, Supervisor: 5}))
	require.NoError(t, h.write(lock, want)) // shorter than the former content
	other, read, err := h.tryLock()
	require.NoError(t, err)
	require.Nil(t, other)
	require.Equal(t, want, read)

	require.NoError(t, os.Truncate(h.lockPath(), 20))
	_, read, err = h.tryLock()
	require.NoError(t, err)
	require.Zero(t, read.Starter)

	require.NoError(t, lock.Close())
	lock, _, err = h.tryLock()
	require.NoError(t, err)
	require.NotNil(t, lock)
	require.NoError(t, lock.Close())
}

// Claim: a home that cannot be made, or a lock file that cannot be opened, is named with
// the variable that moves it.
func TestHomeErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := openHome(filepath.Join(file, "home"))
	require.ErrorContains(t, err, "EVERFOLD_HOME")

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "everfold.lock"), 0o700))
	_, _, err = home(dir).tryLock()
	require.ErrorContains(t, err, "EVERFOLD_HOME")
}

// Claim: what a program said is what it wrote since the log was opened; a large log is put
// aside first.
func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "temporal.log")
	require.NoError(t, os.WriteFile(path, []byte("of the former start\n"), 0o600))
	log, err := openLog(path)
	require.NoError(t, err)
	require.Empty(t, log.said())
	_, err = log.WriteString("port taken\n")
	require.NoError(t, err)
	require.Equal(t, "port taken", log.said())
	_, err = log.WriteString(strings.Repeat("x", logLimit))
	require.NoError(t, err)
	require.NoError(t, log.Close())

	log, err = openLog(path)
	require.NoError(t, err)
	defer log.Close()
	info, err := log.Stat()
	require.NoError(t, err)
	require.Zero(t, info.Size())
	require.FileExists(t, path+".1")

	_, err = openLog(filepath.Join(path, "no", "folder"))
	require.ErrorContains(t, err, "log file")
}

// Claim: a taken port is recognised before however long a panic; of anything else the
// beginning is shown, with the file that has all of it.
func TestExplain(t *testing.T) {
	log, err := openLog(filepath.Join(t.TempDir(), "temporal.log"))
	require.NoError(t, err)
	defer log.Close()
	require.Equal(t, errServerEnded, explain(errServerEnded, log, "t.db"))
	_, err = log.WriteString("no such table\n" + strings.Repeat("goroutine\n", 500))
	require.NoError(t, err)
	said := explain(errServerEnded, log, "t.db")
	require.ErrorIs(t, said, errServerEnded)
	require.ErrorContains(t, said, "no such table")
	require.ErrorContains(t, said, log.Name())
	require.Less(t, len(said.Error()), 3000)
	_, err = log.WriteString("bind: address already in use\n" + strings.Repeat("goroutine\n", 500))
	require.NoError(t, err)
	require.Equal(t, errPortTaken, explain(errServerEnded, log, "t.db"))
}
