package linear

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
)

// Objective evaluates a log-likelihood at theta. It overwrites grad with the gradient and
// the upper triangle of info (row-major) with the negative Hessian. Where the value is
// not finite, grad and info may be left unfinished. The error is the context's.
type Objective func(ctx context.Context, theta, grad, info []float64) (float64, error)

// Problem is a maximisation for [Maximise].
type Problem struct {
	Objective Objective
	Start     []float64
	First     int       // parameters First … First+len(Constant)−1 are the columns' coefficients
	Constant  []bool    // by column: held at the start
	Range     []float64 // by column: the widest contrast of the linear predictor per unit of its coefficient
	Rounding  float64   // information on a column, standardised, that may be all rounding
	Dependent bool      // a ridge makes collinear columns estimable: keep them
	// Unit is the case weight of a typical event, 0 meaning 1. Gains in log-likelihood are
	// judged in units of it, so that the unit of the weights decides nothing.
	Unit float64
	// Change is the share by which Covariance may be off, to save an evaluation that only it
	// would need; 0: none.
	Change float64
	// Gram is asked for where the information at Start is not positive definite, though the
	// likelihood need not be concave there: the upper triangle of a matrix over all
	// parameters whose pivots show collinear columns. nil: the information shows them.
	Gram func(ctx context.Context) ([]float64, error)
}

// Solution is where Maximise ended.
type Solution struct {
	Theta      []float64
	Covariance []float64  // inverse information at Theta, full; NaN for parameters held, all NaN where that is not positive definite
	LogLik     [2]float64 // at Start and at Theta, or 1e-9 standard errors before it, as Covariance
	Iterations int
	Converged  bool
	Aliased    []int // columns without information beyond those before them, held at Start
	Drifting   []int // columns along which the likelihood keeps rising: no finite maximum
}

const (
	maxIterations = 100
	maxHalvings   = 30
	// The Newton decrement λ² = gᵀH⁻¹g, in units of Problem.Unit, is the squared length of
	// the next step in standard errors. Convergence is quadratic: a last step of 1e-9 leaves
	// an error far below 1e-12.
	decrementDone = 1e-18
	// From here on only rounding keeps the decrement from shrinking.
	decrementNear = 1e-12
	// A column drifts if, so near to the supremum, its coefficient still moves the linear
	// predictor by this much, and by this share of the step before. A regular step is then
	// 1e-4 standard errors, a hundredth of the one before. Waiting longer would only lose
	// digits: the information along the column dies out like e^{−β}.
	decrementFlat             = 1e-8
	driftContrast, driftShare = 0.1, 0.3
	// Log-likelihoods that differ by this share differ by rounding only.
	flat = 1e-11
)

// Maximise runs Newton's method with step halving. Collinear columns are found at the
// start, by the pivots of the information matrix (or Gram), and held. Where the information is not
// positive definite later on, its diagonal is raised (Levenberg). A log-likelihood that
// is not finite at the start is survival.ErrNotConverged; anything else finite is a
// Solution, Converged or not.
func Maximise(ctx context.Context, p Problem) (Solution, error) {
	s := newSolver(p)
	value, err := p.Objective(ctx, s.theta, s.grad, s.info)
	if err != nil {
		return Solution{}, err
	}
	if !finite(value, s.info) {
		return Solution{}, survival.ErrNotConverged
	}
	s.sol.LogLik = [2]float64{value, value}
	if err := s.choose(ctx); err != nil {
		return Solution{}, err
	}
	for range maxIterations {
		done, err := s.iterate(ctx)
		if err != nil {
			return Solution{}, err
		}
		if done {
			break
		}
	}
	s.sol.Theta = s.theta
	f := s.factor()
	if s.damped { // not a maximum: no standard errors, rather than those of a raised matrix
		s.sol.Converged, f.active = false, nil
	}
	s.sol.Covariance = f.inverse(len(s.theta))
	return s.sol, nil
}

type solver struct {
	Problem
	sol                   Solution
	active                []int
	theta, grad, info     []float64
	step, previous        []float64
	trial, trialG, trialI []float64
	decrement             float64 // of the iteration before
	change                float64 // relative change of the information over the step before; +Inf where that was shortened
	damped                bool    // the last factor needed a raised diagonal
}

func newSolver(p Problem) *solver {
	n := len(p.Start)
	vector := func() []float64 { return make([]float64, n) }
	s := &solver{Problem: p, theta: vector(), grad: vector(), step: vector(), previous: vector(),
		trial: vector(), trialG: vector(), info: make([]float64, n*n), trialI: make([]float64, n*n),
		decrement: math.Inf(1), change: math.Inf(1)}
	copy(s.theta, p.Start)
	if s.Unit == 0 {
		s.Unit = 1
	}
	return s
}

// choose finds the active parameters: all but constant and aliased columns.
func (s *solver) choose(ctx context.Context) error {
	n := len(s.theta)
	for i := range n {
		j := i - s.First
		if j >= 0 && j < len(s.Constant) && s.Constant[j] {
			continue
		}
		s.active = append(s.active, i)
	}
	if s.Dependent {
		return nil
	}
	tells, gram := s.info, s.Gram
	for {
		bad := s.empty(tells)
		if bad < 0 {
			_, bad = cholesky(tells, n, s.active)
		}
		if bad >= 0 && gram != nil {
			var err error
			if tells, err = gram(ctx); err != nil {
				return err
			}
			gram = nil
			continue
		}
		j := bad - s.First
		if bad < 0 || j < 0 || j >= len(s.Constant) {
			return nil
		}
		s.sol.Aliased = append(s.sol.Aliased, j)
		at := slices.Index(s.active, bad)
		s.active = slices.Delete(s.active, at, at+1)
	}
}

// empty is the first active column without information, or −1.
func (s *solver) empty(info []float64) int {
	n := len(s.theta)
	for _, i := range s.active {
		if j := i - s.First; j >= 0 && j < len(s.Constant) && !(info[i*n+i] > s.Rounding) {
			return i
		}
	}
	return -1
}

// factor is the Cholesky factor of the information, its diagonal raised until it exists.
func (s *solver) factor() factor {
	n := len(s.theta)
	f, bad := cholesky(s.info, n, s.active)
	s.damped = bad >= 0
	if !s.damped {
		return f
	}
	largest := 0.0
	for _, i := range s.active {
		largest = max(largest, math.Abs(s.info[i*n+i]))
	}
	raise := func(ridge float64) int {
		raised := slices.Clone(s.info)
		for _, i := range s.active {
			raised[i*n+i] += ridge
		}
		f, bad = cholesky(raised, n, s.active)
		return bad
	}
	ridge := max(largest, s.Rounding) * 1e-10
	for raise(ridge) >= 0 && ridge < math.MaxFloat64/1e3 {
		ridge *= 10
	}
	raise(10 * ridge) // well away from the singular matrix
	return f
}

// iterate takes one Newton step and says whether it was the last.
func (s *solver) iterate(ctx context.Context) (done bool, err error) {
	f := s.factor()
	s.step, s.previous = s.previous, s.step
	f.solve(s.step, s.grad)
	decrement := 0.0
	for i, g := range s.grad {
		decrement += float64(g * s.step[i])
	}
	decrement /= s.Unit
	if decrement == 0 {
		s.sol.Converged = !s.damped
		return true, nil
	}
	near := decrement <= decrementNear
	if decrement <= decrementFlat && s.sol.Iterations > 0 {
		s.sol.Drifting = s.drifting()
	}
	if (decrement <= decrementDone || near && s.lastStep(decrement)) && !s.damped && len(s.sol.Drifting) == 0 {
		// Value and information are those after it.
		for i, v := range s.step {
			s.theta[i] += v
		}
		s.sol.Iterations++
		s.sol.Converged = true
		return true, nil
	}
	stalled := near && decrement > s.decrement/4 // rounding keeps the steps from shrinking
	s.decrement = decrement
	accepted, err := s.search(ctx)
	if err != nil {
		return true, err
	}
	s.sol.Iterations++
	last := stalled || len(s.sol.Drifting) > 0 || !accepted
	s.sol.Converged = last && near && len(s.sol.Drifting) == 0 && !s.damped
	return last, nil
}

// lastStep says whether a step of this decrement will leave nothing to do: where the last
// full step has shrunk the decrement λ² by ρ², the next one shrinks it by about ρ⁴, and the
// information changes by about ρ of what it did.
func (s *solver) lastStep(decrement float64) bool {
	shrunk := decrement / s.decrement // ρ²
	return decrement*shrunk*shrunk <= decrementDone && s.change*math.Sqrt(shrunk) <= s.Change
}

// drifting lists the columns whose steps do not die out although the gain does.
func (s *solver) drifting() []int {
	var columns []int
	for j := range s.Constant {
		step := math.Abs(s.step[s.First+j])
		if step*s.Range[j] > driftContrast && step > driftShare*math.Abs(s.previous[s.First+j]) {
			columns = append(columns, j)
		}
	}
	return columns
}

// search halves the step until the log-likelihood does not fall, and goes there.
func (s *solver) search(ctx context.Context) (accepted bool, err error) {
	now := s.sol.LogLik[1]
	for length, k := 1.0, 0; k < maxHalvings; length, k = length/2, k+1 {
		for i := range s.trial {
			s.trial[i] = s.theta[i] + float64(length*s.step[i])
		}
		value, err := s.Objective(ctx, s.trial, s.trialG, s.trialI)
		if err != nil {
			return false, err
		}
		if value >= now-flat*(s.Unit+math.Abs(now)) && finite(value, s.trialI) {
			s.theta, s.trial = s.trial, s.theta
			s.grad, s.trialG = s.trialG, s.grad
			s.info, s.trialI = s.trialI, s.info
			s.sol.LogLik[1] = value
			if s.change = s.changed(); k > 0 {
				s.change = math.Inf(1)
			}
			return true, nil
		}
	}
	return false, nil
}

// changed is the largest share by which a diagonal element of the information has changed.
func (s *solver) changed() float64 {
	n, largest := len(s.theta), 0.0
	for _, i := range s.active {
		before, now := s.trialI[i*n+i], s.info[i*n+i]
		largest = max(largest, math.Abs(now-before)/math.Abs(now))
	}
	return largest
}

// finite says whether a log-likelihood and all its second derivatives are.
func finite(value float64, info []float64) bool {
	sum := value * 0 // NaN where the value is not finite
	for _, v := range info {
		sum += v * 0
	}
	return sum == 0
}
