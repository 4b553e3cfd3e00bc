package oblique_test

import (
	"context"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/forest"
	"everfold/survival/metric"
	"everfold/survival/oblique"
	"everfold/survival/oracle"
)

// On held-out rows of four public data sets, three folds each, the oblique forest at the
// run spec's defaults is on average ahead of the axis-parallel one at its own, in Harrell's
// C and in the integrated Brier score.
func TestAheadOfAxisParallel(t *testing.T) {
	var oblique, parallel scores
	for _, set := range []string{"gbsg2", "lung", "rossi", "whas500"} {
		x, y, err := oracle.Load(filepath.Join("..", ".."), set)
		if err != nil {
			t.Fatal(err)
		}
		y.Weight, y.Entry = nil, nil
		for fold := range 3 {
			f := held(x, y, fold)
			oblique.add(t, f, fitOblique)
			parallel.add(t, f, fitForest)
		}
	}
	t.Logf("C %.4f, axis-parallel %.4f; IBS %.4f, axis-parallel %.4f", oblique.c/12, parallel.c/12, oblique.ibs/12, parallel.ibs/12)
	if oblique.c < parallel.c || oblique.ibs > parallel.ibs {
		t.Errorf("sums of C and IBS %+v, axis-parallel %+v", oblique, parallel)
	}
}

type fitter func(x *survival.Design, y survival.Outcome) (survival.Model, error)

func fitOblique(x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return oblique.Fit(context.Background(), x, y, oblique.Options{Trees: 100, MinStat: 3.84}, survival.FitOptions{Seed: 1, Threads: 2})
}

func fitForest(x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return forest.Fit(context.Background(), x, y, forest.Options{Trees: 100}, survival.FitOptions{Seed: 1, Threads: 2})
}

// fold is training and held-out rows.
type fold struct {
	x, testX *survival.Design
	y, testY survival.Outcome
}

// held holds out every third row.
func held(x *survival.Design, y survival.Outcome, from int) fold {
	var train, test []int
	for i := range y.Time {
		if i%3 == from {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return fold{x.Take(train), x.Take(test), y.Take(train), y.Take(test)}
}

// scores are sums over folds.
type scores struct{ c, ibs float64 }

func (s *scores) add(t *testing.T, f fold, fit fitter) {
	t.Helper()
	ctx := context.Background()
	m, err := fit(f.x, f.y)
	if err != nil {
		t.Fatal(err)
	}
	risk := make([]float64, f.testX.Rows)
	if err := m.Risk(ctx, f.testX, risk); err != nil {
		t.Fatal(err)
	}
	c, err := metric.Harrell(f.testY, risk, metric.RiskRegression).Index()
	if err != nil {
		t.Fatal(err)
	}
	times := grid(f.y)
	b, err := metric.NewBrier(f.y, f.testY, times, metric.RiskRegression)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Survival(ctx, f.testX, times, b.Add); err != nil {
		t.Fatal(err)
	}
	curve, err := b.Curve()
	if err != nil {
		t.Fatal(err)
	}
	s.c += c
	s.ibs += metric.Integrate(times, curve)
}

// grid is 30 times up to one and a half times the rows' mean time.
func grid(y survival.Outcome) []float64 {
	mean := 0.0
	for _, t := range y.Time {
		mean += t / float64(y.Len())
	}
	times := make([]float64, 30)
	for j := range times {
		times[j] = mean * float64(j+1) / 20
	}
	return times
}
