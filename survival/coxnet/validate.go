package coxnet

import (
	"context"
	"fmt"
	"math"
	"sync"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/resample"
)

// validation is what inner cross-validation fits again.
type validation struct {
	x   *survival.Design
	y   survival.Outcome
	opt Options
	fit survival.FitOptions
}

// validate selects an α of the path by cross-validation: for each inner fold the same αs
// are fitted without it, on designs whose preprocessing was fitted without it, too.
func (f *fitted) validate(ctx context.Context, v validation) ([]survival.Warning, error) {
	folds := v.folds()
	if folds == nil {
		f.Selected = 0
		return []survival.Warning{{Category: "data",
			Message: "too few rows or events for cross-validation: the largest alpha is selected"}}, nil
	}
	out, err := f.validateOn(ctx, v, folds)
	if len(folds) < v.opt.InnerFolds {
		out = append(out, survival.Warning{Category: "data",
			Message: fmt.Sprintf("%d inner folds instead of %d: there are no more groups of rows, or with an event", len(folds), v.opt.InnerFolds)})
	}
	return out, err
}

// validateOn selects an α on the given folds, which are fitted side by side. Of several errors
// it returns the first fold's.
func (f *fitted) validateOn(ctx context.Context, v validation, folds []resample.Fold) ([]survival.Warning, error) {
	left, errs := make([]leftOut, len(folds)), make([]error, len(folds))
	done := resume(ctx, v.fit.Checkpoints, f.Alphas, len(folds))
	ctx = oneAtATime(ctx)
	// The last ones, where they are fewer than threads, share these.
	threads := max(1, v.fit.Threads)
	last := len(folds) / threads * threads
	for _, turn := range [][2]int{{0, last}, {last, len(folds)}} {
		count := turn[1] - turn[0]
		linear.Blocks(count, 1, threads, func(k, _, _ int) {
			k += turn[0]
			if before := done.of(k); before != nil {
				left[k] = *before
				return
			}
			if left[k], errs[k] = v.leaveOut(ctx, folds[k], f.Alphas, max(1, threads/count)); errs[k] == nil {
				done.add(ctx, k, left[k])
			}
		})
	}
	var out []survival.Warning
	deviance, events := make([][]float64, len(folds)), make([]float64, len(folds))
	for k, fold := range folds {
		if errs[k] != nil {
			done.keep(ctx) // the last word of a fit that is stopped within a fold
			return nil, fmt.Errorf("fold %d: %w", k, errs[k])
		}
		deviance[k] = left[k].deviance
		if !left[k].converged {
			out = append(out, survival.Warning{Category: "convergence",
				Message: fmt.Sprintf("inner fold %d: a point of the path was not reached to tolerance", k)})
		}
		for _, i := range fold.Test {
			if v.y.Event[i] {
				events[k] += v.y.W(i)
			}
		}
	}
	f.Deviance, f.DevianceSE = summarise(deviance, events)
	f.Selected = choose(f.Deviance, f.DevianceSE, v.opt.Rule)
	return out, nil
}

// oneAtATime lets several goroutines report progress.
func oneAtATime(ctx context.Context) context.Context {
	var mu sync.Mutex
	return survival.WithProgress(ctx, func(done, total float64) {
		mu.Lock()
		defer mu.Unlock()
		_ = survival.Check(ctx, done, total) // for its report: the caller looks at the context itself
	})
}

// folds splits the rows as the outer folds were split, with fewer folds where the rows do
// not suffice; nil where not even two can be formed.
func (v validation) folds() []resample.Fold {
	opt := resample.KFoldOptions{Seed: resample.SubSeed(v.fit.Seed, "inner"), Stratify: v.fit.Inner.Stratify}
	for opt.K = v.opt.InnerFolds; opt.K >= 2; opt.K-- {
		if folds, err := resample.KFold(opt, v.y.Event, v.fit.Inner.Group); err == nil {
			return folds
		}
	}
	return nil
}

// leftOut is one inner fold's contribution.
type leftOut struct {
	deviance  []float64 // at each α
	converged bool
}

// leaveOut fits the αs on the rows that a fold trains on, and evaluates
// −2[ℓ(β; all rows) − ℓ(β; these rows)] at each. Rows without an event say nothing: β and
// ℓ(β; rows) are then 0.
func (v validation) leaveOut(ctx context.Context, fold resample.Fold, alphas []float64, threads int) (leftOut, error) {
	all := v.x
	if v.fit.Inner.Design != nil {
		var err error
		if all, err = v.fit.Inner.Design(ctx, fold.Train); err != nil {
			return leftOut{}, err
		}
	}
	opt := v.opt
	opt.Path, opt.PenaltyFactor = alphas, v.factors(all)
	s, err := newSolver(all.Take(fold.Train), v.y.Take(fold.Train), opt, threads)
	if err != nil {
		return leftOut{}, survival.AtRow(err, func(i int) int { return fold.Train[i] })
	}
	if s.looking = true; len(fold.Train) >= manyRows {
		s.tolerance = toleranceInner
	}
	held, err := holdOut(all, v.y, fold.Test, s.like, &s.full.Columns)
	if err != nil {
		return leftOut{}, survival.AtRow(err, func(i int) int { return fold.Test[i] })
	}
	out := leftOut{deviance: make([]float64, len(alphas))}
	if s.like.events == 0 {
		if _, err := s.like.at(ctx, nil, nil); err != nil {
			return leftOut{}, err
		}
		gain, err := held.gain(ctx, s.gamma, 0)
		for k := range alphas {
			out.deviance[k] = -2 * gain
		}
		out.converged = true
		return out, err
	}
	err = s.path(ctx, opt, func(k int, _ float64) (bool, error) {
		gain, err := held.gain(ctx, s.gamma, s.loglik())
		out.deviance[k] = -2 * gain
		return false, err
	})
	out.converged = s.converged
	return out, err
}

// factors are the penalty factors of a design that may have other columns: those of the
// columns of the same name, 1 for new ones.
func (v validation) factors(x *survival.Design) []float64 {
	if v.opt.PenaltyFactor == nil {
		return nil
	}
	of := make(map[string]float64, len(v.x.Columns))
	for j, c := range v.x.Columns {
		of[c.Name] = v.opt.PenaltyFactor[j]
	}
	factors, sum := make([]float64, len(x.Columns)), 0.0
	for j, c := range x.Columns {
		factor, known := of[c.Name]
		if !known {
			factor = 1
		}
		factors[j] = factor
		sum += factor
	}
	if sum == 0 { // only columns that are never penalised are left
		return nil
	}
	return factors
}

// summarise sums each α's deviance over folds. Its standard error is that of a mean over
// folds weighted by their events, per event, times all events.
func summarise(fold [][]float64, events []float64) (sum, se []float64) {
	total := 0.0
	for _, e := range events {
		total += e
	}
	sum, se = make([]float64, len(fold[0])), make([]float64, len(fold[0]))
	for a := range sum {
		for k := range fold {
			sum[a] += fold[k][a]
		}
		square := 0.0
		for k, e := range events {
			if e > 0 {
				d := fold[k][a]/e - sum[a]/total
				square += float64(e * d * d)
			}
		}
		se[a] = total * math.Sqrt(square/total/float64(len(fold)-1))
	}
	return sum, se
}

// choose is the largest α (the first) with the least deviance, or within one standard
// error of that.
func choose(deviance, se []float64, rule Rule) int {
	best := 0
	for a, d := range deviance {
		if d < deviance[best] {
			best = a
		}
	}
	if rule == RuleMin {
		return best
	}
	for a, d := range deviance {
		if d <= deviance[best]+se[best] {
			return a
		}
	}
	return best
}
