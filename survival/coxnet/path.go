package coxnet

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
)

// Path is the fitted path, from the largest penalty to the smallest.
type Path struct {
	Alphas []float64
	// Coefficients[k][j] is β_j at Alphas[k], per unit of the column.
	Coefficients [][]float64
	LogLik       []float64 // ℓ at each α, without the penalty
	// DevRatio is the share of the null deviance explained, (ℓ − ℓ₀)/(ℓ_s − ℓ₀), with ℓ₀ at
	// β = 0 and ℓ_s = −Σ d_k log d_k of the saturated model; 0 where these are equal.
	DevRatio []float64
	// Deviance is the cross-validated deviance Σ_k −2[ℓ(β₋ₖ; all rows) − ℓ(β₋ₖ; rows without
	// fold k)] and DevianceSE its standard error; nil without cross-validation.
	Deviance, DevianceSE []float64
	Selected             int // the α in use
}

// early stopping: once α_i explains hardly more than α_{i−4}.
const (
	stopLag   = 4
	stopShare = 0.999
)

// stops says whether a path with these explained shares of the deviance ends here.
func stops(devRatio []float64) bool {
	i := len(devRatio) - 1
	return i >= stopLag && devRatio[i-stopLag]/devRatio[i] > stopShare
}

// fitted is a path with what the model needs beside it.
type fitted struct {
	Path
	gammas     [][]float64 // coefficients of the standardised columns
	solver     *solver
	iterations int
	converged  bool
}

// fitPath fits the whole path to valid data with an event.
func fitPath(ctx context.Context, x *survival.Design, y survival.Outcome, opt Options, threads int) (*fitted, error) {
	s, err := newSolver(x, y, opt, threads)
	if err != nil {
		return nil, err
	}
	f := &fitted{solver: s}
	err = s.path(ctx, opt, func(_ int, alpha float64) (bool, error) {
		f.add(alpha)
		return opt.Path == nil && stops(f.DevRatio), nil
	})
	if err != nil {
		return nil, err
	}
	f.Selected = len(f.Alphas) - 1
	f.iterations, f.converged = s.iterations, s.converged
	return f, nil
}

// path finds one optimum after the other, and ends after the one that visit says is the last.
func (s *solver) path(ctx context.Context, opt Options, visit func(k int, alpha float64) (last bool, err error)) error {
	alphas, err := s.begin(ctx, opt)
	if err != nil {
		return err
	}
	previous := alphas[0]
	for k, alpha := range alphas {
		if err := survival.Check(ctx, float64(k), float64(len(alphas))); err != nil {
			return err
		}
		if err := s.solve(ctx, alpha, previous); err != nil {
			return err
		}
		previous = alpha
		if last, err := visit(k, alpha); last || err != nil {
			return err
		}
	}
	return nil
}

// penalties are the L1 and L2 penalty of γ_j, the coefficient of a column standardised
// over the fitted rows, at α = 1: b_j = γ_j·σ_j/s_j, with σ_j = 1 or, where the fit
// standardises, the weighted standard deviation; s_j is the unweighted one.
func penalties(m *covariates, like *likelihood, opt Options) (l1, l2 []float64) {
	l1, l2 = make([]float64, m.P), make([]float64, m.P)
	factors := 0.0
	for _, f := range opt.PenaltyFactor {
		factors += f
	}
	var ratio []float64
	if opt.Standardize {
		ratio = spreads(m, like)
	}
	for j := range l1 {
		factor := 1.0
		if opt.PenaltyFactor != nil {
			factor = opt.PenaltyFactor[j] / factors * float64(m.P)
		}
		scale := 1 / m.Scale[j]
		if opt.Standardize {
			scale = ratio[j]
		}
		l1[j] = factor * opt.L1Ratio * scale
		l2[j] = factor * (1 - opt.L1Ratio) * scale * scale
	}
	return l1, l2
}

// spreads are the weighted standard deviations of the standardised columns: 1 without weights.
func spreads(m *covariates, like *likelihood) []float64 {
	mean, square := make([]float64, m.P), make([]float64, m.P)
	by := m.byRow()
	for r := range m.N {
		w := like.caseWeight(r) / like.total
		for j, z := range by.Row(r) {
			mean[j] += float64(w * z)
			square[j] += float64(w * z * z)
		}
	}
	for j, v := range mean {
		square[j] = math.Sqrt(max(0, square[j]-float64(v*v)))
	}
	return square
}

// begin evaluates the null model, fits the columns without a penalty, takes in the others where they are few, and
// returns the path's αs. Without a column that could enter it is the one α 0.
func (s *solver) begin(ctx context.Context, opt Options) ([]float64, error) {
	null, err := s.like.at(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	s.null = null
	all := s.candidates()
	var free []int
	for _, j := range all {
		if s.l1[j] == 0 {
			free = append(free, j)
		}
	}
	if len(free) > 0 {
		s.admit(free)
		if err := s.newton(ctx, 0, s.tolerance); err != nil {
			return nil, err
		}
	}
	s.like.gradientOf(s.full, all, s.grad)
	largest := 0.0
	for _, j := range all {
		if g := math.Abs(s.grad[j]); s.l1[j] > 0 && g > noGradient*s.unit {
			largest = max(largest, g/s.l1[j])
		}
	}
	if len(all) <= denseColumns && len(free) < len(all) {
		s.admit(all)
	}
	switch {
	case opt.Path != nil:
		return opt.Path, nil
	case largest == 0:
		return []float64{0}, nil
	}
	return geometric(largest, opt.MinRatio, opt.Alphas), nil
}

// noGradient: a derivative below this share of the events is rounding.
const noGradient = 1e-12

// geometric is the path of n αs from first to first·ratio.
func geometric(first, ratio float64, n int) []float64 {
	alphas := make([]float64, n)
	for i := range alphas {
		alphas[i] = first
		if i > 0 {
			alphas[i] = first * math.Pow(ratio, float64(i)/float64(n-1))
		}
	}
	return alphas
}

// add appends the solver's present point.
func (f *fitted) add(alpha float64) {
	k := len(f.Alphas)
	f.Alphas = append(f.Alphas, alpha)
	f.gammas = append(f.gammas, nil)
	f.Coefficients = append(f.Coefficients, nil)
	f.LogLik = append(f.LogLik, 0)
	f.DevRatio = append(f.DevRatio, 0)
	f.set(k)
}

// set makes the solver's present point that of α number k.
func (f *fitted) set(k int) {
	s := f.solver
	gamma, beta := slices.Clone(s.gamma), make([]float64, len(s.gamma))
	for j, g := range gamma {
		beta[j] = g / s.full.Scale[j]
	}
	loglik := s.loglik()
	ratio := 0.0
	if room := s.like.saturated - s.null; room > 0 {
		ratio = (loglik - s.null) / room
	}
	f.gammas[k], f.Coefficients[k], f.LogLik[k], f.DevRatio[k] = gamma, beta, loglik, ratio
}
