package storetest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/storetest"
)

// The memory store keeps the contract, also behind Faulty without faults and as a view.
func TestMemoryConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Memory() })
	storetest.Run(t, func(*testing.T) store.Store { return &storetest.Faulty{Store: storetest.Memory()} })
	storetest.Run(t, func(*testing.T) store.Store { return store.Prefixed(storetest.Memory(), "type/run") })
}

// An error of Before prevents the call; an error of After comes although it took effect.
func TestFaultyFailsAroundTheCall(t *testing.T) {
	fault := errors.New("fault")
	inner := storetest.Memory()
	before := &storetest.Faulty{Store: inner, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && key == "a" {
			return fault
		}
		return nil
	}}
	_, err := store.PutBytes(t.Context(), before, "a", nil, store.Condition{})
	require.ErrorIs(t, err, fault)
	_, err = store.PutBytes(t.Context(), before, "b", nil, store.Condition{})
	require.NoError(t, err)
	after := &storetest.Faulty{Store: inner, After: func(op storetest.Op, _ string) error {
		if op == storetest.Delete {
			return fault
		}
		return nil
	}}
	require.ErrorIs(t, after.Delete(t.Context(), "b"), fault)
	infos, err := inner.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, infos)
}
