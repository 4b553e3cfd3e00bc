package burk

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/metric"
	"everfold/survival/nonparam"
	"everfold/survival/oracle"
)

type fitter func(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error)

var models = map[string]fitter{
	"km": func(ctx context.Context, _ *survival.Design, y survival.Outcome) (survival.Model, error) {
		return nonparam.Fit(ctx, y, survival.FitOptions{Times: survival.TimesMlr3proba})
	},
	"cox_ph": func(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
		return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{Times: survival.TimesMlr3proba})
	},
}

// Every published score of Kaplan–Meier and Cox is reproduced in every fold: both C and the
// IBS, but for the exceptions on file. The published C are rounded to float32, and R stops
// its Cox fits a little early.
func TestReproducesPublishedScores(t *testing.T) {
	want := published(t, allSets(t))
	seen := 0
	line := oracle.Line{Subject: "`cox_ph`, `km`, fold by fold", Reference: "Burk et al., 18 data sets", Quantity: "Harrell's and Uno's C, published as float32", Tolerance: 1e-7}
	concordances := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "IBS", 1e-8
	agreements := map[string]*oracle.Agreement{"harrell": concordances, "uno": concordances, "ibs": oracle.Agree(t, line)}
	for _, set := range allSets(t) {
		t.Run(set, func(t *testing.T) {
			x, y := load(t, set)
			for _, fold := range loadFolds(t, set, x.Rows) {
				for name, fit := range models {
					if set == "hdfail" && name == "cox_ph" {
						continue // all three folds are exceptions
					}
					got := score(t, fit, x, y, fold.Train, fold.Test)
					for metric, value := range got {
						k := key{set, name, fold.Index, metric}
						if published, ok := want[k]; ok {
							seen++
							agreements[metric].Near(fmt.Sprintf("%+v", k), value, published, 1)
						}
					}
				}
			}
		})
	}
	require.Equal(t, len(want), seen, "published numbers compared")
}

// score fits one fold and gives its three scores.
func score(t *testing.T, fit fitter, x *survival.Design, y survival.Outcome, trainRows, testRows []int) map[string]float64 {
	t.Helper()
	ctx := context.Background()
	train, test := y.Take(trainRows), y.Take(testRows)
	m, err := fit(ctx, x.Take(trainRows), train)
	require.NoError(t, err)
	xTest := x.Take(testRows)
	risk := make([]float64, xTest.Rows)
	require.NoError(t, m.Risk(ctx, xTest, risk))
	harrell, err := metric.Harrell(test, risk, metric.Mlr3proba).Index()
	require.NoError(t, err)
	pairs, err := metric.Uno(train, test, risk, math.Inf(1), metric.Mlr3proba)
	require.NoError(t, err)
	uno, err := pairs.Index()
	require.NoError(t, err)
	times := metric.Burk80(test)
	brier, err := metric.NewBrier(train, test, times, metric.Mlr3proba)
	require.NoError(t, err)
	require.NoError(t, m.Survival(ctx, xTest, times, brier.Add))
	curve, err := brier.Curve()
	require.NoError(t, err)
	return map[string]float64{"harrell": harrell, "uno": uno, "ibs": metric.Integrate(times, curve)}
}

// Evaluate, from curves stored as float32, gives the published scores too (IBS to 1e-7),
// and Kaplan–Meier an IPA of exactly 0.
func TestEvaluateReproducesPublishedScores(t *testing.T) {
	want := published(t, small)
	for _, set := range []string{"veteran", "gbsg"} {
		x, y := load(t, set)
		for _, fold := range loadFolds(t, set, x.Rows)[:3] {
			for name, fit := range models {
				got := evaluate(t, fit, x, y, fold.Train, fold.Test)
				at := func(metric string) float64 { return want[key{set, name, fold.Index, metric}] }
				require.InDelta(t, at("harrell"), *got.CHarrell, 1e-7)
				require.InDelta(t, at("uno"), *got.CIPCW, 1e-7)
				require.InDelta(t, at("ibs"), *got.IBS, 1e-7)
				if name == "km" {
					require.Equal(t, 0.0, *got.IPA)
				} else {
					require.Greater(t, *got.IPA, 0.0)
				}
			}
		}
	}
}

func evaluate(t *testing.T, fit fitter, x *survival.Design, y survival.Outcome, trainRows, testRows []int) metric.Scores {
	t.Helper()
	ctx := context.Background()
	train, test, xTest := y.Take(trainRows), y.Take(testRows), x.Take(testRows)
	m, err := fit(ctx, x.Take(trainRows), train)
	require.NoError(t, err)
	times := metric.Burk80(test)
	risk, surv := make([]float64, xTest.Rows), make([]float32, 0, xTest.Rows*len(times))
	require.NoError(t, m.Risk(ctx, xTest, risk))
	require.NoError(t, m.Survival(ctx, xTest, times, func(_ int, s []float64) error {
		for _, v := range s {
			surv = append(surv, float32(v))
		}
		return nil
	}))
	got, err := metric.Evaluate(ctx, metric.Fold{Train: train, Test: test, Times: times, Risk: risk, Surv: surv},
		metric.Config{Convention: metric.Mlr3proba, CIndex: metric.CIndexHarrell, Tau: math.Inf(1)})
	require.NoError(t, err)
	require.Equal(t, got.CHarrell, got.CIndex)
	return got
}
