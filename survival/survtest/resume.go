package survtest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// Checkpoints keeps states in memory and finds every moment worth a state. After each Save
// it remembers what a worker lost at that moment would have left.
type Checkpoints struct {
	mu     sync.Mutex
	states map[string][]byte
	left   []map[string][]byte
	used   int
}

// NewCheckpoints starts with what another attempt left; nil is nothing.
func NewCheckpoints(left map[string][]byte) *Checkpoints {
	c := &Checkpoints{states: map[string][]byte{}}
	maps.Copy(c.states, left)
	return c
}

// Due is always true.
func (c *Checkpoints) Due(context.Context, string) bool { return true }

// Save keeps a copy.
func (c *Checkpoints) Save(_ context.Context, piece string, state []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states[piece] = slices.Clone(state)
	c.left = append(c.left, maps.Clone(c.states))
}

// Load gives a copy.
func (c *Checkpoints) Load(_ context.Context, piece string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, ok := c.states[piece]
	if ok {
		c.used++
	}
	return slices.Clone(state), ok
}

// Left is what was there after each Save, in order.
func (c *Checkpoints) Left() []map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.left)
}

// checkResume: a fit that goes on from any of its states has the bytes of an undisturbed
// one and does less; damaged states, and those of other data, are as good as none.
func checkResume(t T, s Subject) {
	const n = 300
	want, all := resume(t, s, n, NewCheckpoints(nil))
	plain, _ := resume(t, s, n, nil)
	require.Equal(t, plain, want, "saving states changes the fit")
	left := all.Left()
	require.Greater(t, len(left), 1, "states were saved")
	for _, k := range sample(len(left), 16) {
		got, c := resume(t, s, n, NewCheckpoints(left[k]))
		require.Equal(t, want, got, "resumed after save %d of %d", k+1, len(left))
		require.Positive(t, c.used, "the state after save %d is not looked for", k+1)
		require.Less(t, len(c.Left()), len(left), "nothing is spared after save %d", k+1)
	}
	last := left[len(left)-1]
	for name, damage := range damages(last) {
		got, _ := resume(t, s, n, NewCheckpoints(damage))
		require.Equal(t, want, got, "%s state", name)
	}
	if !s.WholeParts {
		checkLastWord(t, s, n, want)
	}
	fewer, _ := resume(t, s, n-40, nil)
	got, _ := resume(t, s, n-40, NewCheckpoints(last))
	require.Equal(t, fewer, got, "state of other data")
}

// lastWord finds a state worth saving only once the fit is told to stop.
type lastWord struct{ *Checkpoints }

func (lastWord) Due(ctx context.Context, _ string) bool { return ctx.Err() != nil }

// checkLastWord: a fit that is stopped between two looks at its context, past the middle of
// them, says what it has done, and goes on from there to the same bytes.
func checkLastWord(t T, s Subject, n int, want []byte) {
	x, y := data(n, 4)
	looks := 0
	opt := survival.FitOptions{Seed: seed, Threads: 1, Checkpoints: NewCheckpoints(nil)}
	_, err := s.Fit(survival.WithProgress(context.Background(), func(float64, float64) { looks++ }), x, y, opt)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	said, seen := lastWord{NewCheckpoints(nil)}, 0
	opt.Checkpoints = said
	_, err = s.Fit(survival.WithProgress(ctx, func(float64, float64) {
		if seen++; 2*seen > looks {
			stop()
		}
	}), x, y, opt)
	stop()
	if err == nil {
		return // what was left needed no look
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NotEmpty(t, said.Left(), "a stopped fit saves what it has done")
	got, _ := resume(t, s, n, NewCheckpoints(said.Left()[len(said.Left())-1]))
	require.Equal(t, want, got, "resumed after the last word")
}

// resume fits n rows with checkpoints, or with none.
func resume(t T, s Subject, n int, c *Checkpoints) ([]byte, *Checkpoints) {
	x, y := data(n, 4)
	opt := survival.FitOptions{Seed: seed, Threads: 1}
	if c != nil {
		opt.Checkpoints = c
	}
	m, err := s.Fit(context.Background(), x, y, opt)
	require.NoError(t, err)
	file, err := m.MarshalBinary()
	require.NoError(t, err)
	return file, c
}

// sample is at most k of the numbers below n, the first and last among them.
func sample(n, k int) []int {
	var out []int
	for i := range min(n, k) {
		out = append(out, i*(n-1)/max(1, min(n, k)-1))
	}
	return out
}

// damages are ways in which all states can be wrong.
func damages(states map[string][]byte) map[string]map[string][]byte {
	out := map[string]map[string][]byte{}
	for name, change := range map[string]func([]byte) []byte{
		"empty":   func([]byte) []byte { return nil },
		"short":   func(b []byte) []byte { return b[:len(b)/2] },
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"long":    func(b []byte) []byte { return append(b, 0) },
		"other":   func([]byte) []byte { return []byte("EVERFOLD is not enough of a state") },
	} {
		out[name] = map[string][]byte{}
		for piece, state := range states {
			out[name][piece] = change(slices.Clone(state))
		}
	}
	return out
}
