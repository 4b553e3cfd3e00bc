package ensemble

import (
	"context"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/survtest"
	"everfold/survival/tree"
)

// The out-of-bag error is 1 − C of each row's mean risk over the trees that did not draw it:
// computed anew from single trees, and the same on any number of threads.
func TestOutOfBag(t *testing.T) {
	x := &survival.Design{Rows: 60, Columns: []survival.Column{{Name: "z", Term: "z", Values: make([]float64, 60)}}}
	y := survival.Outcome{}
	for i := range x.Rows {
		x.Columns[0].Values[i] = float64(i%7 - 3)
		y.Time = append(y.Time, float64(1+i*i%31)+float64(i%7))
		y.Event = append(y.Event, i%3 > 0)
	}
	for _, opt := range []Options{{Trees: 4}, {Trees: 4, Subsample: 0.5}, {Trees: 4, Subsample: 0.6, NoBootstrap: true}} {
		drawn := make([][]uint32, opt.Trees)
		var s *Sample
		grow := func(threads int) *Model {
			opt.Working = func() int { return threads }
			p := planned(t, x, y, opt)
			s = p.Sample
			whole := p.NewGrower()
			p.NewGrower = func() Grower {
				return func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error) {
					if threads == 1 {
						drawn[b] = append([]uint32(nil), count...)
					}
					return whole(ctx, b, count)
				}
			}
			m, err := p.Grow(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		m := grow(1)
		if got := grow(3).Report().OutOfBag; got != m.Report().OutOfBag {
			t.Errorf("%+v on three threads, %+v on one", got, m.Report().OutOfBag)
		}
		want := byDefinition(t, m, x, y, s, drawn)
		if got := m.Report().OutOfBag; math.Abs(got.Error-want.Error) > 1e-12 || got.Rows != want.Rows {
			t.Errorf("%+v: out of bag %+v, want %+v", opt, got, want)
		}
	}
}

// leavesOf are the two leaves of halves on drawn rows.
func leavesOf(x *survival.Design, s *Sample, count []uint32) *tree.Leaves {
	l := &tree.Leaves{}
	for leaf := range 2 {
		var in []int
		for i, row := range s.Rows {
			if half(x.Columns[0].Values[row]) == leaf && count[i] > 0 {
				in = append(in, i)
			}
		}
		l.Add(len(in), func(i int) (int, float64, bool) {
			return int(s.Outcome.Rank[in[i]]), float64(count[in[i]]), s.Outcome.Event[in[i]]
		})
	}
	return l
}

// byDefinition predicts with forests of one tree each.
func byDefinition(t *testing.T, m *Model, x *survival.Design, y survival.Outcome, s *Sample, drawn [][]uint32) survival.OutOfBag {
	sum, trees := make([]float64, x.Rows), make([]float64, x.Rows)
	for b := range m.trees {
		one := *m
		one.trees, one.leaves = m.trees[b:b+1], m.leaves[b:b+1]
		risk := make([]float64, x.Rows)
		if err := one.Risk(context.Background(), x, risk); err != nil {
			t.Fatal(err)
		}
		for i, row := range s.Rows {
			if drawn[b][i] == 0 {
				sum[row] += risk[row]
				trees[row]++
			}
		}
	}
	var in []int
	var risk []float64
	for i := range sum {
		if trees[i] > 0 {
			in, risk = append(in, i), append(risk, sum[i]/trees[i])
		}
	}
	c, err := metric.Harrell(y.Take(in), risk, metric.ScikitSurvival).Index()
	if err != nil {
		t.Fatal(err)
	}
	return survival.OutOfBag{Error: 1 - c, Rows: len(in)}
}

// Where every tree takes all rows, nothing is out of bag; the model file keeps the error.
func TestOutOfBagOfAllRows(t *testing.T) {
	x, y := example()
	m, err := grow(t, x, y, Options{Trees: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Report().OutOfBag; got != (survival.OutOfBag{}) {
		t.Errorf("%+v", got)
	}
	m.report.OutOfBag = survival.OutOfBag{Error: 0.25, Rows: 3}
	file, _ := m.MarshalBinary() // never fails
	back, err := Decode(file, testKind())
	if err != nil || back.Report().OutOfBag != m.report.OutOfBag {
		t.Errorf("%v, %+v", err, back.Report().OutOfBag)
	}
}

// Draws are as many as the share says: with replacement, or distinct rows.
func TestDraws(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want int
	}{
		{Options{}, 100}, {Options{Subsample: 0.632}, 63}, {Options{NoBootstrap: true}, 100},
		{Options{NoBootstrap: true, Subsample: 0.632}, 63}, {Options{NoBootstrap: true, Subsample: 0.001}, 1},
	} {
		p := Plan{Options: c.opt}
		often := make([]uint32, 100)
		for b := range 300 {
			count := make([]uint32, 100)
			p.draw(count, b)
			sum := 0
			for i, n := range count {
				sum += int(n)
				often[i] += n
				if c.opt.NoBootstrap && n > 1 {
					t.Fatalf("%+v: row %d is drawn %d times", c.opt, i, n)
				}
			}
			if sum != c.want {
				t.Fatalf("%+v: %d draws, want %d", c.opt, sum, c.want)
			}
		}
		for i, n := range often { // each row about want/100 of the time: 5 standard errors
			if d := float64(n) - 3*float64(c.want); math.Abs(d) > 5*math.Sqrt(3*float64(c.want)) {
				t.Errorf("%+v: row %d is drawn %d times", c.opt, i, n)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a share above 1 does not panic")
		}
	}()
	x, y := example()
	_, _ = grow(t, x, y, Options{Trees: 1, Subsample: 1.5})
}

// A cancelled fit leaves its trees behind, and the next attempt grows the others only.
func TestGoesOnFromKeptTrees(t *testing.T) {
	x, y := example()
	kept := survtest.NewCheckpoints(nil)
	if _, err := grow(t, x, y, Options{Trees: 20, Checkpoints: kept}); err == nil {
		t.Fatal("tree 7 has not failed")
	}
	left := kept.Left()
	p := planned(t, x, y, Options{Trees: 20, NoBootstrap: true, Checkpoints: survtest.NewCheckpoints(left[len(left)-1])})
	g := p.begin()
	if err := g.resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	for b, grown := range g.grown {
		if grown != (b < 7) {
			t.Errorf("tree %d is there: %v", b, grown)
		}
	}
	if g.done != 7 || g.added != 7 {
		t.Errorf("%d trees are done, %d added", g.done, g.added)
	}
}

// Of many rows, or of wide ones, every k-th is looked at.
func TestBagsAreBounded(t *testing.T) {
	for _, c := range []struct{ rows, columns, stride, kept int }{
		{20_000, 5, 1, 20_000}, {20_001, 5, 2, 10_001}, {229_611, 23, 12, 19_135}, {50_000, 10_000, 30, 1_667},
	} {
		if stride, rows := lookedAt(c.rows, c.columns); stride != c.stride || rows != c.kept {
			t.Errorf("%d rows, %d columns: %d rows, one of %d; want %d, one of %d", c.rows, c.columns, rows, stride, c.kept, c.stride)
		}
	}
}
