package cox

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// DiagnosticOptions say how the model was fitted, where the model itself does not know.
type DiagnosticOptions struct {
	Offset  []float64         // as in Options
	Times   survival.TimeRule // as in survival.FitOptions
	Threads int               // at most this many goroutines; 0 means 1. Never changes the result
}

// Diagnostics are residuals, variances and tests of a model at its coefficients on its
// training rows. Vectors are by row of the outcome, matrices by column of the model and
// then row. It is immutable and safe for concurrent use.
type Diagnostics struct {
	x          *survival.Design // the model's columns, in its order
	y          survival.Outcome // times as compared
	offset     []float64
	model      *Model
	l          *Likelihood // at the estimate; its order, risk, step and tied are read
	matrix     *linear.Matrix
	active     []int     // the columns that are not held
	covariance []float64 // P×P, of the standardised coefficients; NaN where held
	expected   []float64 // by position: e^η·Λ, the events expected of the row
	score      []float64 // ∇ℓ at β = 0, standardised
	null       []float64 // information at β = 0, upper triangle
	moments    []moment  // by group; without events the zero value
}

// moment is what one event time's risk set looks like: its increment, its risk sum
// R, and the mean vectors s = V/R of the risk set and t = T/R of its events' share, both
// standardised. tied is nil where the events count in full: Breslow's rule, or one event.
type moment struct {
	riskset.Increment
	total      float64
	mean, tied []float64
}

// Diagnose evaluates the likelihood of the data that m was fitted on at m's coefficients, in
// the time of two or three iterations of the fit and O((rows + times)·columns) memory. Where
// the information there is not positive definite every column counts as held.
// Data that Fit would refuse are the same errors here; a column that x lacks is a
// *survival.ColumnError. It panics as Fit does.
func Diagnose(ctx context.Context, x *survival.Design, y survival.Outcome, m *Model, opt DiagnosticOptions) (*Diagnostics, error) {
	if err := y.Validate(); err != nil {
		return nil, err
	}
	if y.Events() == 0 {
		return nil, survival.ErrNoEvents
	}
	y, err := riskset.Merge(y, opt.Times)
	if err != nil {
		return nil, err
	}
	if x, err = x.Align(m.Columns()); err != nil {
		return nil, err
	}
	l, err := newLikelihood(x, y, Options{Ties: m.ties, Alpha: m.alpha, Stratified: m.stratified, Offset: opt.Offset}, opt.Threads)
	if err != nil {
		return nil, err
	}
	d := &Diagnostics{x: x, y: y, offset: opt.Offset, model: m, l: l}
	for j, c := range m.report.Coefficients {
		if !math.IsNaN(c.SE) {
			d.active = append(d.active, j)
		}
	}
	return d, d.evaluate(ctx)
}

// evaluate fills in what the methods read: first at β = 0, then at the estimate.
func (d *Diagnostics) evaluate(ctx context.Context) error {
	p := d.l.Matrix.P
	d.matrix = d.l.Matrix.Expand()
	d.score, d.null = make([]float64, p), make([]float64, p*p)
	if _, err := d.l.Eval(ctx, make([]float64, p), d.score, d.null); err != nil {
		return err
	}
	gamma, grad, info := make([]float64, p), make([]float64, p), make([]float64, p*p)
	for j, b := range d.model.predictor.Beta {
		gamma[j] = b * d.l.Matrix.Scale[j]
	}
	value, err := d.l.Eval(ctx, gamma, grad, info)
	if err != nil {
		return err
	}
	if math.IsInf(value, -1) {
		return survival.ErrNotConverged
	}
	var ok bool
	if d.covariance, ok = linear.Inverse(info, p, d.active); !ok {
		d.active = nil
		d.covariance, _ = linear.Inverse(info, p, nil)
	}
	d.moments = make([]moment, len(d.l.Order.Groups))
	d.l.Order.Backward(&momentSweep{riskSums: &d.l.sums, moments: d.moments})
	d.expected = make([]float64, d.l.Matrix.N)
	d.l.Order.Exposure(d.expected, d.l.step, d.l.tied)
	for i, r := range d.l.risk {
		d.expected[i] *= r / d.l.caseWeight(i)
	}
	return survival.Check(ctx, 1, 1)
}

// momentSweep keeps the moments of every event time instead of the likelihood's terms.
type momentSweep struct {
	*riskSums
	moments []moment
}

// At copies the risk set's sums.
func (s *momentSweep) At(k int) {
	l, tied := s.l, s.join(k)
	if l.Order.Groups[k].Events == 0 {
		return
	}
	p, inc, total := l.Matrix.P, l.increments[k], l.totals[k]
	m := moment{Increment: inc, total: total, mean: make([]float64, p)}
	l.Matrix.Vector(m.mean, s.vector, total)
	for j := range m.mean {
		m.mean[j] /= total
	}
	if tied {
		sum := 0.0
		g := &l.Order.Groups[k]
		for _, r := range l.risk[g.Start : g.Start+g.Events] {
			sum += r
		}
		m.tied = make([]float64, p)
		l.Matrix.Vector(m.tied, s.tiedVector, sum)
		for j := range m.tied {
			m.tied[j] /= total
		}
	}
	s.moments[k] = m
}

// share is element j of the tied events' mean vector, 0 where they count in full.
func (m *moment) share(j int) float64 {
	if m.tied == nil {
		return 0
	}
	return m.tied[j]
}

// weighted is Σ_l m·z_l, element j: the covariates that the model expects of the events.
func (m *moment) weighted(j int) float64 {
	return m.total * (float64(m.mean[j]*m.Hazard) - float64(m.share(j)*(m.Hazard-m.Tied)))
}

// steps are Σ_l z_l·m/φ_l and Σ_l (1−a_l)·z_l·m/φ_l, element j: how much of the covariate
// the hazard steps hold for a row at risk and for one of the tied events.
func (m *moment) steps(j int) (all, events float64) {
	s, t := m.mean[j]/m.total, m.share(j)/m.total
	all = float64(s*m.SS) - float64(t*m.ST)
	return all, all - float64(s*m.ST) + float64(t*m.TT)
}

// Covariance is the model-based covariance matrix of the coefficients, P×P, row-major: the
// inverse of the (penalised) information. Rows and columns of held columns are NaN.
func (d *Diagnostics) Covariance() []float64 {
	p := d.l.Matrix.P
	out := make([]float64, p*p)
	for i := range p {
		for j := range p {
			out[i*p+j] = d.covariance[i*p+j] / d.l.Matrix.Scale[i] / d.l.Matrix.Scale[j]
		}
	}
	return out
}

// byRow brings a vector by position into row order.
func (d *Diagnostics) byRow(v []float64) []float64 {
	out := make([]float64, len(v))
	for p, i := range d.l.Order.Rows {
		out[i] = v[p]
	}
	return out
}
