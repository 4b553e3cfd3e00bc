package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

var background = context.Background()

func config(c Convention) Config {
	return Config{Convention: c, CIndex: CIndexIPCW, Tau: math.Inf(1)}
}

func constantCurves(n, m int) []float32 {
	surv := make([]float32, n*m)
	for i := range surv {
		surv[i] = 0.5
	}
	return surv
}

// Evaluate returns what the single functions return, from one Ĝ.
func TestEvaluateComposes(t *testing.T) {
	train, _ := largeFold(2000)
	test, risk := largeFold(500)
	times := []float64{5, 20, 40, 60}
	surv := make([]float32, 0, 2000)
	for i := range risk {
		for _, u := range times {
			surv = append(surv, float32(math.Exp(-u/100*math.Exp(risk[i]))))
		}
	}
	for _, c := range conventions {
		cfg := config(c)
		cfg.Tau = 60
		got, err := Evaluate(background, Fold{train, test, times, risk, surv}, cfg)
		require.NoError(t, err)
		require.Empty(t, got.Reasons)
		pairs, err := Uno(train, test, risk, 60, c)
		require.NoError(t, err)
		want, err := pairs.Index()
		require.NoError(t, err)
		require.Equal(t, want, *got.CIPCW)
		require.Equal(t, want, *got.CIndex)
		b, err := NewBrier(train, test, times, c)
		require.NoError(t, err)
		require.NoError(t, addAll(b, surv, len(times)))
		curve, err := b.Curve()
		require.NoError(t, err)
		require.Equal(t, Integrate(times, curve), *got.IBS)
		require.Equal(t, curve, got.Brier)
		auc, err := AUC(train, test, times, Prediction{Risk: risk, Surv: surv}, c)
		require.NoError(t, err)
		require.Equal(t, auc, got.AUC)
		mean, err := MeanAUC(test, times, auc)
		require.NoError(t, err)
		require.Equal(t, mean, *got.AUCMean)
		require.Less(t, *got.IPA, 1.0)
	}
}

// With entry times C is Harrell's and everything that needs Ĝ says why it is absent.
func TestEvaluateTruncated(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, false}, Entry: []float64{0, 1, 0}}
	got, err := Evaluate(background, Fold{y, y, []float64{1, 2}, []float64{3, 5, 1}, constantCurves(3, 2)}, config(RiskRegression))
	require.NoError(t, err)
	require.Equal(t, 1.0, *got.CHarrell) // row 1 enters at 1, so it is not at risk at time 1
	require.Nil(t, got.CIndex)
	require.Nil(t, got.CIPCW)
	require.Nil(t, got.IBS)
	require.Nil(t, got.IPA)
	require.Nil(t, got.AUCMean)
	for _, column := range []string{"cindex", "cindex_ipcw", "ibs", "ipa", "auc_mean"} {
		require.Equal(t, ReasonTruncated, got.Reasons[column], column)
	}
	require.NotContains(t, got.Reasons, "cindex_harrell")
}

// A test fold without events has an IBS, but neither C nor AUC.
func TestEvaluateNoEvents(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2, 3, 9}, Event: []bool{true, true, true, false}}
	test := survival.Outcome{Time: []float64{4, 5}, Event: []bool{false, false}}
	got, err := Evaluate(background, Fold{train, test, []float64{1, 2}, []float64{0, 1}, constantCurves(2, 2)}, config(RiskRegression))
	require.NoError(t, err)
	require.NotNil(t, got.IBS)
	require.Equal(t, map[string]string{"cindex": ReasonNoPair, "cindex_ipcw": ReasonNoPair,
		"cindex_harrell": ReasonNoPair, "auc_mean": ReasonNoEvent}, got.Reasons)
}

// Ĝ = 0 where a weight is needed leaves IPCW values undefined; Harrell's C stays, and
// mlr3proba has its own rule for all of them.
func TestEvaluateZeroWeight(t *testing.T) {
	train := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, false}}
	test := survival.Outcome{Time: []float64{1, 3, 4}, Event: []bool{true, true, true}}
	for _, c := range conventions {
		got, err := Evaluate(background, Fold{train, test, []float64{1, 3}, []float64{3, 2, 1}, constantCurves(3, 2)}, config(c))
		require.NoError(t, err)
		require.NotNil(t, got.CHarrell)
		if c == Mlr3proba {
			require.Empty(t, got.Reasons)
			continue
		}
		require.Equal(t, map[string]string{"cindex": ReasonZeroWeight, "cindex_ipcw": ReasonZeroWeight,
			"ibs": ReasonZeroWeight, "ipa": ReasonZeroWeight, "auc_mean": ReasonZeroWeight}, got.Reasons)
	}
}

// A perfect Kaplan–Meier reference leaves the IPA undefined.
func TestEvaluatePerfectNull(t *testing.T) {
	y := survival.Outcome{Time: []float64{2, 2}, Event: []bool{true, true}}
	got, err := Evaluate(background, Fold{y, y, []float64{1, 3}, []float64{0, 0}, []float32{1, 0, 1, 0}}, config(RiskRegression))
	require.NoError(t, err)
	require.Equal(t, 0.0, *got.IBS)
	require.Equal(t, ReasonZeroNull, got.Reasons["ipa"])
}

// Predictions that are no predictions are errors that name the row.
func TestEvaluateRefuses(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		_, err := Evaluate(background, Fold{y, y, []float64{1}, []float64{0, bad}, constantCurves(2, 1)}, config(RiskRegression))
		require.ErrorContains(t, err, "test row 1: risk is not finite")
	}
	_, err := Evaluate(background, Fold{y, y, []float64{1}, []float64{0, 1}, []float32{0.5, 1.5}}, config(RiskRegression))
	require.ErrorContains(t, err, "test row 1: survival at grid time 0 is outside [0, 1]")
}

// Scores do not depend on the order of the rows or the unit of time.
func TestEvaluateInvariances(t *testing.T) {
	train, test := loadFold(t, "whas500", false), loadFold(t, "gbsg2", false)
	test.train, test.train.Entry, test.test.Entry = train.train, nil, nil
	m := len(test.times)
	for _, c := range conventions {
		want := evaluateFold(t, test, c, test.times[m-1])
		moved := test
		n := test.test.Len()
		rows := allRows(n)
		slices.Reverse(rows)
		moved.test = test.test.Take(rows)
		moved.risk, moved.surv, moved.times = nil, nil, nil
		for _, i := range rows {
			moved.risk = append(moved.risk, test.risk[i])
			moved.surv = append(moved.surv, test.surv[i*m:(i+1)*m]...)
		}
		scale := func(times []float64) (out []float64) {
			for _, u := range times {
				out = append(out, u/64)
			}
			return out
		}
		moved.train.Time, moved.test.Time, moved.times = scale(moved.train.Time), scale(moved.test.Time), scale(test.times)
		got := evaluateFold(t, moved, c, moved.times[m-1])
		for k, pair := range [][2]*float64{{want.CHarrell, got.CHarrell}, {want.CIPCW, got.CIPCW},
			{want.IBS, got.IBS}, {want.AUCMean, got.AUCMean}, {want.IPA, got.IPA}} {
			require.InDelta(t, *pair[0], *pair[1], 1e-12, "%s, score %d", c, k)
		}
	}
}

// Nor on the unit of the case weights, even where products of two weights leave float64.
func TestEvaluateUnitOfWeights(t *testing.T) {
	f := loadFold(t, "lung", false)
	f.train.Entry, f.test.Entry = nil, nil
	tau := f.times[len(f.times)-1]
	for _, c := range conventions {
		want := evaluateFold(t, f, c, tau)
		for _, unit := range []float64{1e-300, 1e-12, 0x1p40, 1e200, 1e306} {
			scaled := f
			scaled.train.Weight, scaled.test.Weight = times(unit, f.train.Weight), times(1/unit, f.test.Weight)
			got := evaluateFold(t, scaled, c, tau)
			require.Empty(t, got.Reasons)
			for k, pair := range [][2]*float64{{want.CHarrell, got.CHarrell}, {want.CIPCW, got.CIPCW},
				{want.IBS, got.IBS}, {want.AUCMean, got.AUCMean}, {want.IPA, got.IPA}} {
				require.InDelta(t, *pair[0], *pair[1], 1e-12, "%s, unit %g, score %d", c, unit, k)
			}
		}
	}
}

// Weights of the training rows that fall by eleven orders of magnitude from one censored row
// to the next drive Ĝ to 1e-154, whose inverse square is beyond float64: undefined, not NaN.
func TestEvaluateVanishingG(t *testing.T) {
	var train survival.Outcome
	for k := range 15 {
		train.Time = append(train.Time, float64(k+1))
		train.Event = append(train.Event, k == 14)
		train.Weight = append(train.Weight, math.Pow(1e-11, float64(k)))
	}
	test := survival.Outcome{Time: []float64{14.5, 16, 17}, Event: []bool{true, true, false}}
	got, err := Evaluate(background, Fold{train, test, []float64{1, 15}, []float64{2, 1, 3}, constantCurves(3, 2)}, config(RiskRegression))
	require.NoError(t, err)
	require.Equal(t, ReasonZeroWeight, got.Reasons["cindex_ipcw"])
	require.Equal(t, ReasonZeroWeight, got.Reasons["ibs"])
	require.Equal(t, ReasonZeroWeight, got.Reasons["auc_mean"])
	require.InDelta(t, 1.0/3, *got.CHarrell, 1e-15)
}

func times(factor float64, values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = factor * v
	}
	return out
}

// A cancelled context stops the evaluation with its cause.
func TestEvaluateCancelled(t *testing.T) {
	cause := errors.New("worker stops")
	ctx, cancel := context.WithCancelCause(background)
	cancel(cause)
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	_, err := Evaluate(ctx, Fold{y, y, []float64{1}, []float64{0, 1}, constantCurves(2, 1)}, config(RiskRegression))
	require.ErrorIs(t, err, cause)
}

// Sizes and settings that the caller could have checked panic.
func TestEvaluatePanics(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	call := func(risk []float64, surv []float32, cfg Config) func() {
		return func() { _, _ = Evaluate(background, Fold{y, y, []float64{1}, risk, surv}, cfg) }
	}
	require.Panics(t, call([]float64{1}, constantCurves(2, 1), config(RiskRegression)))
	require.Panics(t, call([]float64{1, 2}, constantCurves(1, 1), config(RiskRegression)))
	require.Panics(t, call([]float64{1, 2}, constantCurves(2, 1), config("sksurv")))
	require.Panics(t, call([]float64{1, 2}, constantCurves(2, 1), Config{Convention: Mlr3proba, CIndex: CIndexIPCW}))
	require.Panics(t, call([]float64{1, 2}, constantCurves(2, 1), Config{Convention: RiskRegression, CIndex: "c", Tau: 1}))
}

func ExampleEvaluate() {
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	surv := []float32{0.5, 0.25, 0.75, 0.5, 0.75, 0.5, 1, 0.75} // 4 rows × 2 times
	scores, err := Evaluate(context.Background(), Fold{y, y, []float64{1, 2}, []float64{3, 2, 2, 1}, surv},
		Config{Convention: RiskRegression, CIndex: CIndexHarrell, Tau: math.Inf(1)})
	fmt.Printf("C %.4f, IBS %.4f, AUC %.4f, IPA %.4f, %v\n", *scores.CIndex, *scores.IBS, *scores.AUCMean, *scores.IPA, err)
	// Output: C 0.9167, IBS 0.1250, AUC 0.9375, IPA 0.4286, <nil>
}
