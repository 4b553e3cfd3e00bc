package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/storetest"
)

// The overlay keeps the contract, on an empty store and as a view.
func TestOverlayConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return store.Overlay(storetest.Memory()) })
	storetest.Run(t, func(*testing.T) store.Store { return store.Prefixed(store.Overlay(storetest.Memory()), "type/run") })
}

// What is written to, replaced in and deleted from an overlay is seen there alone; conditions
// hold against what lies beneath.
func TestOverlayLeavesWhatIsBeneath(t *testing.T) {
	ctx, base := t.Context(), storetest.Memory()
	first, err := store.PutBytes(ctx, base, "a", []byte("beneath"), store.Condition{})
	require.NoError(t, err)
	_, err = store.PutBytes(ctx, base, "b", []byte("beneath"), store.Condition{})
	require.NoError(t, err)
	o := store.Overlay(base)
	_, err = store.PutBytes(ctx, o, "a", nil, store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = store.PutBytes(ctx, o, "a", []byte("above"), store.Condition{ETag: first.ETag})
	require.NoError(t, err)
	_, err = store.PutBytes(ctx, o, "a", nil, store.Condition{ETag: first.ETag})
	require.ErrorIs(t, err, store.ErrConflict)
	require.NoError(t, o.Delete(ctx, "b"))
	_, err = store.PutBytes(ctx, o, "c", []byte("new"), store.Condition{Absent: true})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "above", "c": "new"}, contents(t, o))
	require.Equal(t, map[string]string{"a": "beneath", "b": "beneath"}, contents(t, base))
}

func contents(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	infos, err := s.List(t.Context(), "")
	require.NoError(t, err)
	out := map[string]string{}
	for _, info := range infos {
		content, _, err := store.ReadAll(t.Context(), s, info.Key, 1<<20)
		require.NoError(t, err)
		out[info.Key] = string(content)
	}
	return out
}
