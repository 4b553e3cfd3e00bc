package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/preprocess"
)

// waves is a predictor of so many rows, whose only column is the number of the row.
func waves(t *testing.T, rows int) *predictor {
	t.Helper()
	number := survival.Feature{Name: "row", Values: make([]float64, rows)}
	for i := range number.Values {
		number.Values[i] = float64(i)
	}
	frame := &survival.Frame{Rows: rows, Columns: []survival.Feature{number}}
	pipeline, err := preprocess.Fit(t.Context(), frame, []int{0, 1, 2}, preprocess.Options{})
	require.NoError(t, err)
	return &predictor{frame: frame, pipeline: pipeline, threads: 2}
}

// Claim: waves are predicted whole and handed over in order, each after it is predicted and at
// most one wave behind, with every row once.
func TestWaves(t *testing.T) {
	rows := 2*2*blockRows + blockRows + 5
	p := waves(t, rows)
	held := make([]float64, 2*p.waveRows())
	next := 0
	require.NoError(t, p.eachWave(t.Context(), func(_ context.Context, from int, x *survival.Design) error {
		for i, v := range x.Columns[0].Values {
			held[(from+i)%len(held)] = v
		}
		return nil
	}, func(from, to int) error {
		require.Equal(t, next, from)
		for i := from; i < to; i++ {
			if held[i%len(held)] != float64(i) {
				t.Fatalf("row %d is %g", i, held[i%len(held)])
			}
		}
		next = to
		return nil
	}))
	require.Equal(t, rows, next)
	require.EqualValues(t, rows, p.done.Load())
}

// Claim: an error of predicting ends the waves before its own is handed over, one of writing ends
// predicting, and a panic is the caller's.
func TestWavesFail(t *testing.T) {
	broken := errors.New("broken")
	p := waves(t, 3*2*blockRows)
	for name, fails := range map[string]func(from int) error{
		"error": func(int) error { return broken },
		"panic": func(int) error { panic("broken") },
	} {
		written := 0
		run := func() error {
			return p.eachWave(t.Context(), func(_ context.Context, from int, _ *survival.Design) error {
				if from >= 2*blockRows {
					return fails(from)
				}
				return nil
			}, func(from, to int) error {
				written = to
				return nil
			})
		}
		if name == "panic" {
			p.threads = 1 // of several, the others' panics end the program
			p.frame.Rows = 3 * blockRows
			require.Panics(t, func() { _ = run() })
		} else {
			require.ErrorIs(t, run(), broken)
		}
		require.Equal(t, 2*blockRows, written, name)
	}
	begun := 0
	p = waves(t, 3*2*blockRows)
	p.threads = 1
	require.ErrorIs(t, p.eachWave(t.Context(), func(_ context.Context, from int, _ *survival.Design) error {
		begun++
		return nil
	}, func(from, to int) error { return broken }), broken)
	require.LessOrEqual(t, begun, 2)
}
