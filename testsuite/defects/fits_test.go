package defects

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/boost"
	"everfold/survival/coxnet"
	"everfold/survival/oracle"
	"everfold/survival/tree"
)

// column is a numeric covariate.
func column(name string, values ...float64) survival.Column {
	return survival.Column{Name: name, Term: name, Values: values}
}

// public is one of the public data sets without weights, entry times and strata.
func public(t *testing.T, set string) (*survival.Design, survival.Outcome) {
	t.Helper()
	x, y, err := oracle.Load(filepath.Join("..", ".."), set)
	require.NoError(t, err)
	x.Strata, y.Weight, y.Entry = nil, nil, nil
	return x, y
}

// XGBoost's survival:cox calls itself Breslow, but lets Σ d/R grow event by event within a
// tie, so that the earlier of two tied rows misses the later: version 1.7.4 gives them
// leaves of 2.642 and 1.309 in its first round. Breslow gives both 1.309.
func TestTiedEventsHaveOneRiskSet(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2, 2, 3, 4, 5, 6}, Event: []bool{true, true, true, false, false, false, false}}
	x := &survival.Design{Rows: 7, Columns: []survival.Column{column("x", 0, 1, 2, 3, 4, 5, 6)}}
	newton := func(hazard, square float64) float64 { return (1 - hazard) / (hazard - square) }
	const first, one, two = 1.0 / 7, 1.0 / 6, 2.0 / 6 // Σ d/R: the event before the tie; each event of it; the tie
	defective := []float64{newton(first+one, first*first+one*one), newton(first+two, first*first+2*one*one)}
	require.InDeltaSlice(t, []float64{2.642, 1.309}, defective, 5e-4)

	m, err := boost.Fit(t.Context(), x, y, boost.Options{
		Trees: 1, LearningRate: 1, Depth: 6, Leaf: boost.Newton, Lambda: -1, Bins: tree.Exact,
	}, survival.FitOptions{})
	require.NoError(t, err)
	f := make([]float64, x.Rows)
	require.NoError(t, m.Risk(t.Context(), x, f))
	require.InDelta(t, defective[1], f[1], 1e-12)
	require.InDelta(t, defective[1], f[2], 1e-12)
}

// scikit-survival's Coxnet stops at a change of 1e-7 of the null deviance, well before the
// optimum: by its default tolerance the coefficient of paro is −0.076483 here, run to the
// end (tol 1e-14) −0.076582, and ours is that.
func TestCoxnetRunsToTheOptimum(t *testing.T) {
	const defaults, converged = -0.076483, -0.076582 // scikit-survival 0.28.0
	x, y := public(t, "rossi")
	m, err := coxnet.Fit(t.Context(), x, y, coxnet.Options{L1Ratio: 0.5, Path: []float64{0.001}, Select: coxnet.SelectLast}, survival.FitOptions{})
	require.NoError(t, err)
	paro := math.NaN()
	for _, c := range m.Report().Coefficients {
		if c.Column == "paro" {
			paro = c.Value
		}
	}
	require.InDelta(t, converged, paro, 1e-6)
	require.Greater(t, math.Abs(paro-defaults), 9e-5)
}

// lifelines' WeibullAFTFitter leaves its optimiser early: its coefficients are up to 7e-5
// standard errors from the maximum. Ours are where R's survreg, run to the end, has them.
func TestWeibullRunsToTheOptimum(t *testing.T) {
	x, y := public(t, "rossi")
	m, err := aft.Fit(t.Context(), x, y, aft.Options{}, survival.FitOptions{})
	require.NoError(t, err)
	early := map[string]float64{ // lifelines 0.30.3
		"age": 0.04071488884966021, "fin": 0.2721723959624095, "mar": 0.3112603252115296, "paro": 0.058821999545388595,
		"prio": -0.06581658804252066, "race": -0.22480829075717298, "wexp": 0.10655079110434229,
	}
	largest := 0.0
	for _, c := range m.Report().Coefficients {
		off := math.Abs(early[c.Column]-c.Value) / c.SE
		require.Less(t, off, 1e-3, "the same model")
		largest = max(largest, off)
	}
	require.Greater(t, largest, 5e-5)

	var file struct {
		Cases []struct {
			Set, Distribution string
			Weighted, Entry   bool
			Coefficients, SE  []float64
		}
	}
	require.NoError(t, oracle.ReadJSON(filepath.Join("..", "..", "survival", "aft", "testdata", "survreg.json"), &file))
	compared := 0
	for _, c := range file.Cases {
		if c.Set != "rossi" || c.Distribution != aft.Weibull.String() || c.Weighted || c.Entry {
			continue
		}
		for j, ours := range m.Report().Coefficients {
			require.InDelta(t, c.Coefficients[j], ours.Value, 1e-8*c.SE[j])
			compared++
		}
	}
	require.Equal(t, len(early), compared)
}

// R's predict.survreg multiplies with the NA of an aliased coefficient: every prediction is
// NA. Ours is 0 there, and predictions are those without the column.
func TestAliasedColumnPredicts(t *testing.T) {
	x, y := public(t, "lung")
	twice := make([]float64, x.Rows)
	for i, v := range x.Columns[0].Values {
		twice[i] = 2 * v
	}
	wide := &survival.Design{Rows: x.Rows, Columns: append(x.Columns[:len(x.Columns):len(x.Columns)], column("twice", twice...))}
	risks := func(x *survival.Design) ([]float64, survival.Report) {
		m, err := aft.Fit(t.Context(), x, y, aft.Options{}, survival.FitOptions{})
		require.NoError(t, err)
		risk := make([]float64, x.Rows)
		require.NoError(t, m.Risk(t.Context(), x, risk))
		return risk, m.Report()
	}
	narrow, _ := risks(x)
	got, report := risks(wide)
	require.InDeltaSlice(t, narrow, got, 1e-9)
	aliased := report.Coefficients[len(report.Coefficients)-1]
	require.True(t, math.IsNaN(aliased.SE), "named as aliased")
	// R's coefficient of the column is NA, as its standard error is here.
	require.True(t, math.IsNaN(aliased.SE*twice[0]), "the peer's prediction of the first row")
}

// A boosting engine of 255 bins cannot have thresholds between any two values: here the only
// good split, between two neighbours of 1,020 values, lies inside a bin. `bins: exact` finds it.
func TestExactThresholdsWhereBinsAreTooFew(t *testing.T) {
	const rows, cut = 1020, 510 // quantile bins of four values each: 508–511 share one
	x := &survival.Design{Rows: rows, Columns: []survival.Column{column("x", make([]float64, rows)...)}}
	y := survival.Outcome{Time: make([]float64, rows), Event: make([]bool, rows)}
	for i := range rows {
		x.Columns[0].Values[i] = float64(i)
		y.Time[i], y.Event[i] = 1+float64(i%7), true
		if i >= cut {
			y.Time[i] += 100
		}
	}
	apart := func(bins tree.Bins) float64 {
		m, err := boost.Fit(t.Context(), x, y, boost.Options{Trees: 1, Depth: 1, Bins: bins}, survival.FitOptions{})
		require.NoError(t, err)
		f := make([]float64, rows)
		require.NoError(t, m.Risk(t.Context(), x, f))
		return f[cut-1] - f[cut]
	}
	require.Zero(t, apart(tree.Quantiles), "both in one bin")
	require.Greater(t, apart(tree.Exact), 0.05)
}
