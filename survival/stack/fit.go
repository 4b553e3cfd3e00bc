package stack

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"everfold/survival"
	"everfold/survival/resample"
)

// Fit chooses the weights and fits the bases that have one to all rows. It fails with
// survival.ErrNoEvents, with a *survival.DataError for values that are not allowed, with what
// a base or fit.Inner.Design returns, and with the context's cause. fit.Grid is where curves
// are compared and what the risk sums over; nil means the distinct event times.
//
// Report has the weights as Coefficients, one a base by name, without standard errors (NaN),
// and the warnings of the fitted bases under their names. Converged says that all of those
// converged.
//
// It panics where x and y differ in length, y has entry times, or an option is outside its
// range.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	opt = opt.withDefaults(x, y)
	if err := survival.Check(ctx, 0, 1); err != nil {
		return nil, err
	}
	if err := y.Validate(); err != nil {
		return nil, err
	}
	if y.Events() == 0 {
		return nil, survival.ErrNoEvents
	}
	s := &stacking{x: x, y: y, bases: opt.Of, fit: fit, grid: fit.Grid, failed: make([]bool, len(opt.Of)),
		ridge: opt.PriorEvents / float64(y.Events())}
	if len(s.grid) == 0 {
		s.grid = eventTimes(y)
	}
	if err := s.compare(ctx, opt.InnerFolds); err != nil {
		return nil, fmt.Errorf("inner cross-validation: %w", err)
	}
	return s.refit(ctx)
}

// eventTimes are the distinct times of events, ascending.
func eventTimes(y survival.Outcome) []float64 {
	var times []float64
	for i, t := range y.Time {
		if y.Event[i] {
			times = append(times, t)
		}
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// stacking is the state of a fit.
type stacking struct {
	x     *survival.Design
	y     survival.Outcome
	bases []Base
	fit   survival.FitOptions
	grid  []float64
	ridge float64 // towards equal weights

	losses   *losses // of the out-of-fold curves; nil where nothing could be compared
	failed   []bool  // bases that some fit refused
	warnings []survival.Warning
	done     int // fits, of rounds·len(bases)
	rounds   int // inner folds and the last fit
}

func (s *stacking) warn(category, format string, args ...any) {
	s.warnings = append(s.warnings, survival.Warning{Category: category, Message: fmt.Sprintf(format, args...)})
}

// part is what one fit of a base is given.
type part struct {
	round int // of an inner fold; 0 on all rows
	what  string
	row   func(int) int // the number, among all rows, of each
	x     *survival.Design
	y     survival.Outcome
	inner survival.Inner
}

// fitBase fits base b to the part, or takes the fit that an earlier attempt has kept. The
// model is nil, without error, where the base has failed.
func (s *stacking) fitBase(ctx context.Context, b int, p part) (survival.Model, error) {
	ctx = s.begin(ctx)
	if m := s.kept(ctx, b, p); m != nil {
		return m, nil
	}
	m, err := s.bases[b].Fit(ctx, p.x, p.y, s.options(b, p))
	if err != nil {
		return nil, s.refused(b, p, err)
	}
	return m, s.keep(ctx, b, p, m)
}

// predictBase gives the curves of base b, fitted to the part, on other rows, or those that an
// earlier attempt has kept. They are nil, without error, where the base has failed.
func (s *stacking) predictBase(ctx context.Context, b int, p part, test *survival.Design) ([]float64, error) {
	ctx = s.begin(ctx)
	cells := test.Rows * len(s.losses.times)
	if curves := s.keptCurves(ctx, b, p, cells); curves != nil {
		return curves, nil
	}
	fit := s.options(b, p)
	fit.Query = survival.Query{Design: test, Times: s.losses.times}
	found, err := s.bases[b].Predict(ctx, p.x, p.y, fit)
	if err != nil {
		return nil, s.refused(b, p, err)
	}
	s.keepCurves(ctx, b, p, found.Survival)
	return found.Survival, nil
}

// begin counts one fit, whose progress is that of the context it returns.
func (s *stacking) begin(ctx context.Context) context.Context {
	ctx = s.stage(ctx, 1)
	s.done++
	return ctx
}

// options are those of base b for a part.
func (s *stacking) options(b int, p part) survival.FitOptions {
	fit := s.fit
	fit.Seed = resample.SubSeed(s.fit.Seed, "stack/"+s.bases[b].Name, uint64(p.round))
	fit.Grid, fit.Inner, fit.Threads = s.grid, p.inner, fit.Working()
	fit.Checkpoints = survival.Within(s.fit.Checkpoints, "base/"+s.place(b, p))
	return fit
}

// place names a fit among the checkpoints.
func (s *stacking) place(b int, p part) string {
	return s.bases[b].Name + "/" + strconv.Itoa(p.round)
}

// refused is the error of a fit that ends the stack's; nil where the base says that the part
// leaves no estimate: the base then counts as failed.
func (s *stacking) refused(b int, p part, err error) error {
	name := s.bases[b].Name
	if errors.Is(err, survival.ErrNotConverged) || errors.Is(err, survival.ErrNoEvents) {
		s.failed[b] = true
		s.warn("convergence", "base %s has weight 0: it could not be fitted to %s: %v", name, p.what, err)
		return nil
	}
	return fmt.Errorf("base %s: %w", name, survival.AtRow(err, p.row))
}

// stage reports the progress of what is done next as that of the whole, of which it is the
// given share of one fit.
func (s *stacking) stage(ctx context.Context, share float64) context.Context {
	before, total := float64(s.done), float64(s.rounds*len(s.bases))
	return survival.WithProgress(ctx, func(done, of float64) {
		// Whoever reports looks itself whether the context has ended.
		_ = survival.Check(ctx, before+float64(share*min(1, done/max(of, 1))), total)
	})
}

// refit fits the bases with weight to all rows. One that fails there leaves its weight to
// the others, for whom weights are chosen anew.
func (s *stacking) refit(ctx context.Context) (*Model, error) {
	models := make([]survival.Model, len(s.bases))
	whole := part{what: "all rows", row: func(i int) int { return i }, x: s.x, y: s.y, inner: s.fit.Inner}
	for {
		weights := s.weights()
		if weights == nil {
			return nil, fmt.Errorf("no base could be fitted: %w", survival.ErrNotConverged)
		}
		b := 0
		for b < len(models) && (weights[b] == 0 || models[b] != nil) {
			b++
		}
		if b == len(models) {
			return s.model(weights, models), nil
		}
		m, err := s.fitBase(ctx, b, whole)
		if err != nil {
			return nil, err
		}
		models[b] = m
	}
}

// weights are those of the bases that have not failed; nil where all have.
func (s *stacking) weights() []float64 {
	var left []int
	for b, failed := range s.failed {
		if !failed {
			left = append(left, b)
		}
	}
	if len(left) == 0 {
		return nil
	}
	weights := make([]float64, len(s.bases))
	for k, w := range s.losses.weights(left, s.ridge) {
		weights[left[k]] = w
	}
	return weights
}

func (s *stacking) model(weights []float64, models []survival.Model) *Model {
	m := &Model{columns: s.x.Names(), grid: slices.Clone(s.grid), report: survival.Report{Converged: true, Warnings: s.warnings}}
	for b, base := range s.bases {
		m.report.Coefficients = append(m.report.Coefficients,
			survival.Coefficient{Column: base.Name, Value: weights[b], SE: math.NaN()})
		if weights[b] == 0 {
			continue
		}
		m.bases = append(m.bases, weighted{name: base.Name, weight: weights[b], model: models[b]})
		rep := models[b].Report()
		m.report.Converged = m.report.Converged && rep.Converged
		for _, w := range rep.Warnings {
			m.report.Warnings = append(m.report.Warnings, survival.Warning{Category: w.Category, Message: base.Name + ": " + w.Message})
		}
	}
	return m
}
