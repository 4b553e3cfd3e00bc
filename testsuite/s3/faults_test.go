package s3

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever goes wrong between a worker and the store, the run ends as if nothing had: the same
// tree, byte for byte, nothing torn, nothing more, every fold trained.
func TestFaultsOnTheWay(t *testing.T) {
	l := newLab(t)
	l.worker()
	want := l.undisturbed()
	for name, f := range map[string]fault{
		"down": down, "late": late, "overloaded": overloaded, "reset": reset, "mistaken": mistaken, "slow": slow,
	} {
		t.Run(name, func(t *testing.T) {
			url, met := newProxy(t, l.bucket, f)
			e := l.finished(l.start(l.spec(veteran(t), at(url, name))))
			require.Equal(t, 3*folds, e.Result.Trained)
			require.Greater(t, met.Load(), int64(100))
			t.Logf("%d requests", met.Load())
			want.requireEqual(t, treeOf(t, l.bucket.Store(name), veteran(t)), name)
		})
	}
}

// A server that does not answer costs a request its patience and no activity its attempt: no
// heartbeat is missed meanwhile, and nothing is tried again but the request.
func TestSilence(t *testing.T) {
	l := newLab(t)
	worker := l.worker()
	url, _ := newProxy(t, l.bucket, silent)
	e := l.finished(l.start(l.spec(veteran(t), at(url, "silent"))))
	require.Equal(t, 3*folds, e.Result.Trained)
	for line := range strings.Lines(worker.Stderr()) {
		require.NotContains(t, line, "attempt=2")
		require.NotContains(t, line, "tried again")
	}
}
