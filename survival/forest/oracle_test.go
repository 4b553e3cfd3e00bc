package forest

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/oracle"
	"everfold/survival/tree"
)

type oracleCase struct {
	Set         string
	Times       []float64
	Cindex, IBS []float64 // by scikit-survival's seed
}

// scikit-survival's forests on every distinct value score held-out rows alike: over ten
// seeds of 500 trees on each side, the means of Harrell's C differ by at most .005 and two
// standard errors, those of the integrated Brier score by at most .002 and two standard
// errors.
func TestScoresAsScikitSurvival(t *testing.T) {
	var file struct{ Cases []oracleCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "sksurv.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 4 {
		t.Fatalf("%d oracle cases, want 4", len(file.Cases))
	}
	line := oracle.Line{Subject: "random survival forest, `bins: exact`", Reference: "scikit-survival", Quantity: "held-out C, mean of 10 seeds", Tolerance: 0.005}
	concordances := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "held-out IBS, mean of 10 seeds", 0.002
	scores := oracle.Agree(t, line)
	for _, c := range file.Cases {
		t.Run(c.Set, func(t *testing.T) { c.check(t, concordances, scores) })
	}
}

func (c oracleCase) check(t *testing.T, concordances, scores *oracle.Agreement) {
	train, test := split(t, c.Set)
	var cs, ibs []float64
	for seed := range uint64(len(c.Cindex)) {
		m, err := Fit(context.Background(), train.x, train.y,
			Options{Trees: 500, MinSplit: 6, MinLeaf: 3, Bins: tree.Exact}, survival.FitOptions{Seed: seed, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		cs = append(cs, concordance(t, m, test))
		ibs = append(ibs, brier(t, m, train.y, test, c.Times))
	}
	alike(t, concordances, cs, c.Cindex)
	alike(t, scores, ibs, c.IBS)
}

// alike says whether two means are equal up to the line's tolerance and two standard errors.
func alike(t *testing.T, a *oracle.Agreement, got, want []float64) {
	t.Helper()
	d := mean(got) - mean(want)
	se := math.Hypot(standardError(got), standardError(want))
	t.Logf("%.5f, scikit-survival %.5f: difference %+.5f, standard error %.5f", mean(got), mean(want), d, se)
	a.Near(t.Name(), mean(got), mean(want), 1)
	if math.Abs(d) > 2*se {
		t.Errorf("the means differ by %+.5f, more than two standard errors of %.5f", d, se)
	}
}

type rows struct {
	x *survival.Design
	y survival.Outcome
}

// split is a set without weights: every third row tests.
func split(t *testing.T, set string) (train, test rows) {
	t.Helper()
	x, y, err := oracle.Load(filepath.Join("..", ".."), set)
	if err != nil {
		t.Fatal(err)
	}
	y.Weight, y.Entry = nil, nil
	var in, out []int
	for i := range y.Time {
		if i%3 == 0 {
			out = append(out, i)
		} else {
			in = append(in, i)
		}
	}
	return rows{x.Take(in), y.Take(in)}, rows{x.Take(out), y.Take(out)}
}

func concordance(t *testing.T, m *Model, test rows) float64 {
	t.Helper()
	risk := make([]float64, test.x.Rows)
	if err := m.Risk(context.Background(), test.x, risk); err != nil {
		t.Fatal(err)
	}
	c, err := metric.Harrell(test.y, risk, metric.ScikitSurvival).Index()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// brier is the integrated Brier score, censoring weights from the training rows.
func brier(t *testing.T, m *Model, train survival.Outcome, test rows, times []float64) float64 {
	t.Helper()
	b, err := metric.NewBrier(train, test.y, times, metric.ScikitSurvival)
	if err == nil {
		err = m.Survival(context.Background(), test.x, times, b.Add)
	}
	if err != nil {
		t.Fatal(err)
	}
	curve, err := b.Curve()
	if err != nil {
		t.Fatal(err)
	}
	return metric.Integrate(times, curve)
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func standardError(v []float64) float64 {
	m, s := mean(v), 0.0
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	return math.Sqrt(s / float64(len(v)-1) / float64(len(v)))
}
