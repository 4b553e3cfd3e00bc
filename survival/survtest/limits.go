package survtest

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

var errStop = errors.New("stopped by the suite")

// checkCancelled: with a context that has ended, fit and prediction return its cause.
func checkCancelled(t T, s Subject) {
	x, y := data(60, 2)
	m := s.fit(t, x, y)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errStop)
	_, err := s.Fit(ctx, x, y, survival.FitOptions{Seed: seed})
	require.ErrorIs(t, err, errStop)
	err = m.Survival(ctx, x, grid(y), func(int, []float64) error { return nil })
	require.ErrorIs(t, err, errStop)
}

// checkCancelledAtWork: cancelled at its first report of progress, a larger fit returns
// the cause within a second.
func checkCancelledAtWork(t T, s Subject) {
	x, y := data(20_000, 6)
	ctx, cancel := context.WithCancelCause(context.Background())
	var at time.Time
	ctx = survival.WithProgress(ctx, func(done, total float64) {
		if at.IsZero() {
			at = time.Now()
			cancel(errStop)
		}
	})
	_, err := s.Fit(ctx, x, y, survival.FitOptions{Seed: seed})
	require.False(t, at.IsZero(), "the fit reported no progress")
	require.ErrorIs(t, err, errStop)
	require.Less(t, time.Since(at), time.Second)
}

// checkDegenerate: data at the edge of what can be estimated give a model with finite
// risks and proper curves, or say survival.ErrNotConverged; never a panic or NaN.
func checkDegenerate(t T, s Subject) {
	for _, c := range []struct {
		name string
		make func() (*survival.Design, survival.Outcome)
	}{
		{"one row", func() (*survival.Design, survival.Outcome) { return changed(1, 2, allEvents) }},
		{"two rows", func() (*survival.Design, survival.Outcome) { return changed(2, 2, allEvents) }},
		{"all events", func() (*survival.Design, survival.Outcome) { return changed(50, 3, allEvents) }},
		{"one event", func() (*survival.Design, survival.Outcome) { return changed(50, 3, oneEvent) }},
		{"one distinct time", func() (*survival.Design, survival.Outcome) { return changed(50, 3, oneTime) }},
		{"one time, all events", func() (*survival.Design, survival.Outcome) { return changed(50, 3, allEvents, oneTime) }},
		{"more columns than rows", func() (*survival.Design, survival.Outcome) { return data(20, 40) }},
		{"no columns", func() (*survival.Design, survival.Outcome) { return data(50, 0) }},
		{"no columns, many rows", func() (*survival.Design, survival.Outcome) { return data(20_000, 0) }},
		{"equal columns", func() (*survival.Design, survival.Outcome) { return changed(80, 3, equalColumns) }},
		{"separation", func() (*survival.Design, survival.Outcome) { return changed(60, 2, separated) }},
		{"huge and tiny values", func() (*survival.Design, survival.Outcome) { return changed(80, 3, extremeScales) }},
	} {
		x, y := c.make()
		m, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed, Threads: 1})
		if errors.Is(err, survival.ErrNotConverged) {
			continue
		}
		require.NoError(t, err, c.name)
		requireCurves(t, predict(t, m, x, grid(y)), c.name)
	}
}

func changed(n, p int, changes ...func(*survival.Design, survival.Outcome)) (*survival.Design, survival.Outcome) {
	x, y := data(n, p)
	for _, change := range changes {
		change(x, y)
	}
	return x, y
}

func allEvents(_ *survival.Design, y survival.Outcome) {
	for i := range y.Event {
		y.Event[i] = true
	}
}

func oneEvent(_ *survival.Design, y survival.Outcome) {
	clear(y.Event)
	y.Event[len(y.Event)/2] = true
}

func oneTime(_ *survival.Design, y survival.Outcome) {
	for i := range y.Time {
		y.Time[i] = 5
	}
}

func equalColumns(x *survival.Design, _ survival.Outcome) {
	copy(x.Columns[2].Values, x.Columns[0].Values)
}

// separated: the first column orders the events perfectly.
func separated(x *survival.Design, y survival.Outcome) {
	for i := range y.Time {
		y.Time[i], y.Event[i] = float64(i+1), true
		x.Columns[0].Values[i] = -float64(i)
	}
}

func extremeScales(x *survival.Design, _ survival.Outcome) {
	for i := range x.Rows {
		x.Columns[0].Values[i] *= 1e9
		x.Columns[1].Values[i] = 1e6 + 1e-3*x.Columns[1].Values[i]
		x.Columns[2].Values[i] *= 1e-9
	}
}

// checkNoEvents: without events every fit is survival.ErrNoEvents.
func checkNoEvents(t T, s Subject) {
	for _, n := range []int{1, 30} {
		x, y := data(n, 2)
		clear(y.Event)
		_, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed})
		require.ErrorIs(t, err, survival.ErrNoEvents)
	}
}

// checkBadValues: times, entries and weights that are not allowed are *survival.DataError,
// naming the row.
func checkBadValues(t T, s Subject) {
	for _, c := range []struct {
		column string
		spoil  func(y *survival.Outcome)
	}{
		{"time", func(y *survival.Outcome) { y.Time[17] = 0 }},
		{"time", func(y *survival.Outcome) { y.Time[17] = math.NaN() }},
		{"time", func(y *survival.Outcome) { y.Time[17] = math.Inf(1) }},
		{"weight", func(y *survival.Outcome) { y.Weight = ones(30); y.Weight[17] = 0 }},
		{"weight", func(y *survival.Outcome) { y.Weight = ones(30); y.Weight[17] = math.NaN() }},
		{"entry", func(y *survival.Outcome) { y.Entry = make([]float64, 30); y.Entry[17] = y.Time[17] }},
	} {
		if c.column == "entry" && !s.Entry {
			continue
		}
		x, y := data(30, 2)
		c.spoil(&y)
		_, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed})
		var bad *survival.DataError
		require.ErrorAs(t, err, &bad, c.column)
		require.Equal(t, 17, bad.Row)
		require.Equal(t, c.column, bad.Column)
	}
}

// withGap is data whose second column lacks the value of row 17.
func withGap() (*survival.Design, survival.Outcome) {
	x, y := data(90, 3)
	x.Columns[1].Values[17] = math.NaN()
	return x, y
}

// checkGaps: a model that takes missing values has proper curves for rows with and without.
func checkGaps(t T, s Subject) {
	x, y := withGap()
	requireCurves(t, predict(t, s.fit(t, x, y), x, grid(y)), "gap")
}

// checkNoGaps: any other model refuses them, naming row and column.
func checkNoGaps(t T, s Subject) {
	x, y := withGap()
	_, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed})
	var bad *survival.DataError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, 17, bad.Row)
	require.Equal(t, x.Columns[1].Name, bad.Column)
}
