package aft

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
)

// Likelihood is the log-likelihood of one data set as a function of
// θ = (γ₀, γ₁ … γ_P, log σ), with γ for the standardised columns; where σ is fixed
// (Exponential), of θ = (γ₀ … γ_P). It reuses its work space: one Eval at a time.
type Likelihood struct {
	Matrix *linear.Compact // rows as in the outcome
	// Threads is how many goroutines an evaluation may use, 0 meaning 1; it changes no bit.
	Threads int

	exp      *linear.Exponential
	rows     []int // all of them
	law      law
	fixed    bool // σ is 1 and no parameter
	y        survival.Outcome
	logTime  []float64
	logEntry []float64 // nil without entry times; −Inf where a row is not truncated

	eta, score, cross, weight []float64 // by row: η, ∂ℓ/∂η, −∂²ℓ/∂η∂log σ, −∂²ℓ/∂η²
	inner, block              []float64 // P×P: Xᵀdiag(weight)X, in the order of its sums and of the columns
}

// NewLikelihood standardises a data set for a model. y must be valid; the error is that
// of linear.NewCompact. It panics where x and y differ in length.
func NewLikelihood(x *survival.Design, y survival.Outcome, d Distribution) (*Likelihood, error) {
	return newLikelihood(x, y, d, 1)
}

// newLikelihood is NewLikelihood on at most threads goroutines, as later evaluations.
func newLikelihood(x *survival.Design, y survival.Outcome, d Distribution, threads int) (*Likelihood, error) {
	n, kind := y.Len(), d.traits()
	if x.Rows != n {
		panic("aft: design and outcome differ in length")
	}
	rows := make([]int, n)
	l := &Likelihood{Threads: threads, rows: rows, exp: linear.NewExponential(), law: kind.law, fixed: kind.fixed, y: y, logTime: make([]float64, n), eta: make([]float64, n),
		score: make([]float64, n), cross: make([]float64, n), weight: make([]float64, n)}
	for i, t := range y.Time {
		rows[i] = i
		l.logTime[i] = math.Log(t)
	}
	if y.Entry != nil {
		l.logEntry = make([]float64, n)
		for i, t := range y.Entry {
			l.logEntry[i] = math.Log(max(t, 0)) // −Inf: not truncated
		}
	}
	var err error
	if l.Matrix, err = linear.NewCompact(x, rows, threads); err != nil {
		return nil, err
	}
	l.inner, l.block = make([]float64, l.Matrix.P*l.Matrix.P), make([]float64, l.Matrix.P*l.Matrix.P)
	return l, nil
}

// Eval is the log-likelihood at theta; it overwrites grad with its gradient and the
// upper triangle of info (row-major) with its negative Hessian. Beyond the range of
// float64 none of them is finite. The error is that of survival.Check.
func (l *Likelihood) Eval(ctx context.Context, theta, grad, info []float64) (float64, error) {
	clear(grad)
	clear(info)
	sums := l.terms(theta)
	last := l.Matrix.P + 1
	size := len(theta)
	for i := range l.score {
		grad[0] += l.score[i]
		info[0] += l.weight[i]
	}
	l.Matrix.AddTransposed(grad[1:last], l.score, l.Threads)
	if !l.fixed {
		l.addScale(grad, info, sums)
	}
	if err := l.addBlock(ctx, info, size); err != nil {
		return 0, err
	}
	return sums.loglik, nil
}

// terms computes every row's predictor and derivatives.
func (l *Likelihood) terms(theta []float64) scaleSums {
	last := l.Matrix.P + 1
	for i := range l.eta {
		l.eta[i] = theta[0]
	}
	l.Matrix.Product(l.eta, theta[1:last], l.Threads)
	logSigma := 0.0
	if !l.fixed {
		logSigma = theta[last]
	}
	return l.derivatives(logSigma)
}

// addScale fills in the derivatives that involve log σ, the last parameter.
func (l *Likelihood) addScale(grad, info []float64, sums scaleSums) {
	size := len(grad)
	last := size - 1
	for _, c := range l.cross {
		info[last] += c
	}
	grad[last], info[last*size+last] = sums.score, sums.information
	crossed := make([]float64, l.Matrix.P)
	l.Matrix.AddTransposed(crossed, l.cross, l.Threads)
	for j, c := range crossed {
		info[(j+1)*size+last] = c
	}
}

// gram is XᵀX of intercept and columns, each row with its case weight, over all
// parameters: where the likelihood is not concave, only this tells collinear columns.
func (l *Likelihood) gram(ctx context.Context) ([]float64, error) {
	p := l.Matrix.P
	size := p + 2
	if l.fixed {
		size--
	}
	for i := range l.weight {
		l.weight[i] = l.y.W(i)
	}
	out := make([]float64, size*size)
	out[size*size-1] = 1 // log σ; the block overwrites it where there is none
	for _, w := range l.weight {
		out[0] += w
	}
	return out, l.addBlock(ctx, out, size)
}

// addBlock writes 1ᵀdiag(weight)X to the first row of a matrix of the size, from its second
// element on, and copies Xᵀdiag(weight)X into the columns' part of it.
func (l *Likelihood) addBlock(ctx context.Context, into []float64, size int) error {
	p := l.Matrix.P
	sums, total := l.Matrix.Sums(l.weight, l.Threads)
	l.Matrix.Vector(into[1:p+1], sums, total)
	clear(l.inner)
	if err := l.Matrix.Gram(ctx, l.inner, l.weight, l.Threads); err != nil {
		return err
	}
	l.Matrix.Square(l.block, l.inner, sums, total)
	for j := range p {
		copy(into[(j+1)*size+j+1:(j+1)*size+p+1], l.block[j*p+j:(j+1)*p])
	}
	return nil
}
