package survtest

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// requireCurves: S starts at 1, never rises, stays within [0,1]; risks are finite.
func requireCurves(t T, p predictions, data string) {
	t.Helper()
	for i, curve := range p.surv {
		require.False(t, math.IsNaN(p.risk[i]) || math.IsInf(p.risk[i], 0), "%s: risk of row %d", data, i)
		last := 1.0
		for j, v := range curve {
			require.True(t, v >= 0 && v <= last, "%s: row %d, time %d: %v after %v", data, i, j, v, last)
			last = v
		}
	}
}

// checkCurves: S(0) = 1 and S before the first time is at most 1 and does not rise, on
// fitted rows and on rows far outside of them.
func checkCurves(t T, s Subject) {
	x, y := data(200, 3)
	m := s.fit(t, x, y)
	far := copyOf(x)
	for j := range far.Columns {
		for i := range far.Columns[j].Values {
			far.Columns[j].Values[i] *= 1e3
		}
	}
	for _, design := range []*survival.Design{x, far} {
		p := predict(t, m, design, grid(y))
		requireCurves(t, p, "test rows")
		for i := range p.surv {
			require.Equal(t, 1.0, p.surv[i][0], "S(0) of row %d", i)
		}
	}
	require.Empty(t, predict(t, m, x.Take(nil), grid(y)).risk, "no rows are no error")
}

// checkEqualRows: rows with identical covariates get bit-equal risks and curves, wherever
// they stand.
func checkEqualRows(t T, s Subject) {
	x, y := data(203, 5)
	m := s.fit(t, x, y)
	rows := make([]int, 64)
	for i := range rows {
		rows[i] = []int{7, 7, 3, 7, 202}[i%5]
	}
	p := predict(t, m, x.Take(rows), grid(y))
	for i, row := range rows {
		first := slices.Index(rows, row)
		require.Equal(t, p.risk[first], p.risk[i], "row %d", i)
		require.Equal(t, p.surv[first], p.surv[i], "row %d", i)
	}
}

// checkVisit: an error of visit ends the walk and is returned; a wrong dst panics.
func checkVisit(t T, s Subject) {
	x, y := data(60, 2)
	m := s.fit(t, x, y)
	full := errors.New("disk full")
	calls := 0
	err := m.Survival(context.Background(), x, grid(y), func(int, []float64) error { calls++; return full })
	require.ErrorIs(t, err, full)
	require.Equal(t, 1, calls)
	require.Panics(t, func() { _ = m.Risk(context.Background(), x, make([]float64, 59)) })
}

// checkColumns: columns are matched by name: their order and extra ones do not matter, a
// missing one is a *survival.ColumnError that names it.
func checkColumns(t T, s Subject) {
	x, y := data(100, 4)
	m := s.fit(t, x, y)
	want := predict(t, m, x, grid(y))
	mixed := copyOf(x)
	slices.Reverse(mixed.Columns)
	mixed.Columns = slices.Insert(mixed.Columns, 2, survival.Column{Name: "extra", Term: "extra", Values: make([]float64, 100)})
	requireEqual(t, want, predict(t, m, mixed, grid(y)))
	for _, name := range m.Columns() {
		lacking := copyOf(x)
		lacking.Columns = slices.DeleteFunc(lacking.Columns, func(c survival.Column) bool { return c.Name == name })
		var missing *survival.ColumnError
		require.ErrorAs(t, m.Risk(context.Background(), lacking, make([]float64, 100)), &missing)
		require.Equal(t, name, missing.Column)
		err := m.Survival(context.Background(), lacking, grid(y), func(int, []float64) error { return nil })
		require.ErrorAs(t, err, &missing)
	}
}
