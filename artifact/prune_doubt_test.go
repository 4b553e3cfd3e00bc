package artifact_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

// A removal that cannot find out whether the run has been started again meanwhile goes no further.
func TestPruneInDoubt(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	var removed atomic.Int64
	down := &storetest.Faulty{Store: root, Before: func(op storetest.Op, key string) error {
		if op == storetest.Get && strings.HasSuffix(key, "n-1/"+artifact.PrunedKey) && removed.Load() > 0 {
			return store.ErrUnavailable
		}
		if op == storetest.Delete {
			removed.Add(1)
		}
		return nil
	}}
	_, err := artifact.Prune(t.Context(), down, pruning(1, ""))
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.EqualValues(t, 1, removed.Load(), "run.json")
}

// A tombstone that another removal wrote, and a start called off, after the run was listed is left to that
// start.
func TestPruneListedBeforeTheTombstone(t *testing.T) {
	root := memory()
	n1 := stored(t, root, "n-1", 9, 0)
	var once sync.Once
	racing := &storetest.Faulty{Store: root, Before: func(op storetest.Op, key string) (err error) {
		if op == storetest.Get && strings.HasSuffix(key, "n-1/"+artifact.RunKey) {
			once.Do(func() {
				condemn(t, root, "n-1")
				err = errors.Join(n1.Delete(t.Context(), artifact.RunKey), artifact.CallOff(t.Context(), n1))
			})
		}
		return err
	}}
	report := prune(t, racing, pruning(1, ""))
	require.Zero(t, report.Removed)
	require.Contains(t, report.Runs[0].Reason, "started again")
	content(t, n1, artifact.ManifestKey("forest", 0))
}

// Where nobody can be asked Force removes what was written just now, but for what may be starting in the
// rest of an interrupted removal.
func TestPruneForce(t *testing.T) {
	root := memory()
	stored(t, root, "n-1", 9, 0)
	stored(t, root, "n-2", 1, 0)
	n0 := stored(t, root, "n-0", 19, 0)
	condemn(t, root, "n-0")
	require.NoError(t, n0.Delete(t.Context(), artifact.RunKey))
	require.NoError(t, artifact.CallOff(t.Context(), n0))
	o := pruning(1, "")
	o.Now, o.Quiet = time.Now(), time.Hour
	require.Zero(t, prune(t, root, o).Removed)
	o.Force = true
	report := prune(t, root, o)
	require.Equal(t, 1, report.Removed)
	require.Equal(t, []string{"n-2", "n-1", "n-0"}, []string{report.Runs[0].Run, report.Runs[1].Run, report.Runs[2].Run})
	require.Equal(t, artifact.PruneRemove, report.Runs[1].Action)
	require.Contains(t, report.Runs[2].Reason, "may be starting")
	o.Now = o.Now.Add(2 * time.Hour)
	require.Equal(t, 1, prune(t, root, o).Removed)
	require.Equal(t, "n-2", left(t, root))
}

// A removal ends where a start has called it off, before its first step or in the midst of it, also one
// that finishes what an earlier start was cut off in.
func TestPruneCalledOff(t *testing.T) {
	for at := int64(1); at <= 4; at++ {
		for _, again := range []bool{false, true} {
			root := memory()
			stored(t, root, "n-1", 9, 0)
			n1 := store.Prefixed(root, "sample/n-1")
			overwrite(t, root, "sample/n-1/"+artifact.PrunedKey, []byte("{}"))
			require.NoError(t, n1.Delete(t.Context(), artifact.RunKey))
			if again {
				require.NoError(t, artifact.CallOff(t.Context(), n1))
			}
			var asked atomic.Int64
			racing := &storetest.Faulty{Store: root, Before: func(op storetest.Op, key string) error {
				if op == storetest.Get && strings.HasSuffix(key, artifact.PrunedKey) && asked.Add(1) == at {
					return artifact.CallOff(t.Context(), n1)
				}
				return nil
			}}
			o := pruning(1, "")
			report, err := artifact.Prune(t.Context(), racing, o)
			require.NoError(t, err)
			require.GreaterOrEqual(t, asked.Load(), at)
			require.Zero(t, report.Removed, "%d %t", at, again)
			require.Contains(t, report.Runs[0].Reason, "started again")
			require.Equal(t, 1, prune(t, root, o).Removed, "the start, too, was cut off")
			infos, err := root.List(t.Context(), "")
			require.NoError(t, err)
			require.Empty(t, infos)
		}
	}
}
