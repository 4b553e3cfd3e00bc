package report

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/survival"
)

func jsonText(s string) (string, error) {
	out, err := json.Marshal(s)
	return string(out), err
}

// Long pauses are cut out of the time axis, short ones are not; places keep their order.
func TestClock(t *testing.T) {
	at := func(from, to float64) fit { return fit{from: from, to: to} }
	c := newClock([]fit{at(0, 100), at(50, 120), at(125, 200), at(90_000, 90_100)})
	require.Len(t, c.pieces, 2)
	require.Len(t, c.cuts, 1)
	require.InDelta(t, 90_100, c.whole, 1e-9)
	require.Contains(t, c.axis, "minutes")
	require.Contains(t, c.axis, "without pauses")
	require.Zero(t, c.at(0))
	require.InDelta(t, 200.0/60, c.at(200), 1e-9)
	require.Greater(t, c.at(90_000), c.cuts[0])
	require.InDelta(t, 100.0/60, c.at(90_100)-c.at(90_000), 1e-9)
}

// A curve is linear between its times and has no value beyond; the mean is over the folds that
// have one.
func TestMeanCurve(t *testing.T) {
	c := curve{times: []float64{1, 3}, values: []float64{0, 1}}
	require.Equal(t, 0.5, c.at(2))
	require.Equal(t, 1.0, c.at(3))
	require.True(t, math.IsNaN(c.at(0.5)))
	require.True(t, math.IsNaN(c.at(3.5)))
	of := map[int]curve{0: {times: []float64{1, 2, 3}, values: []float64{1, 1, 1}}, 1: {times: []float64{2, 3}, values: []float64{2, 3}}}
	mean := meanCurve([]*artifact.Manifest{{Fold: 0}, {Fold: 1}}, func(m *artifact.Manifest) curve { return of[m.Fold] })
	require.Equal(t, curve{times: []float64{1, 2, 3}, values: []float64{1, 1.5, 2}}, mean)
}

// Numbers and durations are written for reading.
func TestWords(t *testing.T) {
	require.Equal(t, "287,013", amount(287013))
	require.Equal(t, "-1,000", amount(-1000))
	require.Equal(t, "999", amount(999))
	require.Equal(t, "1 fold", counted(1, "fold"))
	require.Equal(t, "50 ms", lasting(0.05))
	require.Equal(t, "12.3 s", lasting(12.3))
	require.Equal(t, "2 min 05 s", lasting(125))
	require.Equal(t, "31 h 00 min", lasting(31*3600))
	p := 1e-9
	require.Equal(t, "< 0.0001", pvalue(&p))
	require.Equal(t, dash, score(nil))
	require.Equal(t, `'/a b/it'\''s'`, quote("/a b/it's"))
	require.Equal(t, "/a/b", quote("/a/b"))
	require.Equal(t, "abc…", short("abcdef", 4))
	require.Equal(t, "a�b c", plain("a\x07b\nc"))
}

// Marks of an axis are round values within it, about five, with as many digits as they need.
func TestRoundMarks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []string
	}{
		{0, 1, []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{0.127, 0.24, []string{"0.15", "0.20"}},
		{-0.02, 0.39, []string{"0.0", "0.1", "0.2", "0.3"}},
		{12, 231, []string{"50", "100", "150", "200"}},
		{-3000, 3000, []string{"−2,000", "0", "2,000"}},
	} {
		var got []string
		for _, mark := range (round{}).Ticks(c.low, c.high) {
			require.GreaterOrEqual(t, mark.Value, c.low-1e-9)
			require.LessOrEqual(t, mark.Value, c.high+1e-9)
			got = append(got, mark.Label)
		}
		require.Equal(t, c.want, got)
	}
	require.NotEmpty(t, (round{}).Ticks(1, 1))
	require.NotPanics(t, func() { (round{}).Ticks(math.Inf(-1), math.NaN()) })
}

// Groups of predictions are of equal size, keep equal predictions together, and say what
// Kaplan–Meier says of their rows.
func TestBins(t *testing.T) {
	const n = 400
	b := &builder{Input: Input{Outcome: survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}}}
	p := &predicted{rows: make([]int, n)}
	surv := make([]float64, n)
	for i := range n {
		p.rows[i] = i
		b.Outcome.Time[i], b.Outcome.Event[i] = 1+float64(i%2), true // every other row has its event at 1
		surv[i] = float64(i/2) / (n / 2)
	}
	bins := b.binned(p, surv, 1)
	require.Len(t, bins, calibrated)
	total := 0
	for k, g := range bins {
		total += g.rows
		require.InDelta(t, 0.5, g.observed, 1e-12)
		require.Less(t, g.low, g.observed)
		require.Greater(t, g.high, g.observed)
		if k > 0 {
			require.Greater(t, g.predicted, bins[k-1].predicted, "from the least probable event on")
		}
	}
	require.Equal(t, n, total)

	for i := range surv {
		surv[i] = 0.25
	}
	require.Len(t, b.binned(p, surv, 1), 1, "equal predictions are one group")
	surv[0] = math.NaN()
	require.Equal(t, n-1, b.binned(p, surv, 1)[0].rows)
}

// Risk groups are formed within folds, since risks of two folds are not on one scale.
func TestRiskGroups(t *testing.T) {
	const n = 400
	b := &builder{Input: Input{Outcome: survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}}}
	p := &predicted{model: "m"}
	for i := range n {
		fold := i % 2
		b.Outcome.Time[i], b.Outcome.Event[i] = float64(n-i), true // later rows have their event earlier
		p.rows, p.folds, p.risk = append(p.rows, i), append(p.folds, fold), append(p.risk, float64(i)+1e6*float64(fold))
	}
	p.surv = [][]float64{make([]float64, n)}
	groups := b.riskGroups(p)
	require.Len(t, groups, 4)
	for k, g := range groups {
		require.Equal(t, n/4, g.rows)
		require.Equal(t, n/4, g.events)
		if k > 0 {
			require.Less(t, g.times[len(g.times)-1], groups[k-1].times[0], "a higher group fares worse throughout")
		}
	}
}
