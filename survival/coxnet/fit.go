package coxnet

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/riskset"
)

// Fit fits the path and selects one of its penalties. It fails with survival.ErrNoEvents,
// with a *survival.DataError for values that are not allowed, with what fit.Inner.Design
// returns, and with the context's cause. A column without variance gets coefficient 0 and a
// warning; where a point of the path was not reached to tolerance (unpenalised columns that
// separate the events), Report.Converged is false.
//
// Rows that leave nothing to validate with (fewer than two groups, or two with an event
// where stratified) select the largest α, with a warning.
//
// It panics where x and y differ in length, y has entry times, or an option is outside its
// range.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	opt, err := opt.withDefaults(x, y), y.Validate()
	if err != nil {
		return nil, err
	}
	if y.Events() == 0 {
		return nil, survival.ErrNoEvents
	}
	if y, err = riskset.Merge(y, fit.Times); err != nil {
		return nil, err
	}
	f, err := fitPath(ctx, x, y, opt, fit.Threads)
	if err != nil {
		return nil, err
	}
	warnings := f.warnings()
	if opt.Select == SelectCV {
		found, err := f.validate(ctx, validation{x: x, y: y, opt: opt, fit: fit})
		if err != nil {
			return nil, fmt.Errorf("inner cross-validation: %w", err)
		}
		warnings = append(warnings, found...)
	}
	return f.model(ctx, fit.Times, warnings)
}

// warnings are the findings of the path itself.
func (f *fitted) warnings() []survival.Warning {
	var out []survival.Warning
	for j, constant := range f.solver.full.Constant {
		if constant {
			out = append(out, survival.Warning{Category: "data",
				Message: fmt.Sprintf("column %q is constant: its coefficient is 0", f.solver.full.Names[j])})
		}
	}
	if !f.converged {
		out = append(out, survival.Warning{Category: "convergence",
			Message: "a point of the path was not reached to tolerance: its coefficients are the best found"})
	}
	return out
}

// model is the model at the selected α.
func (f *fitted) model(ctx context.Context, rule survival.TimeRule, warnings []survival.Warning) (*Model, error) {
	k, s := f.Selected, f.solver
	if err := s.polish(ctx, f.Alphas[k], f.gammas[k]); err != nil {
		return nil, err
	}
	f.set(k)
	drifting, err := s.drifting(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range drifting {
		warnings = append(warnings, survival.Warning{Category: "convergence", Message: fmt.Sprintf(
			"the likelihood keeps rising along column %q (separation), which has no penalty: its coefficient is finite but not a maximum", s.full.Names[j])})
	}
	m := &Model{path: f.Path, report: survival.Report{Converged: s.converged && len(drifting) == 0, Iterations: f.iterations,
		LogLik: []float64{s.null, f.LogLik[k]}, Warnings: warnings}}
	for j, name := range s.full.Names {
		m.report.Coefficients = append(m.report.Coefficients,
			survival.Coefficient{Column: name, Value: f.Coefficients[k][j], SE: math.NaN()})
	}
	m.predictor = s.full.Predictor(m.report.Coefficients)
	m.baseline = s.like.baseline()
	riskset.CurveTimes(m.baseline.Times, rule)
	return m, nil
}

// baseline is Breslow's cumulative hazard for linear predictor 0, at the point last evaluated.
func (l *likelihood) baseline() survival.StepFunction {
	shift := l.shift
	relative := make([]float64, len(l.eta))
	for i, e := range l.eta {
		relative[i] = math.Exp(e - shift)
	}
	h := nonparam.BaselineHazard(l.order, l.weight, relative, riskset.Breslow)[0]
	scale := math.Exp(-shift)
	for k := range h.Values {
		h.Values[k] *= scale
	}
	return h
}
