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

// calmRange: exponentials of a linear predictor within ± this need not be centred.
const calmRange = 300

// block is how many rows, or at least how many rows in whole groups, one goroutine takes at a
// time. It is fixed, so that partial sums, added in the order of the blocks, do not depend on
// threads.
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
	hazard      []float64 // by group: Σ d/atRisk up to it
	parts       [][2]int  // groups from and to, of a block of rows or more
	exp         *linear.Exponential
	shift       float64   // 0, or where the linear predictor is extreme the middle of its range
	eventEta    float64   // Σ w η over the events
	eta, risk   []float64 // by position: η, and w·e^{η−shift}
	residual    []float64 // by position: w_iδ_i − u_i, u_i = risk_i·Σ_{t_k ≤ T_i} d_k/atRisk_k
}

// part is some columns of the likelihood's rows.
type part struct {
	*linear.Compact
	events []float64 // by column: its sum over the events, times their weights
}

func newLikelihood(y survival.Outcome, threads int) *likelihood {
	order := riskset.New(y, nil)
	n, groups := y.Len(), len(order.Groups)
	l := &likelihood{order: order, threads: max(1, threads), weight: order.Gather(y.Weight), total: float64(n), exp: linear.NewExponential(),
		eventWeight: make([]float64, groups), atRisk: make([]float64, groups), hazard: make([]float64, groups),
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
	from := 0
	for k, g := range order.Groups {
		if g.End-order.Groups[from].Start >= block || k+1 == groups {
			l.parts = append(l.parts, [2]int{from, k + 1})
			from = k + 1
		}
	}
	return l
}

// part makes columns, which are in the order of the rows, one of its parts.
func (l *likelihood) part(x *linear.Compact) *part {
	p := &part{Compact: x, events: make([]float64, x.P)}
	w := make([]float64, len(l.eta))
	for _, g := range l.order.Groups {
		for i := g.Start; i < g.Start+g.Events; i++ {
			w[i] = l.caseWeight(i)
		}
	}
	x.AddTransposed(p.events, w, l.threads)
	return p
}

// eachPart calls f for every part of the rows, on all threads: with its number, its groups from
// and to, and its rows start ≤ i < end.
func (l *likelihood) eachPart(f func(b, from, to, start, end int)) {
	groups := l.order.Groups
	linear.Blocks(len(l.parts), 1, l.threads, func(b, _, _ int) {
		from, to := l.parts[b][0], l.parts[b][1]
		f(b, from, to, groups[from].Start, groups[to-1].End)
	})
}

// at evaluates ℓ at the linear predictor x·gamma and leaves the residuals, the derivatives
// of ℓ by η, behind. Beyond the range of float64 it is −Inf and they are unfinished. Without
// x the predictor is 0. The error is that of survival.Check.
func (l *likelihood) at(ctx context.Context, x *part, gamma []float64) (float64, error) {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return 0, err
	}
	if !l.risks(x, gamma) {
		return math.Inf(-1), nil
	}
	hazard := 0.0
	for k, d := range l.eventWeight {
		if d > 0 {
			hazard += d / l.atRisk[k]
		}
		l.hazard[k] = hazard
	}
	logs := make([]float64, len(l.parts))
	l.eachPart(func(b, from, to, _, _ int) {
		for k := from; k < to; k++ {
			if d := l.eventWeight[k]; d > 0 {
				logs[b] += float64(d * math.Log(l.atRisk[k]))
			}
			l.residuals(k)
		}
	})
	value := l.eventEta - float64(l.shift*l.events)
	for _, v := range logs {
		value -= v
	}
	return value, nil
}

// risks computes linear predictor, relative risks and their sums over the risk sets; false
// where they leave float64.
func (l *likelihood) risks(x *part, gamma []float64) bool {
	var predictor linear.RowProduct
	l.shift, l.eventEta = 0, 0
	widest := 0.0
	if x != nil {
		predictor = x.RowProduct(gamma)
		for j, g := range gamma {
			l.eventEta += float64(g * x.events[j])
			widest += float64(math.Abs(g) * x.Range[j])
		}
	} else {
		clear(l.eta)
	}
	calm := widest <= calmRange
	lows, highs := make([]float64, len(l.parts)), make([]float64, len(l.parts))
	l.eachPart(func(b, from, to, start, end int) {
		if x != nil {
			predictor.Of(l.eta[start:end], start)
		}
		if calm {
			l.sums(from, to, start, end)
		} else {
			lows[b], highs[b] = extremes(l.eta[start:end])
		}
	})
	if !calm {
		lo, hi := math.Inf(1), math.Inf(-1)
		for b := range lows {
			lo, hi = min(lo, lows[b]), max(hi, highs[b])
		}
		if !(hi-lo <= etaRange) { // NaN too
			return false
		}
		if max(-lo, hi) > calmRange {
			l.shift = lo + (hi-lo)/2
		}
		l.eachPart(func(_, from, to, start, end int) { l.sums(from, to, start, end) })
	}
	total := 0.0
	for k := len(l.atRisk) - 1; k >= 0; k-- {
		total += l.atRisk[k]
		l.atRisk[k] = total
	}
	return true
}

// extremes are the least and the largest value, NaN where one is.
func extremes(values []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// sums computes the relative risks of some rows and writes their sums within groups to atRisk.
func (l *likelihood) sums(from, to, start, end int) {
	risk := l.risk[start:end]
	l.exp.Of(risk, l.eta[start:end], l.shift)
	if l.weight != nil {
		for i, w := range l.weight[start:end] {
			risk[i] *= w
		}
	}
	for k := from; k < to; k++ {
		g := &l.order.Groups[k]
		l.atRisk[k] = sum(l.risk[g.Start:g.End])
	}
}

// sum adds in four parts, so that no addition waits for the one before.
func sum(values []float64) float64 {
	var a, b, c, d float64
	for ; len(values) >= 4; values = values[4:] {
		a += values[0]
		b += values[1]
		c += values[2]
		d += values[3]
	}
	for _, v := range values {
		a += v
	}
	return (a + b) + (c + d)
}

// residuals writes those of group k.
func (l *likelihood) residuals(k int) {
	g, hazard := &l.order.Groups[k], l.hazard[k]
	residual := l.residual[g.Start:g.End]
	for i, r := range l.risk[g.Start:g.End] {
		residual[i] = -r * hazard
	}
	for i := range g.Events {
		residual[i] += l.caseWeight(g.Start + i)
	}
}

func (l *likelihood) caseWeight(position int) float64 {
	if l.weight == nil {
		return 1
	}
	return l.weight[position]
}

// gradient writes −Xᵀresidual/W, the gradient of −ℓ/W by the coefficients of x, to dst. The
// error is that of survival.Check.
func (l *likelihood) gradient(ctx context.Context, x *part, dst []float64) error {
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
func (l *likelihood) hessian(ctx context.Context, x *part, dst []float64) error {
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
	for k, g := range l.order.Groups {
		for i := g.Start; i < g.End; i++ {
			u[i] = l.risk[i] * l.hazard[k]
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
	linear.Blocks(x.N, block, l.threads, func(b, start, end int) {
		x.AddRows(partial[b*x.P:(b+1)*x.P], start, l.residual[start:end])
	})
	for b := range count {
		for j, v := range partial[b*x.P : (b+1)*x.P] {
			dst[j] += v
		}
	}
}
