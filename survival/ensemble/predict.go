package ensemble

import (
	"context"

	"everfold/survival"
)

// Risk writes Σ_j H(τ_j|x), the averaged cumulative hazard summed over the distinct event
// times of the training rows.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("ensemble: dst and design differ in length")
	}
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	clear(dst)
	w, of := newLaw(m.times, m.events, m.expHazard, nil), table{}
	err = m.pass(ctx, aligned, 0, x.Rows, func(t int, leaf []int32) {
		of.risks(m.leaves[t], &w)
		of.addRisks(dst, leaf)
	})
	mean(dst, len(m.trees))
	return err
}

// pass takes rows from ≤ i < to down every tree; visit gets, for each tree in order, the
// leaves of the rows.
func (m *Model) pass(ctx context.Context, x *survival.Design, from, to int, visit func(t int, leaf []int32)) error {
	values := valuesOf(x, from, to)
	order, leaf := make([]int32, to-from), make([]int32, to-from)
	for t, tr := range m.trees {
		if err := survival.Check(ctx, float64(from)+float64(t)/float64(len(m.trees))*float64(to-from), float64(x.Rows)); err != nil {
			return err
		}
		if err := route(ctx, tr, values, order, leaf); err != nil {
			return err
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
	w, of := newLaw(m.times, m.events, m.expHazard, times), table{}
	block := max(1, curveCells/(len(times)+1))
	sum := make([]float64, min(block, x.Rows)*len(times))
	for from := 0; from < x.Rows; from += block {
		to := min(from+block, x.Rows)
		clear(sum)
		err := m.pass(ctx, aligned, from, to, func(t int, leaf []int32) {
			of.drops(m.leaves[t], &w)
			of.addDrops(sum, len(times), leaf)
		})
		if err != nil {
			return err
		}
		for i := range to - from {
			curve := sum[i*len(times) : (i+1)*len(times)]
			w.curve(curve, len(m.trees))
			if err := visit(from+i, curve); err != nil {
				return err
			}
		}
	}
	return nil
}
