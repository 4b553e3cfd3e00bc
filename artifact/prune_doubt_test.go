package artifact_test

import (
	"strings"
	"sync/atomic"
	"testing"

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
