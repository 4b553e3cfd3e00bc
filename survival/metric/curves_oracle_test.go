package metric

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// The definitions, written out in R, give the same C_td and log losses, with and without
// case weights and left truncation.
func TestEqualsFormulasOfCurves(t *testing.T) {
	var file struct {
		Cases []struct {
			Set               string
			Antolini          float64
			Weighted          float64   `json:"antolini_weighted"`
			Entry             float64   `json:"antolini_entry"`
			LogLoss           []float64 `json:"log_loss"`
			LogLossWeighted   []float64 `json:"log_loss_weighted"`
			IntegratedLogLoss float64   `json:"integrated"`
		}
	}
	readOracle(t, "curves.json", &file)
	require.Len(t, file.Cases, 5)
	antolini := agree(t, "Antolini's C", "formula in R", "weighted, left-truncated")
	losses := agree(t, "log loss, integrated", "formula in R", "every grid time")
	for _, c := range file.Cases {
		f := loadFold(t, c.Set, false)
		antolini.Near(c.Set, antoliniIndex(t, f, f.test), c.Entry, 1)
		f.train.Entry, f.test.Entry = nil, nil
		antolini.Near(c.Set, antoliniIndex(t, f, f.test), c.Weighted, 1)
		losses.NearAll(c.Set, logLosses(t, f), c.LogLossWeighted)
		f = f.unweighted()
		antolini.Near(c.Set, antoliniIndex(t, f, f.test), c.Antolini, 1)
		plain := logLosses(t, f)
		losses.NearAll(c.Set, plain, c.LogLoss)
		losses.Near(c.Set, Integrate(f.times, plain), c.IntegratedLogLoss, 1)
	}
}

func antoliniIndex(t *testing.T, f metricFold, y survival.Outcome) float64 {
	t.Helper()
	pairs, err := Antolini(context.Background(), y, f.times, f.surv, RiskRegression)
	require.NoError(t, err)
	index, err := pairs.Index()
	require.NoError(t, err)
	return index
}

func logLosses(t *testing.T, f metricFold) []float64 {
	t.Helper()
	l, err := NewLogLoss(f.train, f.test, f.times, RiskRegression)
	require.NoError(t, err)
	m := len(f.times)
	s := make([]float64, m)
	for row := range f.test.Time {
		for j, v := range f.surv[row*m : (row+1)*m] {
			s[j] = float64(v)
		}
		require.NoError(t, l.Add(row, s))
	}
	curve, err := l.Curve()
	require.NoError(t, err)
	return curve
}
