package process

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: a process's name may hold spaces and brackets; what is not a process's line is none.
func TestParseStat(t *testing.T) {
	pid, parent, p, ok := parseStat("42 (a (b) c) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 9 0 1 2 3")
	require.True(t, ok)
	require.Equal(t, []int{42, 7}, []int{pid, parent})
	require.Equal(t, Usage{Name: "a (b) c", CPU: 2}, p)
	for _, text := range []string{"", "42 (a) S 7", "42 a S 7"} {
		_, _, _, ok := parseStat(text)
		require.False(t, ok, text)
	}
	require.Equal(t, 2.0, peak("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"))
	require.Zero(t, peak("Name:\tx\n"))
}

// Claim: the family of a process has the process itself, with its memory, and watching adds it up.
func TestFamily(t *testing.T) {
	require.Positive(t, Family(os.Getpid())[os.Getpid()].MemoryMB)
	require.Empty(t, Family(-1))
	require.NotEmpty(t, WatchFamily(os.Getpid())())
	self, ok := usage(os.Getpid())
	require.True(t, ok)
	require.Equal(t, Family(os.Getpid())[os.Getpid()].Name, self.Name)
	_, ok = usage(-1)
	require.False(t, ok)
}

// Claim: the peak of a process is its own, also where it is small and was started by a large one,
// whose size the system adds to it; a process that is not there has none.
func TestWatchPeak(t *testing.T) {
	const large = 64 << 20
	ballast := make([]byte, large)
	for i := range ballast {
		ballast[i] = 1
	}
	require.Greater(t, WatchPeak(os.Getpid())(), float64(large>>20))
	small := exec.Command("cat")
	input, err := small.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, small.Start())
	stop := WatchPeak(small.Process.Pid) // which looks at once
	peak := stop()
	require.NoError(t, input.Close())
	require.NoError(t, small.Wait())
	require.Positive(t, peak)
	require.Less(t, peak, float64(large>>20))
	require.Equal(t, byte(1), ballast[large-1])
	require.Zero(t, WatchPeak(small.Process.Pid)())
}
