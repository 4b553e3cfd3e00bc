//go:build linux

package machines

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
)

// A run over four machines, which serve different queues and reach S3 with different faults on
// the way, leaves what it leaves on one machine, byte for byte. Each fetches the prepared table
// once, also when every worker is killed and started again in between, but for the one whose
// disk is full: that is no failure either.
func TestFourMachines(t *testing.T) {
	t.Parallel()
	want := alone(t)
	l := newLab(t)
	met := newMeeting(4)
	crew := []*machine{
		l.machine(met.then(every(9, overloaded))), l.machine(met.then(every(13, broken))), l.machine(met.then(nil)), l.machine(met.then(nil)),
	}
	queues := []string{"workflows,train", "train,io", "train", "train"}
	crew[3].fill()
	var workers []*harness.Process
	serve := func() {
		workers = nil
		for i, m := range crew {
			workers = append(workers, m.worker("--queues", queues[i], "--slots", "1"))
		}
	}
	serve()
	require.Equal(t, 3*folds, harness.Completed(t, l.start(shared, data, linear)).Trained)
	for i, m := range crew {
		require.EqualValues(t, 1, m.fetched.Load(), "machine %d", i)
	}
	for _, w := range workers {
		w.Kill()
	}
	serve()
	e := harness.Completed(t, l.start(shared, data, boosted))
	require.Equal(t, []int{folds, 3 * folds}, []int{e.Trained, e.Reused})
	for i, m := range crew[:3] {
		require.EqualValues(t, 1, m.fetched.Load(), "machine %d", i)
		require.Len(t, m.kept(), 1)
	}
	require.LessOrEqual(t, crew[3].fetched.Load(), int64(2))
	l.requireSound(want, 4*folds)
	for i, w := range workers {
		require.Zero(t, w.Stop())
		require.Contains(t, w.Stderr(), "queues=everfold-"+strings.ReplaceAll(queues[i], ",", ",everfold-"))
	}
}

// kept are the files of prepared tables on the machine's disk.
func (m *machine) kept() []string {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.disk, "home", ".cache", "everfold", "prepared", "*"))
	require.NoError(m.t, err)
	return files
}

// fill leaves no room on the machine's disk, where it has one of its own.
func (m *machine) fill() {
	m.t.Helper()
	if !separate {
		return
	}
	file, err := os.Create(filepath.Join(m.disk, "ballast"))
	require.NoError(m.t, err)
	defer file.Close()
	_, err = io.Copy(file, zeros{})
	require.ErrorContains(m.t, err, "no space left")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// meeting holds the first fetch of the prepared table of every machine until so many machines
// have begun one: all of them have a fold in hand then.
type meeting struct {
	missing atomic.Int64
	all     chan struct{}
}

func newMeeting(machines int) *meeting {
	m := &meeting{all: make(chan struct{})}
	m.missing.Store(int64(machines))
	return m
}

// then is the meeting of one machine, and a fault in what else it asks for.
func (m *meeting) then(d disturb) disturb {
	var came atomic.Bool
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		if !strings.HasSuffix(r.URL.Path, "/"+artifact.PreparedKey) || r.Method != http.MethodGet {
			if d == nil {
				serve.ServeHTTP(w, r)
			} else {
				d(w, r, serve)
			}
			return
		}
		if came.CompareAndSwap(false, true) && m.missing.Add(-1) == 0 {
			close(m.all)
		}
		select {
		case <-m.all:
			serve.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// every disturbs the n-th request, the 2n-th, and so on.
func every(n int64, d disturb) disturb {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, serve http.Handler) {
		if count.Add(1)%n == 0 {
			d(w, r, serve)
			return
		}
		serve.ServeHTTP(w, r)
	}
}

func overloaded(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
}

func broken(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }
