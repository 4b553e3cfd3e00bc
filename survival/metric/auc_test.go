package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

// The sorted AUC equals the double loop over cases and controls, for curves and for risks.
func TestAUCEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 15).Draw(t, "n")
		weighted := rapid.Bool().Draw(t, "weighted")
		train, test := drawOutcome(t, "train", n, weighted, false), drawOutcome(t, "test", n, weighted, false)
		times := drawGrid(t)
		m := len(times)
		p := Prediction{Risk: make([]float64, n), Surv: drawCurves(t, n, m)}
		for i := range p.Risk {
			p.Risk[i] = float64(rapid.IntRange(0, 3).Draw(t, "risk"))
		}
		for _, c := range conventions {
			got, err := AUC(train, test, times, p, c)
			if zeroCase(train, test, times[m-1], c) {
				require.Equal(t, ReasonZeroWeight, reasonOf(err))
				continue
			}
			require.NoError(t, err)
			for j, u := range times {
				want := naiveAUC(train, test, u, naiveMarker(p, j, m, c), c)
				if math.IsNaN(want) {
					require.True(t, math.IsNaN(got[j]))
					continue
				}
				require.InDelta(t, want, got[j], 1e-12)
			}
			checkMean(t, test, times, got)
		}
	})
}

func checkMean(t *rapid.T, test survival.Outcome, times, auc []float64) {
	mean, err := MeanAUC(test, times, auc)
	want := naiveMeanAUC(test, times, auc)
	if err == nil {
		require.InDelta(t, want, mean, 1e-12)
		return
	}
	require.Contains(t, []string{ReasonNoControl, ReasonNoEvent}, reasonOf(err))
	require.True(t, math.IsNaN(want))
}

func zeroCase(train, test survival.Outcome, last float64, c Convention) bool {
	for i, u := range test.Time {
		if test.Event[i] && u <= last && naiveEventG(train, u, c) == 0 {
			return true
		}
	}
	return false
}

func naiveMarker(p Prediction, j, m int, c Convention) []float64 {
	if c == ScikitSurvival {
		return p.Risk
	}
	marker := make([]float64, len(p.Risk))
	for i := range marker {
		marker[i] = 1 - float64(p.Surv[i*m+j])
	}
	return marker
}

// Equal markers count one half (the docstring of scikit-survival says one).
func TestAUCTiesCountHalf(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	for _, c := range conventions {
		got, err := AUC(y, y, []float64{1}, Prediction{Risk: []float64{3, 3}, Surv: []float32{0.5, 0.5}}, c)
		require.NoError(t, err)
		require.Equal(t, []float64{0.5}, got)
	}
}

// Under scikit-survival a chain of risks 0.6e-8 apart is one tie; exact otherwise.
func TestAUCChains(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 3, 2, 4}, Event: []bool{true, true, true, true}}
	risk := []float64{1.2e-8, 0.6e-8, -1, 0}
	got, err := AUC(y, y, []float64{1}, Prediction{Risk: risk}, ScikitSurvival)
	require.NoError(t, err)
	require.InDelta(t, (0.5+0.5+1)/3, got[0], 1e-15)
}

// An event beyond the last grid time needs no weight, even where Ĝ is 0 there
// (scikit-survival raises).
func TestAUCIgnoresLateEvents(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, false}}
	test := survival.Outcome{Time: []float64{1, 2, 9}, Event: []bool{true, true, true}}
	got, err := AUC(train, test, []float64{1.5}, Prediction{Risk: []float64{3, 2, 1}}, ScikitSurvival)
	require.NoError(t, err)
	require.Equal(t, []float64{1}, got)
}

// Grid times before the first test event carry no weight; no event at all and no survivor
// at a step are reasons.
func TestMeanAUCUndefined(t *testing.T) {
	test := survival.Outcome{Time: []float64{2, 3, 4}, Event: []bool{true, true, false}}
	mean, err := MeanAUC(test, []float64{1, 2, 3}, []float64{math.NaN(), 1, 0.5})
	require.NoError(t, err)
	require.InDelta(t, (1.0/3+0.5/3)/(2.0/3), mean, 1e-15)
	_, err = MeanAUC(test, []float64{1}, []float64{math.NaN()})
	require.Equal(t, ReasonNoEvent, reasonOf(err))
	test.Event[2] = true
	_, err = MeanAUC(test, []float64{3, 4}, []float64{1, math.NaN()})
	require.Equal(t, ReasonNoControl, reasonOf(err))
	require.Panics(t, func() { _, _ = MeanAUC(test, []float64{1}, nil) })
}

// Predictions of the wrong size panic; left truncation is a reason.
func TestAUCPreconditions(t *testing.T) {
	y := survival.Outcome{Time: []float64{1}, Event: []bool{true}}
	require.Panics(t, func() { _, _ = AUC(y, y, []float64{1}, Prediction{}, ScikitSurvival) })
	require.Panics(t, func() { _, _ = AUC(y, y, []float64{1}, Prediction{Risk: []float64{1}}, RiskRegression) })
	y.Entry = []float64{0}
	_, err := AUC(y, y, []float64{1}, Prediction{}, RiskRegression)
	require.Equal(t, ReasonTruncated, reasonOf(err))
}

func ExampleAUC() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	auc, err := AUC(y, y, []float64{1, 2}, Prediction{Risk: []float64{4, 2, 3, 1}}, ScikitSurvival)
	fmt.Println(auc, err)
	// Output: [1 0.75] <nil>
}

func ExampleMeanAUC() {
	test := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	mean, err := MeanAUC(test, []float64{1, 2}, []float64{1, 0.75})
	fmt.Println(mean, err)
	// Output: 0.875 <nil>
}

func BenchmarkAUC(b *testing.B) {
	y, _ := largeFold(57_402)
	times := make([]float64, 50)
	surv := make([]float32, 0, y.Len()*len(times))
	for j := range times {
		times[j] = 1 + float64(j)*2
	}
	for i := range y.Time {
		for j := range times {
			surv = append(surv, float32(math.Exp(-float64(j)*math.Mod(float64(i)*0.75487, 1)/10)))
		}
	}
	for b.Loop() {
		if _, err := AUC(y, y, times, Prediction{Surv: surv}, RiskRegression); err != nil {
			b.Fatal(err)
		}
	}
}
