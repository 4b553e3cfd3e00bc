package cox

import (
	"context"
	"math"
	"slices"
	"sync"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// etaRange is the widest linear predictor whose exponentials, centred, stay far enough
// from the ends of float64 (e^{±709}) for sums over ten million rows.
const etaRange = 1300

// Likelihood is the log partial likelihood of one data set as a function of γ, the
// coefficients of the standardised columns. It reuses its work space: one Eval at a time.
type Likelihood struct {
	Matrix *linear.Compact // rows in the order of Order
	Order  *riskset.Order
	// Threads is how many goroutines an evaluation may use, 0 meaning 1; it changes no bit.
	Threads int

	ties      riskset.Ties
	truncated bool
	weight    []float64 // by position; nil means 1
	offset    []float64 // by position; nil means 0
	penalty   []float64 // by column: α/s_j²

	exp                 *linear.Exponential
	eta, risk, exposure []float64 // by position: η, w·e^{η−shift}, and Λ, then u
	step, tied          []float64 // by group: hazard steps in units of e^{−shift}
	eventWeight         []float64 // by group
	increments          []riskset.Increment
	totals              []float64 // by group with events: the risk sum
	observed            []float64 // by column: Σ wδx
	curvature           curvature
	sums                riskSums
}

// NewLikelihood sorts and standardises a data set. y must be valid; the error is that of
// linear.NewCompact. It panics where x, y and opt.Offset differ in length.
func NewLikelihood(x *survival.Design, y survival.Outcome, opt Options) (*Likelihood, error) {
	return newLikelihood(x, y, opt, 1)
}

// newLikelihood is NewLikelihood on at most threads goroutines, as later evaluations.
func newLikelihood(x *survival.Design, y survival.Outcome, opt Options, threads int) (*Likelihood, error) {
	if x.Rows != y.Len() || (opt.Offset != nil && len(opt.Offset) != x.Rows) {
		panic("cox: design, outcome and offset differ in length")
	}
	var strata []int
	if opt.Stratified {
		if strata = x.Strata; strata == nil {
			panic("cox: a stratified fit needs Design.Strata")
		}
	}
	order := riskset.New(y, strata)
	matrix, err := linear.NewCompact(x, order.Rows, threads)
	if err != nil {
		return nil, err
	}
	n, p, groups := matrix.N, matrix.P, len(order.Groups)
	l := &Likelihood{Matrix: matrix, Order: order, Threads: threads, ties: opt.Ties, truncated: y.Entry != nil,
		weight: order.Gather(y.Weight), offset: order.Gather(opt.Offset), penalty: make([]float64, p),
		exp: linear.NewExponential(), eta: make([]float64, n), risk: make([]float64, n), exposure: make([]float64, n),
		step: make([]float64, groups), tied: make([]float64, groups), eventWeight: make([]float64, groups),
		increments: make([]riskset.Increment, groups), totals: make([]float64, groups), observed: make([]float64, p)}
	for j, s := range matrix.Scale {
		l.penalty[j] = opt.Alpha / s / s
	}
	order.EventSums(l.eventWeight, l.weight)
	for i := range l.exposure { // for now the case weights
		l.exposure[i] = l.caseWeight(i)
	}
	for _, g := range order.Groups {
		matrix.AddRows(l.observed, g.Start, l.exposure[g.Start:g.Start+g.Events])
	}
	l.curvature = newCurvature(p)
	l.sums = riskSums{l: l, vector: make([]float64, p), tiedVector: make([]float64, p), mean: make([]float64, p)}
	return l, nil
}

// Eval is the penalised log-likelihood at gamma; it overwrites grad with its gradient and
// the upper triangle of info (row-major) with its negative Hessian:
//
//	∇ℓ  = Σ_i w_i δ_i x_i − Σ_k Σ_l m_k z_{k,l}
//	−∇²ℓ = Xᵀdiag(u)X − Σ_k Σ_l m_k z_{k,l} z_{k,l}ᵀ,   u_i = w_i e^{η_i} Λ_i
//
// with Λ_i the hazard that row i is exposed to and z_{k,l} the mean covariate under
// φ_{k,l}. Beyond the range of float64 the value is −Inf and the rest unfinished.
// The error is that of survival.Check.
func (l *Likelihood) Eval(ctx context.Context, gamma, grad, info []float64) (float64, error) {
	value, ok := l.hazards(gamma)
	if !ok {
		return math.Inf(-1), nil
	}
	l.Order.Exposure(l.exposure, l.step, l.tied)
	for i, r := range l.risk {
		l.exposure[i] *= r
	}
	// Both sums are differences from a common point, so that the two-valued columns may count
	// from their commoner value.
	inner, means, gradient := make([]float64, len(info)), make([]float64, len(info)), slices.Clone(l.observed)
	if err := l.sumRows(ctx, inner, means, gradient); err != nil {
		return 0, err
	}
	for i, v := range means {
		inner[i] += v
	}
	l.Matrix.Vector(grad, gradient, 0)
	l.Matrix.Square(info, inner, nil, 0)
	return value - l.penalise(gamma, grad, info), nil
}

// sumRows adds Xᵀdiag(u)X to rows, −Σ_k Σ_l m_k z zᵀ to means, and takes Σ_k Σ_l m_k z from
// gradient: the sweep over the risk sets beside the sum over rows where there are threads.
func (l *Likelihood) sumRows(ctx context.Context, rows, means, gradient []float64) error {
	l.curvature.begin(ctx, means)
	l.sums.grad = gradient
	sweep := func() {
		l.Order.Backward(&l.sums)
		l.curvature.flush()
	}
	var other sync.WaitGroup
	if l.Threads > 1 {
		other.Go(sweep)
	} else {
		sweep()
	}
	err := l.Matrix.Gram(ctx, rows, l.exposure, l.Threads-1)
	other.Wait()
	if err == nil {
		err = l.curvature.err
	}
	return err
}

// hazards fills eta, risk, and what each event time adds, and returns the log partial
// likelihood without penalty; ok is false beyond the range of float64.
func (l *Likelihood) hazards(gamma []float64) (value float64, ok bool) {
	shift, ok := l.relativeRisks(gamma)
	if !ok {
		return 0, false
	}
	s := hazardSweep{l: l}
	l.Order.Backward(&s)
	return l.eventPredictor(shift) - s.log, true
}

// etaRows is how many rows one goroutine predicts at a time.
const etaRows = 1 << 13

// relativeRisks fills eta and risk. The linear predictor is centred at the middle of its
// range, shift; ok is false where that range leaves float64.
func (l *Likelihood) relativeRisks(gamma []float64) (shift float64, ok bool) {
	clear(l.eta)
	copy(l.eta, l.offset)
	l.Matrix.Product(l.eta, gamma, l.Threads)
	lo, hi, finite := math.Inf(1), math.Inf(-1), 0.0
	for _, e := range l.eta {
		if e < lo {
			lo = e
		}
		if e > hi {
			hi = e
		}
		finite += e - e // NaN where e is not finite
	}
	if !(finite+hi-lo <= etaRange) {
		return 0, false
	}
	shift = lo + (hi-lo)/2
	linear.Blocks(len(l.eta), etaRows, l.Threads, func(_, start, end int) {
		l.exp.Of(l.risk[start:end], l.eta[start:end], shift)
	})
	for i, w := range l.weight {
		l.risk[i] *= w
	}
	return shift, true
}

func (l *Likelihood) caseWeight(position int) float64 {
	if l.weight == nil {
		return 1
	}
	return l.weight[position]
}

// eventPredictor is Σ w_i δ_i (η_i − shift).
func (l *Likelihood) eventPredictor(shift float64) float64 {
	sum := 0.0
	for _, g := range l.Order.Groups {
		for p := g.Start; p < g.Start+g.Events; p++ {
			sum += float64(l.caseWeight(p) * (l.eta[p] - shift))
		}
	}
	return sum
}

// penalise adds the ridge term's derivatives and returns its value ½·Σ penalty_j γ_j².
func (l *Likelihood) penalise(gamma, grad, info []float64) float64 {
	sum := 0.0
	for j, c := range l.penalty {
		sum += float64(c * gamma[j] * gamma[j] / 2)
		grad[j] -= float64(c * gamma[j])
		info[j*len(gamma)+j] += c
	}
	return sum
}
