package boost

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/resample"
)

// churn is n rows of two columns that matter and one that does not, in groups of three.
func churn(n int) (*survival.Design, survival.Outcome, []int) {
	rng := resample.Source(4, "test")
	x := &survival.Design{Rows: n, Columns: []survival.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	y, group := survival.Outcome{}, []int{}
	for i := range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		for j, v := range []float64{a, b, rng.NormFloat64()} {
			x.Columns[j].Values = append(x.Columns[j].Values, v)
		}
		t, c := rng.ExpFloat64()*math.Exp(-a-b*b), rng.ExpFloat64()*2
		y.Time = append(y.Time, math.Ceil(50*min(t, c)))
		y.Event = append(y.Event, t <= c)
		group = append(group, i/3)
	}
	return x, y, group
}

func mustFit(t *testing.T, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) *Model {
	t.Helper()
	m, err := Fit(context.Background(), x, y, opt, fit)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func file(t *testing.T, m *Model) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// With rows held out the model is that of the other rows with the best number of trees:
// fewer than asked for, and the one with the largest likelihood of the held-out rows.
func TestHeldOut(t *testing.T) {
	x, y, group := churn(900)
	opt := Options{Trees: 150, LearningRate: 0.3, Validation: 0.25, Patience: 20}
	fit := survival.FitOptions{Seed: 5, Inner: survival.Inner{Group: group}}
	m := mustFit(t, x, y, opt, fit)
	s := divide(x, y, opt.Validation, fit)
	best := m.Report().Iterations
	if best < 2 || best > 100 || len(m.trees) != best {
		t.Fatalf("%d trees kept, %d reported", len(m.trees), best)
	}
	plain := opt
	plain.Validation, plain.Trees = 0, best
	if !bytes.Equal(file(t, m), file(t, mustFit(t, s.x, s.y, plain, fit))) {
		t.Error("another model than that of the other rows")
	}
	at := func(trees int) float64 {
		plain.Trees = trees
		risk := make([]float64, s.held.Rows)
		if err := mustFit(t, s.x, s.y, plain, fit).Risk(context.Background(), s.held, risk); err != nil {
			t.Fatal(err)
		}
		return likelihood(s.heldY, risk)
	}
	top := at(best)
	for _, trees := range []int{1, best - 1, best + 1, best + 20} {
		if v := at(trees); v > top {
			t.Errorf("%d trees have a larger held-out likelihood, %g, than %d, %g", trees, v, best, top)
		}
	}
}

// likelihood is Breslow's log partial likelihood by its definition.
func likelihood(y survival.Outcome, f []float64) float64 {
	log := 0.0
	for i, event := range y.Event {
		if !event {
			continue
		}
		sum := 0.0
		for j, t := range y.Time {
			if t >= y.Time[i] {
				sum += math.Exp(f[j])
			}
		}
		log += f[i] - math.Log(sum)
	}
	return log
}

// Held-out rows are whole groups, their share and that of their events as asked for.
func TestDivide(t *testing.T) {
	x, y, group := churn(900)
	for i := range x.Columns[0].Values {
		x.Columns[0].Values[i] = float64(group[i])
	}
	s := divide(x, y, 0.25, survival.FitOptions{Seed: 1, Inner: survival.Inner{Group: group}})
	for _, g := range s.held.Columns[0].Values {
		if slices.Contains(s.x.Columns[0].Values, g) {
			t.Fatalf("group %g is on both sides", g)
		}
	}
	if share := float64(s.held.Rows) / 900; math.Abs(share-0.25) > 0.01 {
		t.Errorf("a share of %g is held out", share)
	}
	if share := float64(s.heldY.Events()) / float64(y.Events()); math.Abs(share-0.25) > 0.03 {
		t.Errorf("a share of %g of the events is held out", share)
	}
	if other := divide(x, y, 0.25, survival.FitOptions{Seed: 2, Inner: survival.Inner{Group: group}}); slices.Equal(other.held.Columns[1].Values, s.held.Columns[1].Values) {
		t.Error("another seed holds out the same rows")
	}
}

// Where no event can be held out all trees are kept, and the report says so.
func TestNothingToJudge(t *testing.T) {
	x, y, _ := churn(30)
	for i := range y.Event {
		y.Event[i] = i == 7
	}
	m := mustFit(t, x, y, Options{Trees: 4, Validation: 0.3, Patience: 1}, survival.FitOptions{})
	if w := m.Report().Warnings; len(m.trees) != 4 || len(w) != 1 || w[0].Category != "data" {
		t.Errorf("%d trees, warnings %v", len(m.trees), w)
	}
}

// The unit of weights changes nothing: a power of two no byte, another number no risk.
func TestWeightUnit(t *testing.T) {
	x, y, _ := churn(500)
	for _, opt := range []Options{{}, {Leaf: Newton}, {Leaf: Newton, Lambda: 3, Validation: 0.2}} {
		opt.Trees = 25
		at := func(unit float64) *Model {
			y.Weight = make([]float64, x.Rows)
			for i := range y.Weight {
				y.Weight[i] = unit * float64(1+i%5)
			}
			return mustFit(t, x, y, opt, survival.FitOptions{Seed: 3})
		}
		want := at(1)
		for _, unit := range []float64{1 << 20, 1. / (1 << 30)} {
			if !bytes.Equal(file(t, at(unit)), file(t, want)) {
				t.Errorf("%+v: weights in a unit of %g give other bytes", opt, unit)
			}
		}
		a, b := make([]float64, x.Rows), make([]float64, x.Rows)
		if want.Risk(context.Background(), x, a) != nil || at(3e-9).Risk(context.Background(), x, b) != nil {
			t.Fatal("no risks")
		}
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-9 {
				t.Fatalf("%+v: row %d has risk %g, in another unit of weights %g", opt, i, a[i], b[i])
			}
		}
	}
}

// A tree of a column sample splits on the drawn columns only, and rounds draw anew.
func TestColumnSample(t *testing.T) {
	x, y, _ := churn(400)
	m := mustFit(t, x, y, Options{Trees: 30, ColumnSample: 0.34}, survival.FitOptions{Seed: 2})
	used := map[int32]bool{}
	for k, tr := range m.trees {
		split := int32(-1)
		for _, f := range tr.Feature {
			if f >= 0 && split >= 0 && f != split {
				t.Fatalf("tree %d splits on columns %d and %d", k, split, f)
			}
			split = max(split, f)
		}
		used[split] = true
	}
	if len(used) != 3 {
		t.Errorf("columns %v were drawn", used)
	}
}

// The penalty shrinks leaves of kind Mean too: Σg/(Σw + λ).
func TestLambdaOfMeans(t *testing.T) {
	x := &survival.Design{Rows: 4, Columns: []survival.Column{{Name: "a", Values: []float64{1, 1, 2, 2}}}}
	y := survival.Outcome{Time: []float64{1, 2, 3, 4}, Event: []bool{true, true, true, true}}
	for lambda, want := range map[float64]float64{0: 7. / 6 / 2, -1: 7. / 6 / 2, 2: 7. / 6 / 4} {
		m := mustFit(t, x, y, Options{Trees: 1, LearningRate: 1, Lambda: lambda}, survival.FitOptions{})
		if got := m.values[0][0]; math.Abs(got-want) > 1e-15 {
			t.Errorf("lambda %g: leaf %g, want %g", lambda, got, want)
		}
	}
}
