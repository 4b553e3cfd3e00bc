package tracker

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// logs are a run's log files of one kind.
func (l *lab) logs(run, kind string) string {
	l.t.Helper()
	return harness.ReadFiles(l.t, filepath.Join(l.folder(run), "logs", kind+"_*.log"))
}

// killable is patient with a server that is alone, and short enough with a worker that is
// gone: twice the timeout passes until that is noticed.
const killable = `{"uri":%q,"experiment":%q,"attempts":3,"timeout":"5s","budget":"3m"}`

// Claim: a worker that is killed in the middle of a sync, before or after any request of it
// has reached the server, leaves no run and no point twice, and nothing missing at the end.
func TestKilledInTheMiddleOfASync(t *testing.T) {
	server, l := shared(t), newLab(t)
	seeds, _ := harness.Soak(t, 3)
	const experiment = "killed"
	killed := 0
	for seed := range min(seeds, 50) {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		run, at, answered := fmt.Sprintf("killed-%d", seed), 2+random.Int64N(40), random.IntN(2) == 0
		p := newProxy(t, server.url)
		hit := make(chan struct{})
		var n atomic.Int64
		p.set(func(w http.ResponseWriter, r *http.Request) bool {
			if n.Add(1) != at {
				return false
			}
			if answered { // the server does it, and nobody hears of it
				pass(t, server.url, r)
			}
			close(hit)
			return hang(w, r)
		})
		worker := harness.Worker(t, l.server.Address, "--heartbeat-timeout", "2s", "--slots", "2")
		started := l.start(run, fmt.Sprintf(killable, p.url, experiment))
		ended := make(chan error, 1)
		go func() { ended <- started.Get(t.Context(), nil) }()
		select {
		case <-hit:
			killed++
			worker.Kill()
			worker = harness.Worker(t, l.server.Address, "--heartbeat-timeout", "2s", "--slots", "2")
		case err := <-ended: // a slow server gets fewer and larger requests
			require.NoError(t, err)
		}
		result := l.end(started)
		t.Logf("seed %d: to be killed at request %d of %d, answered %v: %s", seed, at, n.Load(), answered, result.Tracker)
		if result.Tracker.State != "ok" { // the final sync itself was cut off, and its budget with it
			l.track("sync", run, server.url, experiment)
		}
		worker.Stop()
		l.requireWhole(server, experiment, run)
	}
	require.Positive(t, killed, "no run had as many requests as it was to be killed at")
}

// pass sends r to a server and drops the answer. It is called by handlers, which must not end
// the test.
func pass(t *testing.T, server string, r *http.Request) {
	out, err := http.NewRequest(r.Method, server+r.URL.RequestURI(), r.Body)
	if !assert.NoError(t, err) {
		return
	}
	out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
	response, err := unkept.Do(out)
	if assert.NoError(t, err) {
		assert.NoError(t, response.Body.Close())
	}
}
