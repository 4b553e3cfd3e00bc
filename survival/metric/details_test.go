package metric

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/survival"
)

// simulatedFold has exponential times whose curves are known but for a factor of the hazard.
func simulatedFold(n, m int, factor float64) Fold {
	unit := func(i int, step float64) float64 { return math.Mod(float64(i+1)*step, 1) }
	f := Fold{Times: make([]float64, m), Risk: make([]float64, n), Surv: make([]float32, n*m)}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for j := range f.Times {
		f.Times[j] = 1.5 * float64(j+1) / float64(m)
	}
	for i := range n {
		f.Risk[i] = 2*unit(i, 0.7548776662466927) - 1
		hazard := math.Exp(f.Risk[i])
		death, censoring := -math.Log(1-unit(i, 0.6180339887498949))/hazard, 4*unit(i, 0.5698402909980532)+0.01
		y.Time[i], y.Event[i] = min(death, censoring), death <= censoring
		for j, t := range f.Times {
			f.Surv[i*m+j] = float32(math.Exp(-factor * hazard * t))
		}
	}
	f.Train, f.Test = y, y
	return f
}

func describe(t *testing.T, f Fold, c Convention) *Details {
	t.Helper()
	d, err := Describe(background, f, Config{Convention: c, CIndex: CIndexIPCW, Tau: f.Times[len(f.Times)-1]}, fitCox)
	require.NoError(t, err)
	return d
}

// Every detail is that of its own function on the same rows.
func TestDescribeGathers(t *testing.T) {
	f := simulatedFold(400, 20, 1)
	for _, c := range conventions {
		d := describe(t, f, c)
		require.Empty(t, d.Reasons)
		harrell, err := HarrellEstimate(f.Test, f.Risk, c)
		require.NoError(t, err)
		require.Equal(t, harrell.SE, *d.HarrellSE)
		uno, err := UnoEstimate(f.Train, f.Test, f.Risk, f.Times[19], c)
		require.NoError(t, err)
		require.Equal(t, uno.SE, *d.UnoSE)
		pairs, err := Antolini(background, f.Test, f.Times, f.Surv, c)
		require.NoError(t, err)
		antolini, err := pairs.Index()
		require.NoError(t, err)
		require.Equal(t, antolini, *d.Antolini)

		require.Len(t, d.Horizons, 4)
		brier, err := NewBrier(f.Train, f.Test, f.Times, c)
		require.NoError(t, err)
		for i := range f.Risk {
			s := make([]float64, 20)
			for j := range s {
				s[j] = float64(f.Surv[i*20+j])
			}
			require.NoError(t, brier.Add(i, s))
		}
		curve, err := brier.Curve()
		require.NoError(t, err)
		auc, err := AUC(f.Train, f.Test, f.Times, Prediction{Risk: f.Risk, Surv: f.Surv}, c)
		require.NoError(t, err)
		for k, j := range []int{4, 9, 14, 19} {
			h := d.Horizons[k]
			require.Equal(t, f.Times[j], h.Horizon)
			require.InDelta(t, curve[j], *h.Brier, 1e-14)
			require.InDelta(t, auc[j], *h.AUC, 1e-14)
			require.Len(t, h.Curve, 10)
		}
	}
}

// A prepared fold has the scores and details of the functions, bit by bit, in whatever order they
// are asked for, also where weights or scores are undefined at some times only.
func TestPrepared(t *testing.T) {
	whole := simulatedFold(300, 12, 1)
	entry, late := whole, whole
	entry.Test.Entry = make([]float64, 300)
	late.Train.Event = make([]bool, 300) // Ĝ falls to 0 at the last training time
	for name, f := range map[string]Fold{"whole": whole, "entry": entry, "late": late} {
		for _, c := range conventions {
			cfg := Config{Convention: c, CIndex: CIndexIPCW, Tau: 1}
			scores, err := Evaluate(background, f, cfg)
			require.NoError(t, err)
			details, err := Describe(background, f, cfg, fitCox)
			require.NoError(t, err)
			p, err := Prepare(f, cfg)
			require.NoError(t, err)
			for range 2 {
				got, err := p.Evaluate(background)
				require.NoError(t, err)
				require.Equal(t, scores, got, name)
				more, err := p.Describe(background, fitCox)
				require.NoError(t, err)
				require.Equal(t, details, more, name)
			}
		}
	}
	whole.Surv[7] = 2
	_, err := Prepare(whole, config(RiskRegression))
	require.ErrorContains(t, err, "test row 0")
}

// True curves are calibrated in both senses; those of twice the hazard are in neither, and
// their log loss is larger.
func TestDescribeTellsWrongCurves(t *testing.T) {
	right, wrong := describe(t, simulatedFold(1000, 30, 1), RiskRegression), describe(t, simulatedFold(1000, 30, 2), RiskRegression)
	require.Greater(t, right.DCalibration.P, 0.05)
	require.Less(t, wrong.DCalibration.P, 1e-6)
	require.Less(t, *right.LogLoss, *wrong.LogLoss)
	for k := range right.Horizons {
		require.Less(t, *right.Horizons[k].ICI, 0.04)
		require.Greater(t, *wrong.Horizons[k].ICI, 0.08)
	}
	require.Equal(t, *right.Antolini, *wrong.Antolini)
}

// By hand: between grid points the curve is linear, from 1 at 0, and a row that outlives the
// grid is censored at its end: S = .6 and .8 are events, .2 is censored: it shares its
// weight between [0, .1) and [.1, .2), whole buckets below .2.
func TestDescribeDCalibration(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 3, 9}, Event: []bool{true, true, true}}
	f := Fold{Train: y, Test: y, Times: []float64{2, 4}, Risk: []float64{3, 2, 1},
		Surv: []float32{0.5, 0.25, 0.75, 0.5, 0.75, 0.25}}
	d := describe(t, f, RiskRegression)
	// .75 at 1; .625 at 3; .25 at 4: (.25 − .2)/.25 to its bucket, .1/.25 to the two below.
	require.InDeltaSlice(t, []float64{0.4, 0.4, 0.2, 0, 0, 0, 1, 1, 0, 0}, d.DCalibration.Counts, 1e-12)
	require.Len(t, d.Horizons, 2, "a short grid is taken whole")
}

// What the data leave undefined has a reason and no value; the rest is there.
func TestDescribeUndefined(t *testing.T) {
	f := simulatedFold(50, 10, 1)
	f.Test.Entry = make([]float64, 50)
	d := describe(t, f, RiskRegression)
	require.Equal(t, map[string]string{"cindex_ipcw_se": ReasonTruncated, "log_loss": ReasonTruncated, "dcal": ReasonTruncated}, d.Reasons)
	require.Nil(t, d.UnoSE)
	require.NotNil(t, d.HarrellSE)
	require.NotNil(t, d.Antolini)
	for _, h := range d.Horizons {
		require.Equal(t, map[string]string{"brier": ReasonTruncated, "auc": ReasonTruncated}, h.Reasons)
		require.NotNil(t, h.ICI)
	}

	f = simulatedFold(50, 10, 1)
	for i := range f.Test.Event {
		f.Test.Event[i] = false
	}
	d = describe(t, f, RiskRegression)
	require.Equal(t, ReasonNoPair, d.Reasons["cindex_harrell_se"])
	require.Equal(t, ReasonNoPair, d.Reasons["antolini"])
	require.Equal(t, ReasonNoControl, d.Horizons[0].Reasons["auc"])
	require.Equal(t, ReasonNoEventYet, d.Horizons[0].Reasons["calibration"])
}

// Errors are those of the predictions, of the smoother and the context's; sizes panic.
func TestDescribeErrors(t *testing.T) {
	f, cfg := simulatedFold(50, 10, 1), config(RiskRegression)
	boom := errors.New("boom")
	_, err := Describe(background, f, cfg, func(context.Context, *survival.Design, survival.Outcome) (survival.Model, error) { return nil, boom })
	require.ErrorIs(t, err, boom)
	cancelled, cancel := context.WithCancelCause(background)
	cancel(boom)
	_, err = Describe(cancelled, f, cfg, fitCox)
	require.ErrorIs(t, err, boom)
	f.Surv[7] = 2
	_, err = Describe(background, f, cfg, fitCox)
	require.ErrorContains(t, err, "test row 0: survival at grid time 7")
	f.Risk = f.Risk[1:]
	require.Panics(t, func() { _, _ = Describe(background, f, cfg, fitCox) })
}

// What details cost beside the scores, at the size of a large fold.
func BenchmarkFold(b *testing.B) {
	f, cfg := simulatedFold(57_402, 50, 1), config(RiskRegression)
	for i, t := range f.Test.Time { // as months
		f.Test.Time[i] = math.Ceil(t*24) / 24
	}
	b.Run("Evaluate", func(b *testing.B) {
		for b.Loop() {
			if _, err := Evaluate(background, f, cfg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Describe", func(b *testing.B) {
		for b.Loop() {
			if _, err := Describe(background, f, cfg, fitCox); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Whatever the fold, small or odd: no error, finite values, and a reason for each that is
// absent.
func TestDescribeAnyFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.Bool().Draw(t, "entry")
		f := Fold{Train: drawOutcome(t, "train", rapid.IntRange(1, 8).Draw(t, "n_train"), true, entry),
			Test: drawOutcome(t, "test", rapid.IntRange(1, 10).Draw(t, "n"), true, entry), Times: drawGrid(t)}
		n := f.Test.Len()
		f.Surv = drawCurves(t, n, len(f.Times))
		f.Risk = rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 0.5, 3}), n, n).Draw(t, "risk")
		c := rapid.SampledFrom(conventions).Draw(t, "c")
		d, err := Describe(background, f, Config{Convention: c, CIndex: CIndexHarrell, Tau: 5}, fitCox)
		require.NoError(t, err)
		defined := func(v *float64, reasons map[string]string, name string) {
			require.True(t, (v == nil) == (reasons[name] != ""), "%s: %v, %q", name, v, reasons[name])
			require.True(t, v == nil || !math.IsNaN(*v) && !math.IsInf(*v, 0), name)
		}
		defined(d.HarrellSE, d.Reasons, "cindex_harrell_se")
		defined(d.UnoSE, d.Reasons, "cindex_ipcw_se")
		defined(d.Antolini, d.Reasons, "antolini")
		defined(d.LogLoss, d.Reasons, "log_loss")
		require.Equal(t, d.DCalibration == nil, d.Reasons["dcal"] != "")
		for _, h := range d.Horizons {
			defined(h.Brier, h.Reasons, "brier")
			defined(h.AUC, h.Reasons, "auc")
			defined(h.ICI, h.Reasons, "calibration")
			defined(h.E90, h.Reasons, "calibration")
			for _, p := range h.Curve {
				defined(&p.Observed, nil, "curve")
			}
		}
	})
}

// A weight that vanishes beside the largest one leaves no smoother, not an error.
func TestDescribeVanishingWeight(t *testing.T) {
	f := simulatedFold(30, 5, 1)
	f.Test.Weight = make([]float64, 30)
	for i := range f.Test.Weight {
		f.Test.Weight[i] = 1e300
	}
	f.Test.Weight[7] = 1e-300
	require.Equal(t, ReasonNoSmoother, describe(t, f, RiskRegression).Horizons[0].Reasons["calibration"])
}
