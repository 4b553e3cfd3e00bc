package s3

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// Whatever goes wrong between a worker and the store, the run ends as if nothing had: the same
// tree, byte for byte, nothing torn, nothing more, every fold trained. `make soak` has the same
// faults at full length.
func TestFaultsOnTheWay(t *testing.T) {
	l := newLab(t)
	l.worker()
	want := l.undisturbed()
	for name, f := range faults(t) {
		t.Run(name, func(t *testing.T) {
			url, met := newProxy(t, l.bucket, f)
			e := harness.Completed(t, l.start(l.spec(veteran(t), at(url, name))))
			require.Equal(t, 3*folds, e.Trained+e.Reused) // reused: the fit's end was not written down
			require.Greater(t, met.Load(), int64(100))
			t.Logf("%d requests", met.Load())
			requireEqual(t, want, treeOf(t, l.bucket.Store(name), veteran(t)), name)
		})
	}
}

// faults are those of a run: of moments, and in their long form of a minute each: no server,
// expired credentials, a thousand bytes a second on every third request, five seconds to every
// fourth answer. At a thousand bytes a second nothing moves for longer than a request's patience
// once the network has taken a large object in, so uploads of these wait for a better one.
func faults(t *testing.T) map[string]fault {
	t.Helper()
	found := map[string]fault{"overloaded": overloaded, "reset": reset, "mistaken": mistaken}
	outage := 2 * time.Second
	found["late"], found["slow"] = late(30*time.Millisecond), slow(700_000)
	if _, long := harness.Soak(t, 0); long {
		outage = time.Minute
		found["late"], found["slow"] = late(5*time.Second), during(outage, slow(1000))
	}
	found["down"], found["expired"] = during(outage, down), during(outage, expired)
	return found
}

// A server that does not answer costs a request its patience and no activity its attempt: no
// heartbeat is missed meanwhile, and nothing is tried again but the request.
func TestSilence(t *testing.T) {
	l := newLab(t)
	worker := l.worker()
	url, _ := newProxy(t, l.bucket, silent)
	e := harness.Completed(t, l.start(l.spec(veteran(t), at(url, "silent"))))
	require.Equal(t, 3*folds, e.Trained)
	for line := range strings.Lines(worker.Stderr()) {
		require.NotContains(t, line, "attempt=2")
		require.NotContains(t, line, "tried again")
	}
}
