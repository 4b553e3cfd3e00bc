package survtest

import (
	"context"
	"errors"
	"slices"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// checkQuery: a fit that answers a query has the bits of the model that it does not hold:
// risks, curves and report, on any number of threads, and where it goes on from the states of
// an attempt that was lost. Columns are matched by name, and cancellation ends it.
func checkQuery(t T, s Subject) {
	x, y := data(300, 4)
	asked, _ := data(170, 5) // a column more than the fit's
	slices.Reverse(asked.Columns)
	opt := survival.FitOptions{Seed: seed, Query: survival.Query{Design: asked, Times: grid(y)}}
	m, err := s.Fit(context.Background(), x, y, opt)
	require.NoError(t, err)
	want := predict(t, m, asked, grid(y))

	answer := func(opt survival.FitOptions, says string, args ...any) {
		got, err := s.Predict(context.Background(), x, y, opt)
		require.NoError(t, err)
		require.Equal(t, want.risk, got.Risk, says, args)
		require.Equal(t, slices.Concat(want.surv...), got.Survival, says, args)
		require.Equal(t, m.Report(), got.Report, says, args)
	}
	for _, opt.Threads = range []int{1, 2, 8} {
		answer(opt, "%d threads", opt.Threads)
	}
	if s.Resumes {
		all := NewCheckpoints(nil)
		opt.Checkpoints = all
		answer(opt, "saving states")
		left := all.Left()
		for _, k := range sample(len(left), 8) {
			again := NewCheckpoints(left[k])
			opt.Checkpoints = again
			answer(opt, "resumed after save %d", k+1)
			require.Positive(t, again.used, "the state after save %d is not looked for", k+1)
		}
		opt.Checkpoints = nil
	}

	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	cancel(stop)
	_, err = s.Predict(ctx, x, y, opt)
	require.ErrorIs(t, err, stop)
	opt.Query.Design = &survival.Design{Rows: asked.Rows, Columns: asked.Columns[3:]}
	_, err = s.Predict(context.Background(), x, y, opt)
	var missing *survival.ColumnError
	require.ErrorAs(t, err, &missing)
}
