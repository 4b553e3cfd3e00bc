package metric

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// sequence is times 1…n, the first n−censored of them events.
func sequence(n, censored int) survival.Outcome {
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for i := range n {
		y.Time[i], y.Event[i] = float64(i+1), i < n-censored
	}
	return y
}

// tau is the last time with 20 rows left and Ĝ(t−) ≥ 0.1, censored times included; else
// the last event time.
func TestDefaultTau(t *testing.T) {
	early := sequence(1001, 0) // the first 950 times are censored: Ĝ falls to 0.05
	for i := range 950 {
		early.Event[i] = false
	}
	for _, c := range []struct {
		name string
		y    survival.Outcome
		want float64
	}{
		{"20 rows", sequence(100, 10), 81}, {"no 20 rows", sequence(19, 4), 15}, {"exactly 20", sequence(20, 1), 1},
		{"Ĝ", early, 901}, // Ĝ(901−) = 101/1001, Ĝ(902−) = 100/1001
	} {
		for _, convention := range conventions {
			tau, err := DefaultTau(c.y, convention)
			require.NoError(t, err)
			require.Equal(t, c.want, tau, c.name)
		}
	}
	_, err := DefaultTau(sequence(5, 5), RiskRegression)
	require.ErrorIs(t, err, survival.ErrNoEvents)
}

// With entry times, tau is the last event time with 20 rows at risk.
func TestDefaultTauTruncated(t *testing.T) {
	y := sequence(50, 10)
	y.Entry = make([]float64, 50)
	tau, err := DefaultTau(y, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, 31.0, tau)
	for i := range 25 {
		y.Entry[49-i] = 24.5 // 25 rows join late: at 25 there are 26 at risk, at 6…24 at most 20
	}
	tau, err = DefaultTau(y, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, 31.0, tau)
	short := sequence(10, 3)
	short.Entry = make([]float64, 10)
	tau, err = DefaultTau(short, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, 7.0, tau)
}

// The grid has both ends and equal steps; it collapses to tau where no step is possible.
func TestGrid(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 4, 9}, Event: []bool{false, true, true, true}}
	for _, c := range []struct {
		count int
		tau   float64
		want  []float64
	}{
		{5, 4, []float64{2, 2.5, 3, 3.5, 4}}, {2, 9, []float64{2, 9}}, {1, 9, []float64{9}},
		{50, 2, []float64{2}}, {50, 1.5, []float64{1.5}},
	} {
		times, err := Grid(y, c.count, c.tau)
		require.NoError(t, err)
		require.Equal(t, c.want, times)
	}
	_, err := Grid(sequence(3, 3), 5, 2)
	require.ErrorIs(t, err, survival.ErrNoEvents)
	require.Panics(t, func() { _, _ = Grid(y, 0, 2) })
}

// The Burk grid stops at the first distinct time with fewer than 20 % of the rows at risk,
// keeps near-equal times apart in the grid, but merges them for the cut.
func TestBurk80(t *testing.T) {
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, Burk80(sequence(10, 0)), "1−2/10 > 0.8 fails at 9")
	require.Equal(t, []float64{1, 2}, Burk80(survival.Outcome{Time: []float64{1, 1, 1, 1, 1, 1, 2, 3, 1, 1, 1}, Event: make([]bool, 11)}))
	near := 3 + 1e-9
	y := survival.Outcome{Time: []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 3, near, 4}, Event: make([]bool, 12)}
	// Merged, 3 of 12 rows are at risk at 3 and 1 at 4.
	require.Equal(t, []float64{1, 3, near, 4}, Burk80(y))
	y.Time = append(y.Time, 1, 1, 1, 1)
	y.Event = make([]bool, 16)
	// Now 3 of 16: the cut is at 3, and its near-equal follower is beyond it.
	require.Equal(t, []float64{1, 3}, Burk80(y))
	require.Equal(t, []float64{5}, Burk80(survival.Outcome{Time: []float64{5}, Event: []bool{true}}))
	require.Panics(t, func() { Burk80(survival.Outcome{}) })
}

func ExampleGrid() {
	y := survival.Outcome{Time: []float64{2, 3, 5, 8}, Event: []bool{true, false, true, true}}
	times, err := Grid(y, 4, 8)
	fmt.Println(times, err)
	// Output: [2 4 6 8] <nil>
}

func ExampleDefaultTau() {
	y := survival.Outcome{Time: []float64{2, 3, 5, 8}, Event: []bool{true, false, true, false}}
	tau, err := DefaultTau(y, RiskRegression)
	fmt.Println(tau, err) // fewer than 20 rows: the last event time
	// Output: 5 <nil>
}

func ExampleBurk80() {
	fmt.Println(Burk80(survival.Outcome{Time: []float64{1, 3, 4, 4, 6, 8}, Event: make([]bool, 6)}))
	// Output: [1 3 4 6 8]
}
