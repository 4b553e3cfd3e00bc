package stack

import (
	"context"
	"fmt"
	"sort"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/resample"
)

// compare gathers the losses of all bases on the inner folds. A single base needs none.
func (s *stacking) compare(ctx context.Context, k int) error {
	s.rounds = 1
	if len(s.bases) == 1 {
		return nil
	}
	folds := s.folds(k)
	if len(folds) == 0 {
		s.warn("data", "too few rows or events for cross-validation: the weights are equal")
		return nil
	}
	if len(folds) < k {
		s.warn("data", "%d inner folds instead of %d: there are no more groups of rows, or with an event", len(folds), k)
	}
	censoring, err := s.censoring(ctx, folds)
	if err != nil {
		return err
	}
	times := s.supported(folds, censoring)
	if len(times) == 0 {
		s.warn("data", "no Brier score is defined within the inner folds: the weights are equal")
		return nil
	}
	s.rounds += len(folds)
	s.losses = newLosses(s.y, times, len(s.bases))
	for round, fold := range folds {
		if err := s.leaveOut(ctx, round, fold, censoring[round]); err != nil {
			return fmt.Errorf("fold %d: %w", round, err)
		}
	}
	return nil
}

// folds splits the rows as the outer folds were split, with fewer folds where the rows do
// not suffice. A fold without which there is no event is left out.
func (s *stacking) folds(k int) []resample.Fold {
	opt := resample.KFoldOptions{Seed: resample.SubSeed(s.fit.Seed, "inner"), Stratify: s.fit.Inner.Stratify}
	for opt.K = k; opt.K >= 2; opt.K-- {
		folds, err := resample.KFold(opt, s.y.Event, s.fit.Inner.Group)
		if err != nil {
			continue
		}
		var usable []resample.Fold
		for _, f := range folds {
			if s.y.Take(f.Train).Events() > 0 {
				usable = append(usable, f)
			}
		}
		return usable
	}
	return nil
}

// censoring estimates Ĝ for each fold from the rows outside of it.
func (s *stacking) censoring(ctx context.Context, folds []resample.Fold) ([]nonparam.Censoring, error) {
	convention := nonparam.RiskRegression
	if s.fit.Times == survival.TimesMlr3proba {
		convention = nonparam.Mlr3proba
	}
	out := make([]nonparam.Censoring, len(folds))
	for k, f := range folds {
		err := survival.Check(ctx, 0, 1)
		if err != nil {
			return nil, err
		}
		if out[k], err = nonparam.CensoringDistribution(s.y.Take(f.Train), convention); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// leastG is the smallest Ĝ that is not taken for 0.
const leastG = 1e-6

// supported are the grid times before the first at which a weight of some row divides by 0:
// that of a row still alive, or, from its own time on, that of an event.
func (s *stacking) supported(folds []resample.Fold, censoring []nonparam.Censoring) []float64 {
	end := len(s.grid)
	for k, f := range folds {
		g, last := censoring[k], 0.0
		for _, i := range f.Test {
			t := s.y.Time[i]
			last = max(last, t)
			if s.y.Event[i] && g.AtFailure(t) < leastG {
				end = min(end, sort.SearchFloat64s(s.grid, t))
			}
		}
		for j, t := range s.grid[:end] {
			if t < last && g.AtSurvivor(t) < leastG {
				end = j
				break
			}
		}
	}
	return s.grid[:end]
}

// leaveOut fits the bases without a fold and enters their curves on it.
func (s *stacking) leaveOut(ctx context.Context, round int, fold resample.Fold, g nonparam.Censoring) error {
	x := s.x
	if s.fit.Inner.Design != nil {
		var err error
		if x, err = s.fit.Inner.Design(ctx, fold.Train); err != nil {
			return err
		}
	}
	p := part{round: 1 + fold.Index, what: fmt.Sprintf("the rows outside of inner fold %d", round),
		row: func(i int) int { return fold.Train[i] }, x: x.Take(fold.Train), y: s.y.Take(fold.Train), inner: s.innerOf(fold.Train)}
	test := x.Take(fold.Test)
	found := make([]curves, len(s.bases))
	for b := range s.bases {
		if s.failed[b] {
			s.done++
			continue
		}
		var err error
		if found[b], err = s.leftOut(ctx, b, p, test); err != nil {
			return err
		}
	}
	return s.enter(ctx, fold.Test, found, g)
}

// curves gives those of rows from ≤ i < to that a fit did not see, row after row. They are valid
// until the next call.
type curves func(ctx context.Context, from, to int) ([]float64, error)

// leftOut fits base b to the part and gives its curves on test; nil where the base has failed.
// Curves of all rows are small beside the models of bases that can predict without one.
func (s *stacking) leftOut(ctx context.Context, b int, p part, test *survival.Design) (curves, error) {
	times := s.losses.times
	if s.bases[b].Predict != nil {
		all, err := s.predictBase(ctx, b, p, test)
		if all == nil {
			return nil, err
		}
		return func(_ context.Context, from, to int) ([]float64, error) {
			return all[from*len(times) : to*len(times)], nil
		}, nil
	}
	m, err := s.fitBase(ctx, b, p)
	if m == nil {
		return nil, err
	}
	var block []float64
	return func(ctx context.Context, from, to int) ([]float64, error) {
		block = block[:0]
		err := m.Survival(ctx, view(test, from, to), times, func(_ int, curve []float64) error {
			block = append(block, curve...)
			return nil
		})
		return block, err
	}, nil
}

// enter adds the losses of curves on the rows that were left out; those of failed bases are nil.
func (s *stacking) enter(ctx context.Context, rows []int, found []curves, g nonparam.Censoring) error {
	ctx = s.stage(ctx, 0)
	size := blockRows(len(s.losses.times) * len(found))
	of := make([][]float64, len(found))
	for from := 0; from < len(rows); from += size {
		to := min(from+size, len(rows))
		for b, f := range found {
			if f == nil {
				continue
			}
			var err error
			if of[b], err = f(ctx, from, to); err != nil {
				return fmt.Errorf("base %s: %w", s.bases[b].Name, survival.AtRow(err, func(i int) int { return rows[from+i] }))
			}
		}
		for i := from; i < to; i++ {
			if err := survival.Check(ctx, 0, 1); err != nil {
				return err
			}
			s.losses.add(rows[i], i-from, of, g)
		}
	}
	return nil
}

// innerOf is how a base splits the given rows again: by the same groups, with preprocessing
// fitted on what it chooses of them.
func (s *stacking) innerOf(rows []int) survival.Inner {
	whole := s.fit.Inner
	in := survival.Inner{Stratify: whole.Stratify}
	if whole.Group != nil {
		in.Group = pick(whole.Group, rows)
	}
	if whole.Design != nil {
		in.Design = func(ctx context.Context, chosen []int) (*survival.Design, error) {
			x, err := whole.Design(ctx, pick(rows, chosen))
			if err != nil {
				return nil, err
			}
			return x.Take(rows), nil
		}
	}
	return in
}

func pick(from, at []int) []int {
	out := make([]int, len(at))
	for k, i := range at {
		out[k] = from[i]
	}
	return out
}
