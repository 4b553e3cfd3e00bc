package coxnet

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// etaRange is the widest linear predictor whose exponentials, centred, stay far enough
// from the ends of float64 (e^{±709}) for sums over ten million rows.
const etaRange = 1300

// block is how many rows one goroutine takes at a time. It is fixed, so that partial sums,
// added in the order of the blocks, do not depend on threads.
const block = 4096

// likelihood is Breslow's log partial likelihood of one data set as a function of the
// linear predictor. Rows are in the order of order. It reuses its work space.
type likelihood struct {
	order   *riskset.Order
	threads int
	weight  []float64 // by position; nil means 1
	total   float64   // W
	events  float64   // case weight of the events
	// saturated is ℓ of a model with a parameter for each event time: −Σ d_k log d_k.
	saturated float64

	eventWeight []float64 // by group: d_k
	atRisk      []float64 // by group: Σ w e^{η−shift} over the risk set
	exp         *linear.Exponential
	shift       float64   // the middle of the linear predictor's range
	eta, risk   []float64 // by position: η, and w·e^{η−shift}
	residual    []float64 // by position: w_iδ_i − u_i, u_i = risk_i·Σ_{t_k ≤ T_i} d_k/atRisk_k
}

func newLikelihood(y survival.Outcome, threads int) *likelihood {
	order := riskset.New(y, nil)
	n, groups := y.Len(), len(order.Groups)
	l := &likelihood{order: order, threads: max(1, threads), weight: order.Gather(y.Weight), total: float64(n), exp: linear.NewExponential(),
		eventWeight: make([]float64, groups), atRisk: make([]float64, groups),
		eta: make([]float64, n), risk: make([]float64, n), residual: make([]float64, n)}
	if l.weight != nil {
		var sum riskset.Sum
		for _, w := range l.weight {
			sum.Add(w)
		}
		l.total = sum.Value()
	}
	order.EventSums(l.eventWeight, l.weight)
	for _, d := range l.eventWeight {
		if d > 0 {
			l.events += d
			l.saturated -= float64(d * math.Log(d))
		}
	}
	return l
}

// blocks calls f for every block of n rows, on all threads.
func (l *likelihood) blocks(n int, f func(number, start, end int)) {
	linear.Blocks(n, block, l.threads, f)
}

// at evaluates ℓ at the linear predictor x·gamma and leaves the residuals, the derivatives
// of ℓ by η, behind. Beyond the range of float64 it is −Inf and they are unfinished. Without
// x the predictor is 0. The error is that of survival.Check.
func (l *likelihood) at(ctx context.Context, x *linear.Compact, gamma []float64) (float64, error) {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return 0, err
	}
	clear(l.eta)
	if x != nil {
		x.Product(l.eta, gamma, l.threads)
	}
	blocks := (len(l.eta) + block - 1) / block
	lows, highs := make([]float64, blocks), make([]float64, blocks)
	l.blocks(len(l.eta), func(b, start, end int) {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, e := range l.eta[start:end] {
			if e < lo {
				lo = e
			}
			if !(e <= hi) { // NaN too, and then stays
				hi = e
			}
		}
		lows[b], highs[b] = lo, hi
	})
	lo, hi := math.Inf(1), math.Inf(-1)
	for b := range lows {
		lo, hi = min(lo, lows[b]), max(hi, highs[b])
	}
	if !(hi-lo <= etaRange) { // NaN too
		return math.Inf(-1), nil
	}
	l.shift = lo + (hi-lo)/2
	l.blocks(len(l.eta), func(_, start, end int) {
		risk := l.risk[start:end]
		l.exp.Of(risk, l.eta[start:end], l.shift)
		if l.weight != nil {
			for i, w := range l.weight[start:end] {
				risk[i] *= w
			}
		}
	})
	return l.sweep(), nil
}

// sweep turns relative risks into ℓ, exposures and residuals: once from late to early times
// for the risk sets, once back for the hazard that each row is exposed to.
func (l *likelihood) sweep() float64 {
	groups := l.order.Groups
	total := 0.0
	for k := len(groups) - 1; k >= 0; k-- {
		g := &groups[k]
		here := 0.0
		for _, r := range l.risk[g.Start:g.End] {
			here += r
		}
		total += here
		l.atRisk[k] = total
	}
	value, hazard := 0.0, 0.0
	for k := range groups {
		g := &groups[k]
		if d := l.eventWeight[k]; d > 0 {
			hazard += d / l.atRisk[k]
			value -= float64(d * math.Log(l.atRisk[k]))
		}
		for i := g.Start; i < g.Start+g.Events; i++ {
			w := l.caseWeight(i)
			value += float64(w * (l.eta[i] - l.shift))
			l.residual[i] = w - float64(l.risk[i]*hazard)
		}
		for i := g.Start + g.Events; i < g.End; i++ {
			l.residual[i] = -l.risk[i] * hazard
		}
	}
	return value
}

func (l *likelihood) caseWeight(position int) float64 {
	if l.weight == nil {
		return 1
	}
	return l.weight[position]
}

// gradient writes −Xᵀresidual/W, the gradient of −ℓ/W by the coefficients of x, to dst. The
// error is that of survival.Check.
func (l *likelihood) gradient(ctx context.Context, x *linear.Compact, dst []float64) error {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return err
	}
	clear(dst)
	x.AddTransposed(dst, l.residual, l.threads)
	for j := range dst {
		dst[j] /= -l.total
	}
	return nil
}

// hessian writes the second derivatives of −ℓ/W by the coefficients of x, at the point
// last evaluated, to the P×P matrix dst:
//
//	W·H = Xᵀdiag(u)X − Σ_k d_k z_k z_kᵀ,   z_k the mean covariate of the risk set
func (l *likelihood) hessian(ctx context.Context, x *linear.Compact, dst []float64) error {
	inner := make([]float64, len(dst)) // a difference, so that it may be taken from any common point
	if err := x.Gram(ctx, inner, l.exposure(), l.threads); err != nil {
		return err
	}
	m := means{p: x.P, sum: make([]float64, x.P)}
	for k := len(l.order.Groups) - 1; k >= 0; k-- {
		g := &l.order.Groups[k]
		x.AddRows(m.sum, g.Start, l.risk[g.Start:g.End])
		if l.eventWeight[k] > 0 {
			m.add(l.eventWeight[k], l.atRisk[k])
			if len(m.weight) == meansRows {
				if err := m.flush(ctx, inner, l.threads); err != nil {
					return err
				}
			}
		}
	}
	if err := m.flush(ctx, inner, l.threads); err != nil {
		return err
	}
	x.Square(dst, inner, nil, 0)
	for i := range x.P {
		for j := i; j < x.P; j++ {
			v := dst[i*x.P+j] / l.total
			dst[i*x.P+j], dst[j*x.P+i] = v, v
		}
	}
	return nil
}

// exposure is u_i by position.
func (l *likelihood) exposure() []float64 {
	u := make([]float64, len(l.residual))
	hazard := 0.0
	for k, g := range l.order.Groups {
		if d := l.eventWeight[k]; d > 0 {
			hazard += d / l.atRisk[k]
		}
		for i := g.Start; i < g.End; i++ {
			u[i] = l.risk[i] * hazard
		}
	}
	return u
}

// meansRows is how many mean covariates go through the rank-n kernel at once.
const meansRows = 1024

// means collects the rows z_k with their weights −d_k.
type means struct {
	p            int
	sum          []float64 // Σ w e^{η} x over the present risk set
	rows, weight []float64
}

func (m *means) add(events, atRisk float64) {
	for _, v := range m.sum {
		m.rows = append(m.rows, v/atRisk)
	}
	m.weight = append(m.weight, -events)
}

func (m *means) flush(ctx context.Context, dst []float64, threads int) error {
	err := linear.RankUpdate(ctx, dst, linear.Weighted{P: m.p, X: m.rows, W: m.weight}, threads)
	m.rows, m.weight = m.rows[:0], m.weight[:0]
	return err
}

// gradientOf writes the gradient of −ℓ/W at the point last evaluated by the given columns of
// x to their elements of dst.
func (l *likelihood) gradientOf(x *covariates, columns []int, dst []float64) {
	all := make([]float64, x.P)
	if x.compact != nil {
		x.compact.AddTransposed(all, l.residual, l.threads)
	} else {
		l.transposed(x.matrix, all)
	}
	for _, j := range columns {
		dst[j] = -all[j] / l.total
	}
}

// transposed writes Xᵀresidual to dst.
func (l *likelihood) transposed(x *linear.Matrix, dst []float64) {
	count := (x.N + block - 1) / block
	partial := make([]float64, count*x.P)
	l.blocks(x.N, func(b, start, end int) {
		x.AddRows(partial[b*x.P:(b+1)*x.P], start, l.residual[start:end])
	})
	for b := range count {
		for j, v := range partial[b*x.P : (b+1)*x.P] {
			dst[j] += v
		}
	}
}
