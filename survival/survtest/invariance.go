package survtest

import (
	"context"
	"math"
	"slices"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// checkThreads: the model file is the same on 1, 2 and 8 threads, and fitted twice.
func checkThreads(t T, s Subject) {
	x, y := data(300, 4)
	var first []byte
	for _, threads := range []int{0, 1, 2, 8, 8} {
		m, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed, Threads: threads})
		require.NoError(t, err)
		file, err := m.MarshalBinary()
		require.NoError(t, err)
		if first == nil {
			first = file
		}
		require.Equal(t, first, file, "%d threads", threads)
	}
}

// checkInputs: neither fit nor prediction changes what it is given.
func checkInputs(t T, s Subject) {
	x, y := data(80, 3)
	y.Weight = ones(80)
	keepX, keepY := copyOf(x), y.Take(all(80))
	times := grid(y)
	keepTimes := slices.Clone(times)
	predict(t, s.fit(t, x, y), x, times)
	require.Equal(t, keepX, x)
	require.Equal(t, keepY, y)
	require.Equal(t, keepTimes, times)
}

// checkTimeUnit: times in another unit give the same curves at the same moments and the
// same differences of risk. The factor is a power of two, so ties and sums keep their bits.
func checkTimeUnit(t T, s Subject) {
	x, y := data(200, 3)
	want := predict(t, s.fit(t, x, y), x, grid(y))
	scaled := y
	scaled.Time = slices.Clone(y.Time)
	for i := range scaled.Time {
		scaled.Time[i] /= 32
	}
	requireClose(t, want, predict(t, s.fit(t, x, scaled), x, grid(scaled)), s.tolerance())
}

// checkConstant: a column without variance changes nothing.
func checkConstant(t T, s Subject) {
	x, y := data(200, 3)
	want := predict(t, s.fit(t, x, y), x, grid(y))
	wide := copyOf(x)
	constant := survival.Column{Name: "constant", Term: "constant", Values: make([]float64, 200)}
	for i := range constant.Values {
		constant.Values[i] = 3.25
	}
	wide.Columns = slices.Insert(wide.Columns, 1, constant)
	requireClose(t, want, predict(t, s.fit(t, wide, y), wide, grid(y)), s.tolerance())
}

// checkRowOrder: fitted on reversed rows, predictions agree to 1e-10.
func checkRowOrder(t T, s Subject) {
	x, y := data(200, 3)
	order := all(200)
	slices.Reverse(order)
	want := predict(t, s.fit(t, x, y), x, grid(y))
	requireClose(t, want, predict(t, s.fit(t, x.Take(order), y.Take(order)), x, grid(y)), 1e-10)
}

// checkWeights: weight 2 equals a copied row, and weights of 1 equal none.
func checkWeights(t T, s Subject) {
	x, y := data(120, 3)
	want := predict(t, s.fit(t, x, y), x, grid(y))
	unit := y
	unit.Weight = ones(120)
	requireClose(t, want, predict(t, s.fit(t, x, unit), x, grid(y)), s.tolerance())

	heavy := y
	heavy.Weight = ones(120)
	rows := all(120)
	for i := 0; i < 120; i += 3 {
		heavy.Weight[i] = 2
		rows = append(rows, i)
	}
	want = predict(t, s.fit(t, x.Take(rows), y.Take(rows)), x, grid(y))
	requireClose(t, want, predict(t, s.fit(t, x, heavy), x, grid(y)), s.tolerance())
}

// checkEntry: entry before the first time is no truncation.
func checkEntry(t T, s Subject) {
	x, y := data(150, 3)
	want := predict(t, s.fit(t, x, y), x, grid(y))
	y.Entry = make([]float64, 150)
	requireClose(t, want, predict(t, s.fit(t, x, y), x, grid(y)), s.tolerance())
}

// checkProportional: −log S of two rows has the ratio that their risks say.
func checkProportional(t T, s Subject) {
	x, y := data(200, 3)
	p := predict(t, s.fit(t, x, y), x, grid(y))
	for i := range p.surv {
		ratio := math.Exp(p.risk[i] - p.risk[0])
		for j := range p.surv[i] {
			require.InDelta(t, math.Pow(p.surv[0][j], ratio), p.surv[i][j], s.tolerance(), "row %d, time %d", i, j)
		}
	}
}

func ones(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func copyOf(x *survival.Design) *survival.Design { return x.Take(all(x.Rows)) }
