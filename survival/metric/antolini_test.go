package metric

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

// By hand: curves that cross. At 2 row 0 (an event) is below both later rows: 2 concordant.
// At 4 row 1 (an event) is above row 2: discordant. Harrell's C, of one risk a row, cannot
// see that.
func TestAntoliniByHand(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 4, 5}, Event: []bool{true, true, false}}
	surv := []float32{
		0.5, 0.4,
		0.9, 0.6,
		0.6, 0.5,
	}
	pairs, err := Antolini(context.Background(), y, []float64{2, 4}, surv, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, Pairs{Concordant: 2, Discordant: 1}, pairs)

	// A grid that begins after the first event sees S = 1 there: both its pairs tie.
	pairs, err = Antolini(context.Background(), y, []float64{3, 4}, surv, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, Pairs{Discordant: 1, TiedRisk: 2}, pairs)
}

// The fast sums are those of the definition, with weights, entry times and ties, under
// every convention.
func TestAntoliniEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawOutcome(t, "test", rapid.IntRange(1, 12).Draw(t, "n"), true, rapid.Bool().Draw(t, "entry"))
		c := rapid.SampledFrom([]Convention{RiskRegression, ScikitSurvival, Mlr3proba}).Draw(t, "c")
		times := drawGrid(t)
		surv := drawCurves(t, y.Len(), len(times))
		got, err := Antolini(context.Background(), y, times, surv, c)
		require.NoError(t, err)
		want := naiveAntolini(y, times, surv, c)
		require.InDelta(t, want.Concordant, got.Concordant, 1e-12)
		require.InDelta(t, want.Discordant, got.Discordant, 1e-12)
		require.InDelta(t, want.TiedRisk, got.TiedRisk, 1e-12)
		require.InDelta(t, want.TiedTime, got.TiedTime, 1e-12)
	})
}

func naiveAntolini(y survival.Outcome, times []float64, surv []float32, c Convention) Pairs {
	at := func(row int, t float64) float32 {
		s := float32(1)
		for j, u := range times {
			if u <= t {
				s = surv[row*len(times)+j]
			}
		}
		return s
	}
	var p Pairs
	for i := range y.Time {
		for j := range y.Time {
			if !naiveComparable(y, i, j, c) {
				continue
			}
			w := y.W(i) * y.W(j)
			switch si, sj := at(i, y.Time[i]), at(j, y.Time[i]); {
			case si == sj:
				p.TiedRisk += w
			case si < sj:
				p.Concordant += w
			default:
				p.Discordant += w
			}
			if y.Time[i] == y.Time[j] {
				p.TiedTime += w
			}
		}
	}
	return p
}

// Under proportional hazards, on a grid of all times, C_td is Harrell's C.
func TestAntoliniIsHarrellUnderProportionalHazards(t *testing.T) {
	y, risk := largeFold(60)
	surv := make([]float32, 0, 60)
	for _, r := range risk {
		surv = append(surv, float32(1/(2+r)))
	}
	got, err := Antolini(context.Background(), y, []float64{1}, surv, RiskRegression)
	require.NoError(t, err)
	require.Equal(t, Harrell(y, risk, RiskRegression), got)
}

// What the caller or the data got wrong is refused; without a pair the index is undefined.
func TestAntoliniRefuses(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 4}, Event: []bool{false, true}}
	require.Panics(t, func() { _, _ = Antolini(context.Background(), y, []float64{1, 2}, []float32{1, 1}, RiskRegression) })
	require.Panics(t, func() { _, _ = Antolini(context.Background(), y, []float64{2, 2}, make([]float32, 4), RiskRegression) })
	require.Panics(t, func() { _, _ = Antolini(context.Background(), y, []float64{2}, make([]float32, 2), "other") })
	_, err := Antolini(context.Background(), y, []float64{2}, []float32{1, 1.5}, RiskRegression)
	require.EqualError(t, err, "test row 1: survival at grid time 0 is outside [0, 1]")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Antolini(ctx, y, []float64{2}, []float32{1, 1}, RiskRegression)
	require.ErrorIs(t, err, context.Canceled)
	pairs, err := Antolini(context.Background(), y, []float64{2}, []float32{1, 1}, RiskRegression)
	require.NoError(t, err)
	_, err = pairs.Index()
	require.EqualError(t, err, "undefined: no comparable pair")
}

func ExampleAntolini() {
	y := survival.Outcome{Time: []float64{2, 4, 5}, Event: []bool{true, true, false}}
	surv := []float32{ // S at 2 and at 4: the curves of rows 1 and 2 keep their order, that of row 0 is lowest
		0.5, 0.3,
		0.8, 0.6,
		0.9, 0.7,
	}
	pairs, err := Antolini(context.Background(), y, []float64{2, 4}, surv, RiskRegression)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := pairs.Index()
	fmt.Println(c, err)
	// Output: 1 <nil>
}
