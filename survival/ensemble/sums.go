package ensemble

import (
	"context"
	"math"
	"sort"

	"everfold/survival"
	"everfold/survival/tree"
)

// law is what turns leaves into predictions.
type law struct {
	later     []float64 // by time: how often a hazard step there enters the risk
	cell      []int32   // by time: the first of the wanted times that is not before it
	wanted    int       // times
	expHazard bool
}

// newLaw is the law of a forest over distinct times, those with an event as indices of them;
// curves are wanted at some others.
func newLaw(times []float64, events []int32, expHazard bool, wanted []float64) law {
	l := law{later: make([]float64, len(times)), cell: make([]int32, len(times)), wanted: len(wanted), expHazard: expHazard}
	for _, k := range events {
		l.later[k] = 1
	}
	for k := len(times) - 2; k >= 0; k-- {
		l.later[k] += l.later[k+1]
	}
	for k, t := range times {
		l.cell[k] = int32(sort.SearchFloat64s(wanted, t))
	}
	return l
}

// table is what a row gets from each leaf of one tree.
type table struct {
	risk []float64 // Σ_j H(τ_j)
	// The drops of S, or with expHazard the steps of H, merged by cell of the wanted times:
	// those of a leaf begin at its offset.
	offset []int32
	cell   []int32
	drop   []float64
}

// risks fills in the risks alone.
func (t *table) risks(l *tree.PackedLeaves, w *law) {
	t.risk = t.risk[:0]
	for leaf := range l.Len() {
		risk := 0.0
		for e, end := l.Entries(leaf); e < end; e++ {
			rank, hazard := l.Entry(e)
			risk += float64(hazard * w.later[rank])
		}
		t.risk = append(t.risk, risk)
	}
}

// drops fills in the drops alone.
func (t *table) drops(l *tree.PackedLeaves, w *law) {
	t.offset, t.cell, t.drop = append(t.offset[:0], 0), t.cell[:0], t.drop[:0]
	for leaf := range l.Len() {
		alive, start := 1.0, len(t.cell)
		for e, end := l.Entries(leaf); e < end; e++ {
			rank, drop := l.Entry(e)
			c := w.cell[rank]
			if int(c) >= w.wanted {
				break
			}
			if !w.expHazard {
				drop = float64(drop * alive)
				alive -= drop
			}
			if n := len(t.cell); n > start && t.cell[n-1] == c {
				t.drop[n-1] += drop
				continue
			}
			t.cell, t.drop = append(t.cell, c), append(t.drop, drop)
		}
		t.offset = append(t.offset, int32(len(t.cell)))
	}
}

// addRisks adds one tree to the sums of rows in these leaves.
func (t *table) addRisks(sum []float64, leaf []int32) {
	for i, l := range leaf {
		sum[i] += t.risk[l]
	}
}

// addDrops adds one tree to the sums of rows in these leaves, so many cells a row.
func (t *table) addDrops(sum []float64, cells int, leaf []int32) {
	for i, l := range leaf {
		row := sum[i*cells : (i+1)*cells]
		for e := t.offset[l]; e < t.offset[l+1]; e++ {
			row[t.cell[e]] += t.drop[e]
		}
	}
}

// mean turns the sum of so many trees into their mean.
func mean(sum []float64, trees int) {
	for i := range sum {
		sum[i] /= float64(trees)
	}
}

// curve turns the drops of one row, summed over so many trees, into S.
func (w *law) curve(drops []float64, trees int) {
	sum, last := 0.0, 1.0
	for j, d := range drops {
		sum += d
		s := 1 - sum/float64(trees)
		if w.expHazard {
			s = math.Exp(-sum / float64(trees))
		}
		last = max(0, min(last, s))
		drops[j] = last
	}
}

// checkRows is how many rows go down a tree between two looks at the context.
const checkRows = 1 << 16

// route sends rows 0, 1, … of x down a tree; order is a buffer of as many numbers as leaf.
func route(ctx context.Context, t Tree, x [][]float64, order, leaf []int32) error {
	for i := range order {
		order[i] = int32(i)
	}
	for first := 0; first < len(leaf); first += checkRows {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		t.Route(x, order[first:min(first+checkRows, len(leaf))], leaf)
	}
	return nil
}

// valuesOf are the values of the columns of an aligned design, in rows from ≤ i < to.
func valuesOf(x *survival.Design, from, to int) [][]float64 {
	values := make([][]float64, len(x.Columns))
	for j, c := range x.Columns {
		values[j] = c.Values[from:to]
	}
	return values
}
