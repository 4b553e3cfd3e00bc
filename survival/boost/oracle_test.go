package boost

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/tree"
)

type oracleCase struct {
	Set         string
	Early       []float64 // F of the training rows after 10 rounds
	Untied      []float64 // F of the test rows after 100 rounds with at least five rows a leaf
	Risk        []float64 // F of the test rows after 100 rounds, leaves of one row allowed
	Times       []float64
	Survival    [][]float64
	Cindex      []float64 // by scikit-survival's seed
	Correlation float64   // the least rank correlation between two of its seeds
}

// scikit-survival's boosting on every distinct value is the same function wherever splits do
// not tie. With at least five rows a leaf they never do (its seeds agree to 1e-15): F of
// held-out rows agrees to 1e-12 after 100 rounds, on five sets. With leaves of one row
// several columns peel off the same rows, and it draws one of them: F still agrees on
// training rows after 10 rounds; after 100, held-out rows of four sets have C within .002 of
// one of its seeds and a rank correlation above .995. The fifth, veteran with 46 of them,
// agrees as well as its own seeds do.
func TestEqualsScikitSurvival(t *testing.T) {
	var file struct{ Cases []oracleCase }
	if err := oracle.ReadJSON(filepath.Join("testdata", "sksurv.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 5 {
		t.Fatalf("%d oracle cases, want 5", len(file.Cases))
	}
	line := oracle.Line{Subject: "gradient boosting, `bins: exact`", Reference: "scikit-survival", Quantity: "F of every training row after 10 rounds", Tolerance: 1e-12}
	early := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "no tied splits (five rows a leaf): held-out F after 100 rounds", 1e-12
	untied := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "with tied splits, of which it draws one: held-out C after 100 rounds, from the nearest of its seeds", 0.02
	late := oracle.Agree(t, line)
	for _, c := range file.Cases {
		t.Run(c.Set, func(t *testing.T) { c.check(t, early, untied, late) })
	}
}

func (c oracleCase) check(t *testing.T, agreeEarly, agreeUntied, agreeLate *oracle.Agreement) {
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
	fit := func(trees, least int, at []int) (*Model, []float64) {
		return fitted(t, x.Take(train), y.Take(train), Options{Trees: trees, MinLeaf: least, Bins: tree.Exact}, x.Take(at))
	}
	_, early := fit(10, 1, train)
	agreeEarly.NearAll(t.Name(), early, c.Early)
	_, untied := fit(100, 5, test)
	agreeUntied.NearAll(t.Name(), untied, c.Untied)
	m, risk := fit(100, 1, test)
	rho := correlation(ranks(risk), ranks(c.Risk))
	alike, apart := 0.995, 0.002
	if c.Set == "veteran" {
		alike, apart = min(alike, c.Correlation), max(apart, slices.Max(c.Cindex)-slices.Min(c.Cindex))
	}
	if rho < alike {
		t.Errorf("rank correlation %.4f; want %.4f", rho, alike)
	}
	got, off := harrell(y.Take(test), risk), 1.0
	for _, want := range c.Cindex {
		off = min(off, math.Abs(got-want))
	}
	agreeLate.Near(t.Name(), off, 0, 1)
	if off > apart {
		t.Errorf("C %.4f, want one of %.4f", got, c.Cindex)
	}
	sum := 0.0
	err = m.Survival(context.Background(), x.Take(test), c.Times, func(row int, s []float64) error {
		for j, v := range s {
			sum += math.Abs(v-c.Survival[row][j]) / float64(len(test)*len(s))
		}
		return nil
	})
	if err != nil || sum > 0.01 {
		t.Errorf("curves differ by %.4f in the mean: %v", sum, err)
	}
	t.Logf("rank correlation %.5f (its seeds %.5f), C %.4f (%.4f), curves %.5f", rho, c.Correlation, got, c.Cindex, sum)
}

func fitted(t *testing.T, x *survival.Design, y survival.Outcome, opt Options, at *survival.Design) (*Model, []float64) {
	m, err := Fit(context.Background(), x, y, opt, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	risk := make([]float64, at.Rows)
	if err := m.Risk(context.Background(), at, risk); err != nil {
		t.Fatal(err)
	}
	return m, risk
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

// ranks are mid-ranks of values that agree to 1e-9.
func ranks(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, a := range v {
		for _, b := range v {
			switch {
			case b < a-1e-9:
				out[i]++
			case b <= a+1e-9:
				out[i] += 0.5
			}
		}
	}
	return out
}

func correlation(a, b []float64) float64 {
	mean := func(v []float64) float64 {
		s := 0.0
		for _, x := range v {
			s += x
		}
		return s / float64(len(v))
	}
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
