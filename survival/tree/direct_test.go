package tree

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"everfold/survival"
)

// sample is a random node: rows in the order of time, with every kind of column.
type sample struct {
	x     *survival.Design
	y     Ranked
	count []uint32
	opt   Options
	bins  Bins
}

// random draws a node of up to most rows: numeric columns with few and with many values,
// columns with gaps, imputed columns with their indicator, dummies of one factor, lone
// binaries; ties, draws up to 6, any share of events, sometimes case weights.
func random(rng *rand.Rand, most int, weighted bool) sample {
	n := 2 + rng.IntN(most)
	s := sample{x: &survival.Design{Rows: n}, bins: []Bins{Quantiles, Exact}[rng.IntN(2)]}
	s.opt = Options{MinLeaf: 1 + rng.IntN(6), Depth: 1}
	if rng.IntN(3) == 0 {
		s.opt.MinLeaf = 1
	}
	add := func(term, name string, value func(i int) float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = value(i)
		}
		s.x.Columns = append(s.x.Columns, survival.Column{Name: name, Term: term, Values: v})
		return v
	}
	levels := []int{1, 2, 3, 10, 1 << 20}
	for j := range 1 + rng.IntN(4) {
		k, gaps := levels[rng.IntN(len(levels))], rng.IntN(3) == 0
		name := fmt.Sprint("n", j)
		v := add(name, name, func(int) float64 {
			if gaps && rng.IntN(5) == 0 {
				return math.NaN()
			}
			return float64(rng.IntN(k))
		})
		if !gaps && rng.IntN(2) == 0 { // imputed, with an indicator
			home := v[rng.IntN(n)]
			add(name, name+"_missing", func(i int) float64 {
				if rng.IntN(4) == 0 {
					v[i] = home
					return 1
				}
				return 0
			})
		}
	}
	if classes := rng.IntN(6); classes > 0 {
		level := make([]int, n)
		for i := range level {
			level[i] = rng.IntN(classes + 1)
		}
		for c := range classes {
			add("f", fmt.Sprint("f=", c), func(i int) float64 {
				if level[i] == c {
					return 1
				}
				return 0
			})
		}
	}
	for j := range rng.IntN(7) {
		add("b", fmt.Sprint("b", j), func(int) float64 { return float64(rng.IntN(2)) })
	}
	s.outcome(rng, weighted)
	if rng.IntN(3) == 0 {
		s.opt.Try = 1 + rng.IntN(len(s.x.Columns))
	}
	return s
}

// tried are the columns searched together at the root, lot by lot: all, or those drawn.
func (s *sample) tried() [][]bool {
	p := len(s.x.Columns)
	if s.opt.Try == 0 || s.opt.Try >= p {
		return [][]bool{slices.Repeat([]bool{true}, p)}
	}
	rng, perm := s.stream(), make([]int, p)
	for j := range perm {
		perm[j] = j
	}
	var lots [][]bool
	for done := 0; done < p; {
		lot := make([]bool, p)
		for end := min(done+s.opt.Try, p); done < end; done++ {
			k := done + rng.IntN(p-done)
			perm[done], perm[k] = perm[k], perm[done]
			lot[perm[done]] = true
		}
		lots = append(lots, lot)
	}
	return lots
}

// stream is the random stream of the sample's tree.
func (s *sample) stream() Rand { return rand.New(rand.NewPCG(8, uint64(s.x.Rows))) }

func (s *sample) outcome(rng *rand.Rand, weighted bool) {
	n := s.x.Rows
	gap := []float64{0.1, 0.5, 0.9, 1}[rng.IntN(4)]
	events := []float64{0.05, 0.5, 0.9, 1}[rng.IntN(4)]
	s.count = make([]uint32, n)
	rank := int32(0)
	for i := range n {
		if i > 0 && rng.Float64() < gap {
			rank++
		}
		s.y.Rank = append(s.y.Rank, rank)
		s.y.Event = append(s.y.Event, rng.Float64() < events)
		s.count[i] = 1
		for rng.Float64() < 0.35 && s.count[i] < 6 {
			s.count[i]++
		}
	}
	if weighted {
		weight, scale := make([]float64, n), []float64{1, 1e-3, 1e200}[rng.IntN(3)]
		for i := range weight {
			weight[i] = scale * (0.25 + 2*rng.Float64())
		}
		s.y.Weight, s.y.Unit = Frequencies(weight)
	}
}

// textbook is the log-rank statistic of the rows on the left, term by term.
func (s *sample) textbook(left []bool) float64 {
	var u, v, y, yl float64 // y, yl: at risk, in all and on the left
	for end := len(left); end > 0; {
		i, rank := end, s.y.Rank[end-1]
		var d, dl float64
		for ; i > 0 && s.y.Rank[i-1] == rank; i-- {
			w, event, side := float64(s.count[i-1]), 0.0, 0.0
			if s.y.Weight != nil {
				w *= s.y.Weight[i-1]
			}
			if s.y.Event[i-1] {
				event = 1
			}
			if left[i-1] {
				side = 1
			}
			y, yl, d, dl = y+w, yl+w*side, d+w*event, dl+w*side*event
		}
		end = i
		if d > 0 {
			u += dl - d*yl/y
			v += yl / y * (1 - yl/y) * Variance(d, y, s.y.Subject())
		}
	}
	return statistic(u, v)
}

// direct is the search by definition: every design column, every present code, missing
// values on either side.
func (s *sample) direct(m *Matrix, statistic func(left []bool) float64) (chosen, []bool) {
	for _, lot := range s.tried() {
		if best, left := s.directOf(m, lot, statistic); best.feature >= 0 {
			return best, left
		}
	}
	return chosen{split: split{feature: -1}}, nil
}

// directOf searches some columns.
func (s *sample) directOf(m *Matrix, lot []bool, statistic func(left []bool) float64) (chosen, []bool) {
	best := chosen{split: split{feature: -1}}
	var bestLeft []bool
	n := s.x.Rows
	for j := range s.x.Columns {
		if !lot[j] {
			continue
		}
		values, f := s.x.Columns[j].Values, &m.features[j]
		for code := range f.low {
			for _, gapLeft := range []bool{false, true} {
				left, present, gaps, rows := make([]bool, n), false, false, 0
				for i, v := range values {
					if v != v {
						left[i], gaps = gapLeft, true
					} else {
						left[i] = int(f.code(v)) <= code
						present = present || int(f.code(v)) == code
					}
					if left[i] {
						rows++
					}
				}
				if !present || gapLeft && !gaps || rows < s.opt.MinLeaf || n-rows < s.opt.MinLeaf {
					continue
				}
				before := best.split
				best.offer(statistic(left), split{feature: j, code: code, gapLeft: gapLeft})
				if best.split != before {
					bestLeft = left
				}
			}
		}
	}
	return best, bestLeft
}

// check compares the first split of a log-rank tree with the direct search.
func (s *sample) check(only searchKind) string {
	crit := NewLogRank(s.y)
	crit.only = only
	crit.Draw(s.count, &Leaves{})
	return s.compare(crit, s.textbook)
}

// compare grows a tree of one split and compares it with the direct search: "" if equal.
func (s *sample) compare(crit Criterion, statistic func(left []bool) float64) string {
	m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), s.bins, 2)
	if err != nil {
		return err.Error()
	}
	s.opt.Rand = s.stream()
	t, err := NewGrower(m).Grow(context.Background(), crit, s.opt)
	if err != nil {
		return err.Error()
	}
	want, left := s.direct(m, statistic)
	if int(t.Feature[0]) != max(want.feature, -1) {
		return fmt.Sprintf("splits on column %d, not %d with statistic %g", t.Feature[0], want.feature, want.score)
	}
	if want.feature < 0 {
		return ""
	}
	row := make([]float64, len(s.x.Columns))
	for i := range left {
		for j := range row {
			row[j] = s.x.Columns[j].Values[i]
		}
		if goes := t.Leaf(row) == 0; goes != left[i] {
			return fmt.Sprintf("column %d, threshold %g: row %d goes left: %v (direct: code %d, gaps left %v)",
				want.feature, t.Threshold[0], i, goes, want.code, want.gapLeft)
		}
	}
	return ""
}

func ascending(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// Every search returns the split of the direct search, the same rows on the same sides: on
// random nodes with ties, draws, weights, gaps, indicators and factors, on all columns and on
// drawn ones, for all sizes of the codes.
func TestSearchesEqualDirectSearch(t *testing.T) {
	for _, c := range []struct {
		name     string
		only     searchKind
		cases    int
		most     int
		weighted bool
	}{
		{"small", fastest, 8000, 30, false},
		{"fenwick, small", byFenwick, 2000, 30, false},
		{"weighted", fastest, 5000, 25, true},
		{"weighted, large", fastest, 30, 400, true},
		{"fenwick, large", byFenwick, 30, 400, false},
		{"bounds, small", byBounds, 3000, 30, false},
		{"bounds, middle", byBounds, 600, 150, false},
		{"bounds, large", byBounds, 60, 900, false},
		{"large", fastest, 30, 1500, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, uint64(c.most)))
			bad := 0
			for i := range c.cases {
				s := random(rng, c.most, c.weighted)
				if problem := s.check(c.only); problem != "" {
					if bad++; bad < 4 {
						t.Errorf("case %d, %d rows: %s", i, s.x.Rows, problem)
					}
				}
			}
			if bad > 0 {
				t.Errorf("%d of %d cases differ", bad, c.cases)
			}
		})
	}
}

// Whole trees are equal, whatever the search, with quantile bins, with codes too wide for
// bytes, and with columns drawn at every node.
func TestWholeTreesEqual(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 12 {
		s := random(rng, 1200, false)
		s.bins = []Bins{Quantiles, Exact}[i%2]
		s.opt.Depth = 0
		if i%3 == 0 {
			s.opt.Try = 2
		}
		m, err := NewMatrix(context.Background(), s.x, ascending(s.x.Rows), s.bins, 2)
		if err != nil {
			t.Fatal(err)
		}
		grow := func(only searchKind) (*Tree, Leaves) {
			crit, leaves := NewLogRank(s.y), Leaves{}
			crit.only = only
			crit.Draw(s.count, &leaves)
			s.opt.Rand = rand.New(rand.NewPCG(1, uint64(i)))
			tr, err := NewGrower(m).Grow(context.Background(), crit, s.opt)
			if err != nil {
				t.Fatal(err)
			}
			return tr, leaves
		}
		want, wantLeaves := grow(byFenwick)
		for _, only := range []searchKind{fastest, byBounds} {
			if got, leaves := grow(only); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(leaves, wantLeaves) {
				t.Errorf("case %d, %d rows, %d leaves: search %d grows another tree", i, s.x.Rows, want.Leaves, only)
			}
		}
	}
}
