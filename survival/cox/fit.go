package cox

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/nonparam"
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
	l, err := NewLikelihood(x, y, opt)
	if err != nil {
		return nil, err
	}
	l.Threads = fit.Threads
	s, err := linear.Maximise(ctx, linear.Problem{Objective: l.Eval, Start: make([]float64, l.Matrix.P),
		Constant: l.Matrix.Constant, Range: l.Matrix.Range,
		Rounding: rounding * l.events(), Dependent: opt.Alpha > 0, Unit: y.EventWeight()})
	if err != nil {
		return nil, err
	}
	for j, c := range l.penalty {
		s.LogLik[1] += float64(c * s.Theta[j] * s.Theta[j] / 2)
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

// setBaseline estimates H₀ of each stratum for a row at the fitted means.
func (m *Model) setBaseline(l *Likelihood, gamma []float64, rule survival.TimeRule) {
	shift, _ := l.relativeRisks(gamma) // finite: Maximise accepted gamma
	for i := range l.risk {
		l.risk[i] = math.Exp(l.eta[i] - shift)
	}
	m.baseline = nonparam.BaselineHazard(l.Order, l.weight, l.risk, l.ties)
	scale := math.Exp(-shift)
	for s, st := range l.Order.Strata {
		m.strata = append(m.strata, st.Number)
		for k := range m.baseline[s].Values {
			m.baseline[s].Values[k] *= scale
		}
		riskset.CurveTimes(m.baseline[s].Times, rule)
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
