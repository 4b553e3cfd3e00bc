package forest

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/tree"
)

type oracleCase struct {
	Set           string
	Times         []float64
	Cindex, Error []float64 // by scikit-survival's seed
}

// scikit-survival's forests on every distinct value score held-out rows alike: over seeds,
// the means of C differ by at most .005 and those of the squared error of S by at most .002,
// or two standard errors.
func TestScoresAsScikitSurvival(t *testing.T) {
	var file struct{ Cases []oracleCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "sksurv.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 4 {
		t.Fatalf("%d oracle cases, want 4", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Set, func(t *testing.T) { c.check(t) })
	}
}

func (c oracleCase) check(t *testing.T) {
	x, y, err := oracle.Load(filepath.Join("..", ".."), c.Set)
	if err != nil {
		t.Fatal(err)
	}
	y.Weight, y.Entry = nil, nil
	var train, test []int
	for i := range y.Time {
		if i%3 == 0 {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	var cs, errs []float64
	for seed := range uint64(4) {
		m, err := Fit(context.Background(), x.Take(train), y.Take(train),
			Options{Trees: 250, MinSplit: 6, MinLeaf: 3, Bins: tree.Exact}, survival.FitOptions{Seed: seed, Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		risk := make([]float64, len(test))
		if err := m.Risk(context.Background(), x.Take(test), risk); err != nil {
			t.Fatal(err)
		}
		cs = append(cs, harrell(y.Take(test), risk))
		errs = append(errs, squaredError(t, m, x.Take(test), y.Take(test), c.Times))
	}
	t.Logf("C %.4f, scikit-survival %.4f; squared error %.4f, %.4f", mean(cs), mean(c.Cindex), mean(errs), mean(c.Error))
	if d := math.Abs(mean(cs) - mean(c.Cindex)); d > max(0.005, 2*math.Hypot(standardError(cs), standardError(c.Cindex))) {
		t.Errorf("mean C %.4f, want %.4f", mean(cs), mean(c.Cindex))
	}
	if d := math.Abs(mean(errs) - mean(c.Error)); d > max(0.002, 2*math.Hypot(standardError(errs), standardError(c.Error))) {
		t.Errorf("mean squared error %.4f, want %.4f", mean(errs), mean(c.Error))
	}
}

// squaredError is the mean over times and rows known at t of (1(T > t) − S(t))².
func squaredError(t *testing.T, m *Model, x *survival.Design, y survival.Outcome, times []float64) float64 {
	sum, known := make([]float64, len(times)), make([]float64, len(times))
	err := m.Survival(context.Background(), x, times, func(row int, s []float64) error {
		for j, v := range s {
			alive := y.Time[row] > times[j]
			if !alive && !y.Event[row] {
				continue
			}
			if alive {
				v = 1 - v
			}
			sum[j] += v * v
			known[j]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for j := range sum {
		total += sum[j] / known[j] / float64(len(sum))
	}
	return total
}

// harrell is the concordance by its definition.
func harrell(y survival.Outcome, risk []float64) float64 {
	var pairs, good float64
	for i := range risk {
		for j := range risk {
			if !y.Event[i] || y.Time[j] < y.Time[i] || (y.Time[j] == y.Time[i] && y.Event[j]) {
				continue
			}
			pairs++
			switch {
			case math.Abs(risk[i]-risk[j]) <= 1e-8:
				good += 0.5
			case risk[i] > risk[j]:
				good++
			}
		}
	}
	return good / pairs
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
