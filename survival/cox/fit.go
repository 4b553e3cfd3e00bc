package cox

import (
	"context"
	"errors"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// Options are the settings of Fit; the zero value is R's default.
type Options struct {
	Ties  riskset.Ties // default Efron
	Alpha float64      // ridge penalty ½·Alpha·Σβ², Alpha ≥ 0; default none
	// Stratified gives each stratum of Design.Strata a baseline of its own; otherwise
	// Design.Strata is not read. The model's type is then "cox_stratified".
	Stratified bool
	// Offset is nil, or a known part of each row's linear predictor. It belongs to the
	// fitted rows only: predictions are for offset 0.
	Offset []float64
}

// Fit estimates the model. It fails with survival.ErrNoEvents, with a
// *survival.DataError for values that are not allowed, with survival.ErrNotConverged
// where no finite estimate exists (offsets beyond the range of float64), and with the
// context's cause. A column without variance or one that depends linearly on those before
// it gets coefficient 0, standard error NaN and a warning; under separation the estimate is
// finite, Report.Converged false, and a warning names the columns.
//
// It panics where x, y and Offset differ in length, Alpha is negative or not finite, or a
// stratified fit has no Design.Strata.
func Fit(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, fit survival.FitOptions) (*Model, error) {
	if !(opt.Alpha >= 0) || math.IsInf(opt.Alpha, 1) {
		panic("cox: Alpha must be finite and not negative")
	}
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
	l, s, err := estimate(ctx, x, y, opt, fit.Threads)
	if err != nil {
		return nil, err
	}
	m := &Model{stratified: opt.Stratified, ties: opt.Ties, alpha: opt.Alpha, report: survival.Report{
		Converged: s.Converged, Iterations: s.Iterations, LogLik: s.LogLik[:],
		Coefficients: l.Matrix.Coefficients(s, 0), Warnings: l.Matrix.Warnings(s, y.Events())}}
	m.predictor = l.Matrix.Predictor(m.report.Coefficients)
	m.setBaseline(l, s.Theta, fit.Times)
	if m.stratified {
		m.setGrid(fit.Grid)
	}
	return m, nil
}

// rounding is the share of the information, of the order of the events' weight for a
// standardised column, that the subtraction of two such sums may leave behind.
const rounding = 1e-12

// events is the case weight of all events.
func (l *Likelihood) events() float64 {
	sum := 0.0
	for _, w := range l.eventWeight {
		sum += w
	}
	return sum
}

// estimate maximises the penalised likelihood, starting from the estimate on a sample of the
// rows. LogLik is without penalty, first of γ = 0.
func estimate(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, threads int) (*Likelihood, linear.Solution, error) {
	l, err := newLikelihood(x, y, opt, threads)
	if err != nil {
		return nil, linear.Solution{}, err
	}
	start := make([]float64, l.Matrix.P)
	null, ok := l.hazards(start)
	if !ok {
		return nil, linear.Solution{}, survival.ErrNotConverged
	}
	change := 0.0
	if rows := linear.Sample(l.Order.Rows, l.Matrix.P); rows != nil {
		change = linear.SampleChange
		if err := l.startFrom(ctx, start, sampled{x, y, opt}.take(rows)); err != nil {
			return nil, linear.Solution{}, err
		}
		if value, ok := l.hazards(start); !ok || value < null {
			clear(start)
		}
	}
	s, err := linear.Maximise(ctx, linear.Problem{Objective: l.Eval, Start: start,
		Constant: l.Matrix.Constant, Range: l.Matrix.Range,
		Rounding: rounding * l.events(), Dependent: opt.Alpha > 0, Unit: y.EventWeight(), Change: change})
	if err != nil {
		return nil, linear.Solution{}, err
	}
	for j, c := range l.penalty {
		s.LogLik[1] += float64(c * s.Theta[j] * s.Theta[j] / 2)
	}
	s.LogLik[0] = null
	return l, s, nil
}

// sampled is a data set of which rows are taken.
type sampled struct {
	x   *survival.Design
	y   survival.Outcome
	opt Options
}

// take is the given rows, with a penalty in proportion.
func (d sampled) take(rows []int) sampled {
	out := sampled{x: d.x.Take(rows), y: d.y.Take(rows), opt: d.opt}
	out.opt.Alpha *= float64(len(rows)) / float64(d.y.Len())
	if d.opt.Offset != nil {
		out.opt.Offset = make([]float64, len(rows))
		for r, i := range rows {
			out.opt.Offset[r] = d.opt.Offset[i]
		}
	}
	return out
}

// startFrom writes a sample's estimate to start, if there is one.
func (l *Likelihood) startFrom(ctx context.Context, start []float64, part sampled) error {
	if part.y.Events() == 0 {
		return nil
	}
	of, s, err := estimate(ctx, part.x, part.y, part.opt, l.Threads)
	switch {
	case errors.Is(err, survival.ErrNotConverged):
		return nil
	case err != nil || !s.Converged:
		return err
	}
	for j, g := range s.Theta {
		start[j] = g / of.Matrix.Scale[j] * l.Matrix.Scale[j]
	}
	return nil
}

// setBaseline cumulates the hazard steps of each stratum for a row at the fitted means.
func (m *Model) setBaseline(l *Likelihood, gamma []float64, rule survival.TimeRule) {
	shift, _ := l.relativeRisks(gamma) // finite: Maximise accepted gamma
	l.Order.Backward(&hazardSweep{l: l})
	scale := math.Exp(-shift)
	for _, st := range l.Order.Strata {
		m.strata = append(m.strata, st.Number)
		hazard := survival.StepFunction{}
		total := 0.0
		for k := st.First; k < st.Last; k++ {
			if l.Order.Groups[k].Events > 0 {
				total += l.step[k]
				hazard.Times = append(hazard.Times, l.Order.Groups[k].Time)
				hazard.Values = append(hazard.Values, total*scale)
			}
		}
		riskset.CurveTimes(hazard.Times, rule)
		m.baseline = append(m.baseline, hazard)
	}
}

// setGrid fixes the times that Risk sums over.
func (m *Model) setGrid(grid []float64) {
	m.grid = slices.Clone(grid)
	if grid == nil {
		for _, h := range m.baseline {
			m.grid = append(m.grid, h.Times...)
		}
		slices.Sort(m.grid)
		m.grid = slices.Compact(m.grid)
	}
	m.cumulate()
}
