package defects

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/nonparam"
)

// scikit-survival weighs an event by Ĝ(T)⁻², so that a row censored at the same moment counts
// against it: 0.3743 on the seven rows of its issue 428. The weight is Ĝ(T−)⁻²: 4/12.75.
// (survAUC's 0.4129 is that of the six rows without the censored one at the tie.)
func TestUnoWeightsBeforeTheEvent(t *testing.T) {
	y := survival.Outcome{Time: []float64{11, 11, 26, 89, 128, 299, 300}, Event: []bool{true, false, false, true, false, true, false}}
	risk := []float64{-0.02, 1.20, -0.56, -1.33, -0.81, 1.02, -1.29}
	const tau, peer, survAUC = 299, 0.37426900584795325, 0.4129032
	g, err := nonparam.CensoringDistribution(y, nonparam.RiskRegression)
	require.NoError(t, err)
	var good, all float64 // the defective formula
	for i, u := range y.Time {
		for j, v := range y.Time {
			if y.Event[i] && u < tau && (v > u || v == u && j != i) {
				all += math.Pow(g.G.At(u), -2)
				if risk[i] > risk[j] {
					good += math.Pow(g.G.At(u), -2)
				}
			}
		}
	}
	require.InDelta(t, peer, good/all, 1e-15)
	uno := func(y survival.Outcome, risk []float64, c metric.Convention) float64 {
		pairs, err := metric.Uno(y, y, risk, tau, c)
		require.NoError(t, err)
		index, err := pairs.Index()
		require.NoError(t, err)
		return index
	}
	require.InDelta(t, peer, uno(y, risk, metric.ScikitSurvival), 1e-15, "its convention, on request")
	// Ĝ(11−) = 1 for six pairs, four of them concordant; Ĝ(89−) = 5/6·4/5 for three.
	require.InDelta(t, 4/(6+3*2.25), uno(y, risk, metric.RiskRegression), 1e-15)
	six := y.Take([]int{0, 2, 3, 4, 5, 6})
	require.InDelta(t, survAUC, uno(six, append(risk[:1:1], risk[2:]...), metric.RiskRegression), 5e-8)
}

// scikit-survival's step function gives its first value before its first step, where
// nobody has failed yet, and raises an error past the last one. S(0) is 1, and the last
// value is kept.
func TestCurvesStartAtOne(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 3, 4, 5}, Event: []bool{true, true, false, false}}
	s := nonparam.KaplanMeier(y)
	defective := func(at float64) float64 { // numpy.searchsorted, clipped to the first step
		k := 0
		for k+1 < len(s.Times) && s.Times[k+1] <= at {
			k++
		}
		return s.Values[k]
	}
	for _, at := range []float64{0, 1, 1.999} {
		require.Equal(t, 1.0, s.At(at))
		require.Equal(t, 0.75, defective(at), "the fixture tells the formulas apart")
	}
	require.Equal(t, defective(2), s.At(2))
	require.Equal(t, 0.5, s.At(1e9))
}

// mlr3proba spreads a censored row over the buckets below its own by seq.int(j − 1), which
// at the lowest bucket, j = 1, counts 1, 0: the row is added there a second time. A hundred
// rows censored at S = 0.05 then have a mass of 300. Ours is 100.
func TestDCalibrationCountsEveryRowOnce(t *testing.T) {
	const rows, buckets, s = 100, 10, 0.05
	y := survival.Outcome{Time: make([]float64, rows), Event: make([]bool, rows)}
	curves := make([]float64, rows)
	defective := make([]float64, buckets+1) // from 1, as in R
	for i := range rows {
		y.Time[i], curves[i] = float64(i+1), s
		own := int(math.Ceil(s * buckets))
		defective[own] += 1 - float64(own-1)/(buckets*s)
		for k := own - 1; ; { // seq.int(own − 1): 1, 2, … own − 1, or 1, 0 for own = 1
			if k == 0 {
				defective[1] += 1 / (buckets * s)
				break
			}
			defective[k] += 1 / (buckets * s)
			if k--; k == 0 {
				break
			}
		}
	}
	sum := func(v []float64) float64 {
		total := 0.0
		for _, x := range v {
			total += x
		}
		return total
	}
	got, err := metric.DCalibrate(y, curves, buckets)
	require.NoError(t, err)
	require.InDelta(t, 300, sum(defective), 1e-9, "the defective formula")
	require.InDelta(t, 100, sum(got.Counts), 1e-9)
	require.InDelta(t, 100, got.Counts[0], 1e-9)
}

// scikit-survival's user guide estimates the censoring distribution from training and test
// rows together. It is a part of the score that must not have seen the test rows.
func TestCensoringFromTrainingRowsOnly(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 3, 4, 5, 6}, Event: []bool{true, false, true, true, false, true}}
	test := survival.Outcome{Time: []float64{1.5, 2.5, 3.5, 5.5}, Event: []bool{false, true, true, false}}
	both := survival.Outcome{
		Time: append(append([]float64{}, train.Time...), test.Time...), Event: append(append([]bool{}, train.Event...), test.Event...),
	}
	brier := func(from survival.Outcome) float64 {
		b, err := metric.NewBrier(from, test, []float64{3}, metric.RiskRegression)
		require.NoError(t, err)
		for row := range test.Time {
			require.NoError(t, b.Add(row, []float64{0.5}))
		}
		curve, err := b.Curve()
		require.NoError(t, err)
		return curve[0]
	}
	// Training rows alone: Ĝ = 4/5 from 2 on. The event at 2.5 and both rows that outlive 3
	// count 1/4 each, by weight 5/4; the row censored at 1.5 counts nothing.
	require.InDelta(t, 3*0.25*1.25/4, brier(train), 1e-15)
	// All rows: Ĝ = 8/9 · 7/8 = 7/9 from 2 on.
	defective := brier(both)
	require.InDelta(t, 3*0.25*(9.0/7)/4, defective, 1e-15, "the defective formula")
}

// scikit-survival's AUC computes the weight of every test event and raises an error where
// one lies past the last grid time with Ĝ = 0 there, though no time of the grid uses it.
// Weights are needed up to the last grid time only.
func TestAUCNeedsNoWeightPastTheGrid(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 3, 4, 5}, Event: []bool{true, true, false, true, false}}
	test := survival.Outcome{Time: []float64{1, 2.5, 3.5, 6, 6.5}, Event: []bool{true, false, true, true, false}}
	risk := []float64{3, 1, 2, 0.5, 0}
	g, err := nonparam.CensoringDistribution(train, nonparam.ScikitSurvival)
	require.NoError(t, err)
	require.Zero(t, g.AtFailure(6), "the weight that the peer needs is infinite")
	auc, err := metric.AUC(train, test, []float64{2, 3}, metric.Prediction{Risk: risk}, metric.ScikitSurvival)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 1}, auc)
	_, err = metric.AUC(train, test, []float64{2, 6.2}, metric.Prediction{Risk: risk}, metric.ScikitSurvival)
	var undefined *metric.Undefined
	require.ErrorAs(t, err, &undefined, "where the grid does need it")
}
