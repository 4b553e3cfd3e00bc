package metric

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/oracle"
)

const oracleTolerance = 1e-8

// metricFold is the fold and the predictions of survival/oracle/metric_fold.R.
type metricFold struct {
	train, test survival.Outcome
	risk, times []float64
	surv        []float32
}

func loadFold(t *testing.T, set string, near bool) metricFold {
	t.Helper()
	_, y, err := oracle.Load(filepath.Join("..", ".."), set)
	require.NoError(t, err)
	largest := slices.Max(y.Time)
	var f metricFold
	var train, test []int
	for i, u := range y.Time {
		if i%3 == 1 && u < largest {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	f.train, f.test = y.Take(train), y.Take(test)
	f.times = foldGrid(f.test.Time)
	for _, i := range test {
		u := float64(37*i%101) / 101
		r := math.Floor(10*(2*u-y.Time[i]/largest)) / 10
		if near {
			r += 0.6e-8 * float64(i%5)
		}
		f.risk = append(f.risk, r)
		for _, at := range f.times {
			f.surv = append(f.surv, float32(math.Floor(4096*math.Exp(-(at/largest)*math.Exp(u)))/4096))
		}
	}
	return f
}

func foldGrid(testTimes []float64) []float64 {
	distinct := slices.Compact(slices.Sorted(slices.Values(testTimes)))
	var times []float64
	for k := range 12 {
		q := 0.05 + float64(k)*(0.85-0.05)/11
		times = append(times, distinct[int(q*float64(len(distinct)))])
	}
	return slices.Compact(times)
}

func (f metricFold) unweighted() metricFold {
	f.train.Weight, f.train.Entry, f.test.Weight, f.test.Entry = nil, nil, nil, nil
	return f
}

func readOracle(t *testing.T, name string, into any) {
	t.Helper()
	require.NoError(t, oracle.ReadJSON(filepath.Join("testdata", name), into))
}

// agree is a line of the README's table at the tolerance of the metrics.
func agree(t *testing.T, subject, reference, quantity string) *oracle.Agreement {
	t.Helper()
	return oracle.Agree(t, oracle.Line{Subject: subject, Reference: reference, Quantity: quantity, Tolerance: oracleTolerance})
}

// R's concordance() has the same C and the same pair sums, with case weights, with left
// truncation, and with both.
func TestEqualsRConcordance(t *testing.T) {
	var file struct {
		Cases []struct {
			Set             string
			Weighted, Entry bool
			CIndex, SE      float64
			Count           struct{ Concordant, Discordant float64 }
		}
	}
	readOracle(t, "concordance.json", &file)
	require.Len(t, file.Cases, 20)
	index := agree(t, "Harrell's C", "R `concordance`", "C, weighted sums of pairs")
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, false)
		name := fmt.Sprintf("%s weighted=%v entry=%v", c.Set, c.Weighted, c.Entry)
		if !c.Weighted {
			f.test.Weight = nil
		}
		if !c.Entry {
			f.test.Entry = nil
		}
		pairs := Harrell(f.test, f.risk, RiskRegression)
		got, err := pairs.Index()
		require.NoError(t, err)
		index.Near(name, got, c.CIndex, 1)
		index.Near(name, pairs.Concordant, c.Count.Concordant, 1)
		index.Near(name, pairs.Discordant, c.Count.Discordant, 1)
	}
}

// riskRegression's Score() has the same Brier scores and AUCs where it estimates Ĝ itself
// (from the scored rows), and the committed formula, with prodlim's Ĝ of the training
// rows, the same C, IBS, IPA and mean AUC.
func TestEqualsRiskRegression(t *testing.T) {
	var file struct {
		Cases []struct {
			Set     string
			Times   []float64
			Tau     float64
			Package struct{ Brier, Null, AUC []float64 }

			Uno        float64
			UnoAll     float64 `json:"uno_all"`
			Brier, AUC []float64
			IBS, IPA   float64
			MeanAUC    float64 `json:"auc_mean"`
		}
	}
	readOracle(t, "riskregression.json", &file)
	require.Len(t, file.Cases, 5)
	const formula = "formula in R on prodlim's Ĝ"
	packaged := agree(t, "Brier score, AUC(t)", "R `riskRegression::Score`", "every grid time")
	written := agree(t, "Brier score, AUC(t), IBS, mean AUC", formula, "training Ĝ")
	uno := agree(t, "Uno's C", formula, "C, with and without τ")
	ipa := oracle.Agree(t, oracle.Line{Subject: "IPA", Reference: formula, Quantity: "from curves stored as float32", Tolerance: 2e-7})
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, false).unweighted()
		require.Equal(t, c.Times, f.times, c.Set)
		brier, auc := curves(t, f.test, f, RiskRegression)
		packaged.NearAll(c.Set, brier, c.Package.Brier)
		packaged.NearAll(c.Set, auc, c.Package.AUC)
		brier, auc = curves(t, f.train, f, RiskRegression)
		written.NearAll(c.Set, brier, c.Brier)
		written.NearAll(c.Set, auc, c.AUC)

		got := evaluateFold(t, f, RiskRegression, c.Tau)
		uno.Near(c.Set, *got.CIPCW, c.Uno, 1)
		written.Near(c.Set, *got.IBS, c.IBS, 1)
		ipa.Near(c.Set, *got.IPA, c.IPA, 1)
		written.Near(c.Set, *got.AUCMean, c.MeanAUC, 1)
		got = evaluateFold(t, f, RiskRegression, math.Inf(1))
		uno.Near(c.Set, *got.CIPCW, c.UnoAll, 1)
	}
}

// scikit-survival has the same Harrell and Uno C (also with risks 0.6e-8 apart), Brier
// scores, IBS, AUCs and mean AUC.
func TestEqualsScikitSurvival(t *testing.T) {
	var file struct {
		Cases []struct {
			Set        string
			Near       bool
			Times      []float64
			Tau        float64
			Harrell    []float64
			Uno, IBS   float64
			Brier, AUC []float64
			MeanAUC    float64 `json:"auc_mean"`
		}
	}
	readOracle(t, "sksurv.json", &file)
	require.Len(t, file.Cases, 10)
	a := agree(t, "Harrell's and Uno's C, Brier score, IBS, AUC(t), mean AUC", "scikit-survival", "convention scikit-survival")
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, c.Near).unweighted()
		require.Equal(t, c.Times, f.times, c.Set)
		pairs := Harrell(f.test, f.risk, ScikitSurvival)
		require.Equal(t, c.Harrell[1:], []float64{pairs.Concordant, pairs.Discordant, pairs.TiedRisk, pairs.TiedTime}, c.Set)
		brier, auc := curves(t, f.train, f, ScikitSurvival)
		a.NearAll(c.Set, brier, c.Brier)
		a.NearAll(c.Set, auc, c.AUC)
		got := evaluateFold(t, f, ScikitSurvival, c.Tau)
		a.NearAll(c.Set, []float64{*got.CHarrell, *got.CIPCW, *got.IBS, *got.AUCMean}, []float64{c.Harrell[0], c.Uno, c.IBS, c.MeanAUC})
	}
}

func curves(t *testing.T, train survival.Outcome, f metricFold, c Convention) (brier, auc []float64) {
	t.Helper()
	b, err := NewBrier(train, f.test, f.times, c)
	require.NoError(t, err)
	require.NoError(t, addAll(b, f.surv, len(f.times)))
	brier, err = b.Curve()
	require.NoError(t, err)
	auc, err = AUC(train, f.test, f.times, Prediction{Risk: f.risk, Surv: f.surv}, c)
	require.NoError(t, err)
	return brier, auc
}

func evaluateFold(t *testing.T, f metricFold, c Convention, tau float64) Scores {
	t.Helper()
	got, err := Evaluate(context.Background(), Fold{f.train, f.test, f.times, f.risk, f.surv}, Config{c, CIndexIPCW, tau})
	require.NoError(t, err)
	return got
}
