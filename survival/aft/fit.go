package aft

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// degenerate is a scale that, without convergence, means σ → 0: the times are an exact
// function of the columns to a hundredth of a percent.
const degenerate = 1e-4

// Options are the settings of Fit; the zero value is the Weibull model.
type Options struct {
	Distribution Distribution
}

// Fit estimates the model. It fails with survival.ErrNoEvents, with a
// *survival.DataError for values that are not allowed, with survival.ErrNotConverged
// where the likelihood grows without bound (σ → 0: the columns explain every time), and
// with the context's cause. Columns that are constant or depend linearly on those before them get
// coefficient 0, standard error NaN and a warning; where a coefficient has no finite
// maximum the estimate is finite, Report.Converged false, and a warning names the column.
//
// It panics where x and y differ in length or the distribution is unknown.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	if err := y.Validate(); err != nil {
		return nil, err
	}
	if y.Events() == 0 {
		return nil, survival.ErrNoEvents
	}
	y, err := riskset.Merge(y, fit.Times)
	if err != nil {
		return nil, err
	}
	l, null, s, err := estimate(ctx, x, y, opt.Distribution, fit.Threads)
	if err != nil {
		return nil, err
	}
	s.LogLik[0] = null
	m := newModel(l, s, y.Events())
	m.distribution = opt.Distribution
	if !s.Converged && m.sigma < degenerate {
		return nil, survival.ErrNotConverged
	}
	return m, nil
}

// estimate maximises the likelihood, starting from the estimate on a sample of the rows or,
// without one, from the model without covariates, whose log-likelihood is null.
func estimate(ctx context.Context, x *survival.Design, y survival.Outcome, d Distribution, threads int) (l *Likelihood, null float64, s linear.Solution, err error) {
	without, err := maximiseNull(ctx, y, d, threads)
	if err != nil {
		return nil, 0, s, fmt.Errorf("without covariates: %w", err)
	}
	if l, err = newLikelihood(x, y, d, threads); err != nil {
		return nil, 0, s, err
	}
	p := l.Matrix.P
	start := make([]float64, p+len(without.Theta))
	start[0] = without.Theta[0]
	copy(start[p+1:], without.Theta[1:])
	if err := l.improve(ctx, start, x, y, d); err != nil {
		return nil, 0, s, err
	}
	change := 0.0
	if linear.Sample(l.rows, p) != nil {
		change = linear.SampleChange
	}
	contrast := make([]float64, p)
	for j, r := range l.Matrix.Range {
		contrast[j] = r / scaleOf(without) // in units of σ
	}
	s, err = linear.Maximise(ctx, linear.Problem{Objective: l.Eval, Start: start, First: 1,
		Constant: l.Matrix.Constant, Range: contrast, Gram: l.gram, Unit: y.EventWeight(), Change: change})
	return l, without.LogLik[1], s, err
}

// improve replaces start by the estimate on a sample of the rows, if there is one and it is
// better.
func (l *Likelihood) improve(ctx context.Context, start []float64, x *survival.Design, y survival.Outcome, d Distribution) error {
	rows := linear.Sample(l.rows, l.Matrix.P)
	if rows == nil {
		return nil
	}
	part := y.Take(rows)
	if part.Events() == 0 {
		return nil
	}
	of, _, s, err := estimate(ctx, x.Take(rows), part, d, l.Threads)
	switch {
	case errors.Is(err, survival.ErrNotConverged):
		return nil
	case err != nil || !s.Converged:
		return err
	}
	p := l.Matrix.P
	better := slices.Clone(s.Theta)
	for j := range p { // coefficients of the columns as given, from the sample's standardised ones
		b := s.Theta[j+1] / of.Matrix.Scale[j]
		better[0] += float64(b * (l.Matrix.Mean[j] - of.Matrix.Mean[j]))
		better[j+1] = b * l.Matrix.Scale[j]
	}
	if l.value(better) > l.value(start) {
		copy(start, better)
	}
	return nil
}

// value is the log-likelihood alone.
func (l *Likelihood) value(theta []float64) float64 { return l.terms(theta).loglik }

// scaleOf is σ of a model without covariates.
func scaleOf(null linear.Solution) float64 {
	if len(null.Theta) == 1 {
		return 1
	}
	return math.Exp(null.Theta[1])
}

// maximiseNull fits the model without covariates, from moments of log T.
func maximiseNull(ctx context.Context, y survival.Outcome, d Distribution, threads int) (linear.Solution, error) {
	l, err := newLikelihood(&survival.Design{Rows: y.Len()}, y, d, threads)
	if err != nil {
		return linear.Solution{}, err
	}
	mean, square, n := 0.0, 0.0, float64(y.Len())
	for _, v := range l.logTime {
		mean += v / n
	}
	for _, v := range l.logTime {
		square += float64((v - mean) * (v - mean) / n)
	}
	sigma := math.Sqrt(square) / l.law.spread()
	if sigma < degenerate || l.fixed {
		sigma = 1
	}
	start := []float64{mean - float64(sigma*l.law.center()), math.Log(sigma)}
	if l.fixed {
		start = start[:1]
	}
	if rows := linear.Sample(l.rows, 0); rows != nil {
		if part := y.Take(rows); part.Events() > 0 {
			s, err := maximiseNull(ctx, part, d, threads)
			if err == nil && s.Converged {
				copy(start, s.Theta)
			}
		}
	}
	s, err := linear.Maximise(ctx, linear.Problem{Objective: l.Eval, Start: start, First: len(start), Unit: y.EventWeight()})
	if err == nil && !s.Converged && scaleOf(s) < degenerate {
		err = survival.ErrNotConverged
	}
	return s, err
}

// newModel converts the solution to the columns' own scale.
func newModel(l *Likelihood, s linear.Solution, events int) *Model {
	matrix, size := l.Matrix, len(s.Theta)
	p := matrix.P
	m := &Model{sigma: 1, location: s.Theta[0],
		report: survival.Report{Converged: s.Converged, Iterations: s.Iterations, LogLik: s.LogLik[:],
			Coefficients: matrix.Coefficients(s, 1), Warnings: matrix.Warnings(s, events)}}
	m.predictor = matrix.Predictor(m.report.Coefficients)
	if !l.fixed {
		m.sigma, m.sigmaSE = math.Exp(s.Theta[p+1]), math.Sqrt(s.Covariance[size*size-1])
	}

	// β₀ = γ₀ − Σ γ_j m_j/s_j, with the variance of that linear combination.
	direction := make([]float64, p+1)
	direction[0], m.intercept = 1, s.Theta[0]
	for j := range p {
		direction[j+1] = -matrix.Mean[j] / matrix.Scale[j]
		m.intercept += float64(direction[j+1] * s.Theta[j+1])
	}
	variance := 0.0
	for i, a := range direction {
		for j, b := range direction {
			if c := s.Covariance[i*size+j]; !math.IsNaN(c) {
				variance += float64(a * b * c)
			}
		}
	}
	m.interceptSE = math.Sqrt(variance)
	return m
}
