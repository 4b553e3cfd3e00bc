package artifact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/store/storetest"
)

// A state is read back until it is replaced; each piece, fit and fold has its own.
func TestCheckpoint(t *testing.T) {
	s := memory()
	at := artifact.Checkpoint{Task: artifact.Task{Model: "gbsa", Fold: 2}, Fit: strings.Repeat("ab", 32), Piece: "base/rounds"}
	_, err := artifact.ReadCheckpoint(t.Context(), s, at)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, artifact.PutCheckpoint(t.Context(), s, at, []byte("one")))
	require.NoError(t, artifact.PutCheckpoint(t.Context(), s, at, []byte("two")))
	state, err := artifact.ReadCheckpoint(t.Context(), s, at)
	require.NoError(t, err)
	require.Equal(t, "two", string(state))
	for _, change := range []func(*artifact.Checkpoint){
		func(c *artifact.Checkpoint) { c.Fold = 1 },
		func(c *artifact.Checkpoint) { c.Piece = "rounds" },
		func(c *artifact.Checkpoint) { c.Fit = strings.Repeat("cd", 32) },
	} {
		other := at
		change(&other)
		_, err := artifact.ReadCheckpoint(t.Context(), s, other)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	require.NoError(t, artifact.ClearCheckpoints(t.Context(), s, at.Task))
	_, err = artifact.ReadCheckpoint(t.Context(), s, at)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// Damaged states, and those of a fit whose fingerprint begins alike, are not given.
func TestDamagedCheckpoint(t *testing.T) {
	s := memory()
	at := artifact.Checkpoint{Task: artifact.Task{Model: "gbsa", Fold: 2}, Fit: strings.Repeat("ab", 32), Piece: "rounds"}
	require.NoError(t, artifact.PutCheckpoint(t.Context(), s, at, []byte("the state")))
	alike := at
	alike.Fit = at.Fit[:20] + strings.Repeat("cd", 22)
	_, err := artifact.ReadCheckpoint(t.Context(), s, alike)
	require.ErrorIs(t, err, artifact.ErrDamaged)

	key := artifact.CheckpointKey(at.Model, at.Fold, at.Fit, at.Piece)
	content, _, err := store.ReadAll(t.Context(), s, key, 1<<20)
	require.NoError(t, err)
	for _, damaged := range [][]byte{nil, content[:20], content[:len(content)-1], append([]byte{content[0] ^ 1}, content[1:]...)} {
		overwrite(t, s, key, damaged)
		_, err := artifact.ReadCheckpoint(t.Context(), s, at)
		require.ErrorIs(t, err, artifact.ErrDamaged)
	}
}

// A failing store is said to fail.
func TestCheckpointStoreFails(t *testing.T) {
	faulty := &storetest.Faulty{Store: memory(), Before: func(storetest.Op, string) error { return store.ErrUnavailable }}
	at := artifact.Checkpoint{Task: artifact.Task{Model: "gbsa"}, Fit: "ab", Piece: "rounds"}
	require.ErrorIs(t, artifact.PutCheckpoint(t.Context(), faulty, at, nil), store.ErrUnavailable)
	_, err := artifact.ReadCheckpoint(t.Context(), faulty, at)
	require.ErrorIs(t, err, store.ErrUnavailable)
}
