package coxnet

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
)

const (
	// denseColumns: up to so many columns all are kept in the model, and their Hessian
	// costs less than screening would save.
	denseColumns = 64
	// A point of the path is optimal when no subgradient condition is missed by more than
	// this share of a typical column's curvature: its coefficients per standard deviation
	// of the column are then about as near, but for collinearity.
	tolerancePath = 1e-8
	// A point of a path of cross-validation that has so many rows or more is not so near: its
	// deviance moves by far less than a hundredth of its standard error.
	toleranceInner = 1e-5
	manyRows       = 1 << 14
	// The selected point, which predicts, is brought nearer.
	toleranceSelected = 1e-12
	// So near is a point brought while columns are still sought that belong to it.
	toleranceScreen = 1e-3
	// Where rounding ends progress, a point up to here still counts as converged.
	toleranceNear = 1e-6
	maxIterations = 200
	maxHalvings   = 30
	// A step that leaves more of the residual than this asks for a new Hessian.
	staleRate = 0.1
	// Losses that differ by this share differ by rounding only.
	flat = 1e-12
)

// solver minimises −ℓ/W plus the penalty for one α after another. γ_j is the coefficient
// of the standardised column.
type solver struct {
	like   *likelihood
	full   *covariates
	l1, l2 []float64 // by column: the penalty on γ at α = 1
	unit   float64   // curvature of a typical standardised column

	gamma, grad []float64 // by column; grad of −ℓ/W, up to date where the last check went

	work       []int     // the columns of the model: all that are or were not 0
	member     []bool    // by column
	x          *part     // these columns
	now        *point    // gamma's part in them, where the likelihood was evaluated last; nil while that is not so
	model      quadratic // over work
	history    history   // optima over work
	covered    cover     // of columns that wide models had active
	loss       float64   // −ℓ/W at gamma, once there is a model
	null       float64   // ℓ at 0
	misses     []float64 // shares by which the model has misjudged the latest changes of the gradient
	stale      bool      // the model's Hessian is to be computed anew
	varying    int       // how many columns vary
	iterations int
	tolerance  float64
	looking    bool // each optimum is evaluated, however well it is foreseen
	converged  bool // at every α so far
}

// newSolver prepares valid data.
func newSolver(x *survival.Design, y survival.Outcome, opt Options, threads int) (*solver, error) {
	like := newLikelihood(y, threads)
	full, err := newCovariates(x, like.order.Rows, threads)
	if err != nil {
		return nil, err
	}
	p := full.P
	s := &solver{like: like, full: full, unit: like.events / like.total,
		gamma: make([]float64, p), grad: make([]float64, p), member: make([]bool, p), converged: true, tolerance: tolerancePath}
	s.l1, s.l2 = penalties(full, like, opt)
	s.varying = len(s.candidates())
	return s, nil
}

// loglik is ℓ at gamma.
func (s *solver) loglik() float64 {
	if s.now == nil {
		return s.null
	}
	return -s.loss * s.like.total
}

// admit adds columns to the model.
func (s *solver) admit(columns []int) {
	for _, j := range columns {
		if !s.member[j] {
			s.member[j] = true
			s.work = append(s.work, j)
		}
	}
	slices.Sort(s.work)
	w := len(s.work)
	s.model = quadratic{l1: make([]float64, w), l2: make([]float64, w), unit: s.unit, share: descentShareFew}
	if w > denseColumns {
		s.model.share = descentShareMany
	}
	s.stale, s.now, s.history = true, nil, history{}
	s.x = s.like.part(s.full.part(s.work))
	if w > denseColumns && rowsPerColumn*w > s.full.N {
		s.model.wide = s.newWide()
	} else {
		s.model.h = make([]float64, w*w)
	}
}

// solve finds the optimum at alpha, starting from that at previous ≥ alpha. While columns may
// still be missing from the model its optimum is not worth many digits.
func (s *solver) solve(ctx context.Context, alpha, previous float64) error {
	strong, all := s.strong(alpha, previous), s.candidates()
	tolerance := max(s.tolerance, toleranceScreen)
	for {
		if len(s.work) == len(all) {
			tolerance = s.tolerance
		}
		if err := s.newton(ctx, alpha, tolerance); err != nil {
			return err
		}
		if len(s.work) == len(all) {
			return nil
		}
		s.like.gradientOf(s.full, all, s.grad)
		missed := s.violators(strong, alpha)
		if len(missed) == 0 {
			missed = s.violators(all, alpha)
		}
		switch {
		case len(missed) > 0:
			s.admit(missed)
		case tolerance == s.tolerance:
			return nil
		default:
			tolerance = s.tolerance
		}
	}
}

// polish finds the optimum at alpha once more, from a point near it, to a closer tolerance.
// It leaves the likelihood evaluated there.
func (s *solver) polish(ctx context.Context, alpha float64, gamma []float64) error {
	copy(s.gamma, gamma)
	s.now, s.history, s.stale, s.tolerance = nil, history{}, true, toleranceSelected
	if err := s.solve(ctx, alpha, alpha); err != nil || len(s.work) > 0 {
		return err
	}
	_, err := s.like.at(ctx, nil, nil)
	return err
}

// drifting lists the columns without penalty along which the likelihood, as last evaluated,
// has no curvature left: it keeps rising, and no finite coefficient is its maximum.
func (s *solver) drifting(ctx context.Context) ([]int, error) {
	free := slices.DeleteFunc(slices.Clone(s.work), func(j int) bool { return s.l1[j] > 0 })
	if len(free) == 0 {
		return nil, nil
	}
	w := len(s.work)
	h := make([]float64, w*w)
	if err := s.like.hessian(ctx, s.x, h); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(free, func(j int) bool {
		c, _ := slices.BinarySearch(s.work, j)
		return h[c*w+c] > flatCurvature*s.unit
	}), nil
}

// flatCurvature is the share of a typical column's curvature below which one is separated.
const flatCurvature = 1e-6

// strong lists the columns outside the model that the sequential strong rule keeps: the
// gradient of a column is taken to move no faster than α, so that one below 2α − previous
// stays 0.
func (s *solver) strong(alpha, previous float64) []int {
	var keep []int
	for _, j := range s.candidates() {
		if !s.member[j] && math.Abs(s.grad[j]) >= s.l1[j]*(2*alpha-previous) {
			keep = append(keep, j)
		}
	}
	return keep
}

// candidates lists the columns that vary.
func (s *solver) candidates() []int {
	var all []int
	for j, constant := range s.full.Constant {
		if !constant {
			all = append(all, j)
		}
	}
	return all
}

// violators lists the columns, of those given, outside the model whose 0 is not optimal.
func (s *solver) violators(columns []int, alpha float64) []int {
	var missed []int
	for _, j := range columns {
		if !s.member[j] && math.Abs(s.grad[j]) > alpha*s.l1[j]+s.tolerance*s.unit {
			missed = append(missed, j)
		}
	}
	return missed
}

// newton minimises over the columns of the model.
func (s *solver) newton(ctx context.Context, alpha, tolerance float64) error {
	if len(s.work) == 0 {
		return nil
	}
	for c, j := range s.work {
		s.model.l1[c], s.model.l2[c] = alpha*s.l1[j], alpha*s.l2[j]
	}
	if err := s.resume(ctx); err != nil {
		return err
	}
	if err := s.leap(ctx, alpha); err != nil {
		return err
	}
	residual := s.residual(s.now)
	for range maxIterations {
		if residual <= tolerance {
			break
		}
		if s.near(residual, tolerance) {
			s.finish(s.now.after(&s.model), alpha, tolerance)
			return nil
		}
		next, err := s.step(ctx)
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		before := residual
		s.move(next)
		residual = s.residual(next)
		s.stale = s.model.wide != nil || residual > staleRate*before && residual > tolerance
	}
	s.converged = s.converged && residual <= max(tolerance, toleranceNear)
	s.finish(s.now, alpha, tolerance)
	return nil
}

// near says whether one more step reaches tolerance for sure enough not to look: as the
// model has foreseen the gradient in the latest steps, with twice the worst miss. Columns
// outside the model need the residuals of the rows at the very optimum.
func (s *solver) near(residual, tolerance float64) bool {
	return !s.stale && len(s.misses) == missesKept && len(s.work) == s.varying && tolerance > toleranceSelected && !s.looking &&
		2*residual*slices.Max(s.misses) <= tolerance
}

// missesKept is how many steps tell how good the model is.
const missesKept = 4

// after is the point that the model's minimum is expected to be: nothing is evaluated.
func (p *point) after(m *quadratic) *point {
	next := &point{gamma: slices.Clone(p.gamma), grad: slices.Clone(p.grad), loss: p.loss}
	m.minimise(next.gamma, next.grad)
	for c, g := range next.gamma { // gᵀs + ½sᵀHs
		next.loss += float64((g - p.gamma[c]) * (p.grad[c] + next.grad[c]) / 2)
	}
	return next
}

// finish takes best as the optimum at alpha.
func (s *solver) finish(best *point, alpha, tolerance float64) {
	for c, j := range s.work {
		s.gamma[j], s.grad[j] = best.gamma[c], best.grad[c]
	}
	s.loss = best.loss
	if tolerance == s.tolerance && alpha > 0 {
		s.history.add(alpha, s.now)
	}
}

// resume evaluates the present coefficients where the model's columns are new.
func (s *solver) resume(ctx context.Context) error {
	if s.now != nil {
		return nil
	}
	s.now = s.newPoint()
	for c, j := range s.work {
		s.now.gamma[c] = s.gamma[j]
	}
	return s.evaluate(ctx, s.now)
}

// point is a trial: coefficients of the model's columns, with loss and gradient there.
type point struct {
	gamma, grad []float64
	loss        float64
}

func (s *solver) newPoint() *point {
	w := len(s.work)
	return &point{gamma: make([]float64, w), grad: make([]float64, w)}
}

// evaluate fills in loss and gradient; a loss beyond the range of float64 is +Inf, without
// a gradient.
func (s *solver) evaluate(ctx context.Context, p *point) error {
	value, err := s.like.at(ctx, s.x, p.gamma)
	if err != nil {
		return err
	}
	p.loss = -value / s.like.total
	if math.IsInf(p.loss, 1) {
		return nil
	}
	return s.like.gradient(ctx, s.x, p.grad)
}

// step finds a point with less loss and penalty than now: the model's minimum, or part of
// the way there. With no such point, not even by a new Hessian, it is nil.
func (s *solver) step(ctx context.Context) (*point, error) {
	now, fresh := s.now, s.stale
	if fresh {
		if s.model.wide != nil {
			s.model.wide.curvature()
		} else if err := s.like.hessian(ctx, s.x, s.model.h); err != nil {
			return nil, err
		}
		s.stale = false
	}
	target, q := slices.Clone(now.gamma), slices.Clone(now.grad)
	s.model.minimise(target, q)
	next, err := s.search(ctx, target)
	if err != nil {
		return nil, err
	}
	if next == nil {
		// The sums that the Hessian needs are those of the last evaluation.
		if err := s.evaluate(ctx, now); err != nil || fresh {
			return nil, err
		}
		s.stale = true
		return s.step(ctx)
	}
	return next, nil
}

// move goes to next and lets the model learn from the way there.
func (s *solver) move(next *point) {
	moved, changed := make([]float64, len(next.gamma)), make([]float64, len(next.gamma))
	for c := range moved {
		moved[c], changed[c] = next.gamma[c]-s.now.gamma[c], next.grad[c]-s.now.grad[c]
	}
	if !s.stale && s.model.wide == nil {
		miss := s.model.update(moved, changed)
		if len(s.misses) == missesKept {
			s.misses = s.misses[1:]
		}
		s.misses = append(s.misses, miss)
	}
	s.now = next
	s.iterations++
}

// leap goes to where the optima so far point, if that is better than where the last one is.
func (s *solver) leap(ctx context.Context, alpha float64) error {
	gamma, grad := s.history.predict(alpha)
	if gamma == nil || s.stale {
		return nil
	}
	s.model.minimise(gamma, grad)
	next := &point{gamma: gamma, grad: make([]float64, len(gamma))}
	if err := s.evaluate(ctx, next); err != nil {
		return err
	}
	if next.loss+s.penalty(next.gamma) < s.now.loss+s.penalty(s.now.gamma) {
		s.move(next)
		return nil
	}
	return s.evaluate(ctx, s.now)
}

// search halves the way from now to target until loss plus penalty do not rise.
func (s *solver) search(ctx context.Context, target []float64) (*point, error) {
	now := s.now
	before := now.loss + s.penalty(now.gamma)
	next := s.newPoint()
	for length, k := 1.0, 0; k < maxHalvings; length, k = length/2, k+1 {
		for c, g := range now.gamma {
			next.gamma[c] = target[c]
			if k > 0 {
				next.gamma[c] = g + float64(length*(target[c]-g))
			}
		}
		if slices.Equal(next.gamma, now.gamma) {
			return nil, nil
		}
		if err := s.evaluate(ctx, next); err != nil {
			return nil, err
		}
		if next.loss+s.penalty(next.gamma) <= before+flat*(1+math.Abs(before)) {
			return next, nil
		}
	}
	return nil, nil
}

// penalty is Σ l1|γ| + ½ l2 γ² over the model's columns.
func (s *solver) penalty(gamma []float64) float64 {
	sum := 0.0
	for c, g := range gamma {
		sum += float64(s.model.l1[c]*math.Abs(g)) + float64(s.model.l2[c]*g*g/2)
	}
	return sum
}

// residual is the largest distance from optimality: of −(gradient + l2 γ) from the
// subgradient of l1|γ|, in units of a typical column's curvature.
func (s *solver) residual(p *point) float64 {
	worst := 0.0
	for c, g := range p.gamma {
		d := p.grad[c] + float64(s.model.l2[c]*g)
		switch {
		case g > 0:
			d = math.Abs(d + s.model.l1[c])
		case g < 0:
			d = math.Abs(d - s.model.l1[c])
		default:
			d = math.Abs(d) - s.model.l1[c]
		}
		worst = max(worst, d/(s.unit+s.model.l2[c]))
	}
	return worst
}
