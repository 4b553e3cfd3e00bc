package ensemble

import (
	"context"
	"math"
	"sort"

	"everfold/survival"
	"everfold/survival/tree"
)

const (
	// riskRows is how many rows are laid out row by row at a time.
	riskRows = 1 << 17
	// checkRows is how many rows go down a tree between two looks at the context.
	checkRows = 1 << 16
)

// Risk writes Σ_j H(τ_j|x), the averaged cumulative hazard summed over the distinct event
// times of the training rows.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("ensemble: dst and design differ in length")
	}
	clear(dst)
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	var risks []float64
	steps := m.laterEvents()
	for from := 0; from < x.Rows; from += riskRows {
		to := min(from+riskRows, x.Rows)
		block := dst[from:to]
		err := m.pass(ctx, aligned, from, to, func(t int, leaf []int32) {
			risks = leafRisks(risks[:0], m.leaves[t], steps)
			for i, l := range leaf {
				block[i] += risks[l]
			}
		})
		if err != nil {
			return err
		}
		for i := range block {
			block[i] /= float64(len(m.trees))
		}
	}
	return nil
}

// leafRisks appends Σ_j H(τ_j) of every leaf of a tree.
func leafRisks(dst []float64, l *tree.Leaves, steps []float64) []float64 {
	for k := range len(l.Offset) - 1 {
		risk := 0.0
		for e := l.Offset[k]; e < l.Offset[k+1]; e++ {
			risk += float64(l.Hazard(int(e)) * steps[l.Rank[e]])
		}
		dst = append(dst, risk)
	}
	return dst
}

// laterEvents counts, by time, the distinct event times not before it: how often a hazard
// step at that time enters the risk.
func (m *Model) laterEvents() []float64 {
	after := make([]float64, len(m.times))
	for _, k := range m.events {
		after[k] = 1
	}
	for k := len(after) - 2; k >= 0; k-- {
		after[k] += after[k+1]
	}
	return after
}

// pass takes rows from ≤ i < to down every tree; visit gets, for each tree in order, the
// leaves of the rows.
func (m *Model) pass(ctx context.Context, x *survival.Design, from, to int, visit func(t int, leaf []int32)) error {
	p := len(x.Columns)
	values := make([]float64, (to-from)*p)
	tree.RowMajor(values, x, from, to)
	leaf := make([]int32, to-from)
	for t, tr := range m.trees {
		for first := 0; first < len(leaf); first += checkRows {
			if err := survival.Check(ctx, float64(from)+float64(t)/float64(len(m.trees))*float64(to-from), float64(x.Rows)); err != nil {
				return err
			}
			for i := first; i < min(first+checkRows, len(leaf)); i++ {
				leaf[i] = int32(tr.Leaf(values[i*p : (i+1)*p]))
			}
		}
		visit(t, leaf)
	}
	return nil
}

// curveCells bounds the memory of Survival: so many curve values are held at a time.
const curveCells = 1 << 22

// Survival visits every row with the average of its leaves' Kaplan–Meier curves, or with
// exp(−H) under Options.ExpHazard. Leaves hold only the event times present in them: each
// tree adds a few drops to a row's curve, and one prefix sum at the end makes it.
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	if err := survival.Check(ctx, 0, float64(x.Rows)); err != nil {
		return err
	}
	cell := m.cells(times)
	block := max(1, curveCells/(len(times)+1))
	for from := 0; from < x.Rows; from += block {
		to := min(from+block, x.Rows)
		drops := make([]float64, (to-from)*len(times))
		var sparse steps
		err := m.pass(ctx, aligned, from, to, func(t int, leaf []int32) {
			sparse.fill(m.leaves[t], cell, len(times), m.expHazard)
			for i, l := range leaf {
				sparse.add(drops[i*len(times):(i+1)*len(times)], l)
			}
		})
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			curve := drops[(i-from)*len(times) : (i-from+1)*len(times)]
			m.curve(curve)
			if err := visit(i, curve); err != nil {
				return err
			}
		}
	}
	return nil
}

// cells is, for each training time, the first of times that is not before it.
func (m *Model) cells(times []float64) []int32 {
	cell := make([]int32, len(m.times))
	for k, t := range m.times {
		cell[k] = int32(sort.SearchFloat64s(times, t))
	}
	return cell
}

// curve turns summed drops into S.
func (m *Model) curve(drops []float64) {
	sum, last := 0.0, 1.0
	for j, d := range drops {
		sum += d
		s := 1 - sum/float64(len(m.trees))
		if m.expHazard {
			s = math.Exp(-sum / float64(len(m.trees)))
		}
		last = max(0, min(last, s))
		drops[j] = last
	}
}
