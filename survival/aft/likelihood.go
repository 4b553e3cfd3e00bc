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
	Matrix *linear.Matrix // rows as in the outcome
	// Threads is how many goroutines an evaluation may use, 0 meaning 1; it changes no bit.
	Threads int

	law      law
	fixed    bool // σ is 1 and no parameter
	y        survival.Outcome
	logTime  []float64
	logEntry []float64 // nil without entry times; −Inf where a row is not truncated

	eta, score, cross, weight []float64 // by row: η, ∂ℓ/∂η, −∂²ℓ/∂η∂log σ, −∂²ℓ/∂η²
	block                     []float64 // P×P: Xᵀdiag(weight)X
}

// NewLikelihood standardises a data set for a model. y must be valid; the error is that
// of linear.NewMatrix. It panics where x and y differ in length.
func NewLikelihood(x *survival.Design, y survival.Outcome, d Distribution) (*Likelihood, error) {
	n, kind := y.Len(), d.traits()
	if x.Rows != n {
		panic("aft: design and outcome differ in length")
	}
	rows := make([]int, n)
	l := &Likelihood{law: kind.law, fixed: kind.fixed, y: y, logTime: make([]float64, n), eta: make([]float64, n),
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
	if l.Matrix, err = linear.NewMatrix(x, rows); err != nil {
		return nil, err
	}
	l.block = make([]float64, l.Matrix.P*l.Matrix.P)
	return l, nil
}

// Eval is the log-likelihood at theta; it overwrites grad with its gradient and the
// upper triangle of info (row-major) with its negative Hessian. Beyond the range of
// float64 none of them is finite. The error is that of survival.Check.
func (l *Likelihood) Eval(ctx context.Context, theta, grad, info []float64) (float64, error) {
	p := l.Matrix.P
	last := p + 1
	clear(grad)
	clear(info)
	for i := range l.eta {
		l.eta[i] = theta[0]
	}
	l.Matrix.Product(l.eta, theta[1:last])
	logSigma := 0.0
	if !l.fixed {
		logSigma = theta[last]
	}
	sums := l.derivatives(logSigma)

	size := len(theta)
	for i := range l.score {
		grad[0] += l.score[i]
		info[0] += l.weight[i]
	}
	l.Matrix.AddTransposed(grad[1:last], l.score)
	l.Matrix.AddTransposed(info[1:last], l.weight)
	if !l.fixed {
		l.addScale(grad, info, sums)
	}
	if err := l.addBlock(ctx, info, size); err != nil {
		return 0, err
	}
	return sums.loglik, nil
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
	l.Matrix.AddTransposed(crossed, l.cross)
	for j, c := range crossed {
		info[(j+1)*size+last] = c
	}
}

// scaleSums are the sums over rows that belong to log σ alone.
type scaleSums struct{ loglik, score, information float64 }

// derivatives fills score, cross and weight. With g(z) a row's log density or survival,
// s = log σ, ∂z/∂η = −1/σ and ∂z/∂s = −z:
//
//	∂ℓ/∂η = −g′/σ    ∂ℓ/∂s = −z g′ − δ    ∂²ℓ/∂η² = g″/σ²
//	∂²ℓ/∂η∂s = (g′ + z g″)/σ    ∂²ℓ/∂s² = z² g″ + z g′
func (l *Likelihood) derivatives(logSigma float64) scaleSums {
	var sum scaleSums
	inverse := math.Exp(-logSigma)
	for i, y := range l.logTime {
		w := l.y.W(i)
		z := (y - l.eta[i]) * inverse
		var value, first, second, deaths float64
		if l.y.Event[i] {
			value, first, second = l.law.density(z)
			value -= logSigma + y
			deaths = 1
		} else {
			value, first, second = l.law.survival(z)
		}
		c := contribution{value: value, first: first, second: second, zFirst: z * first, zSecond: z * second, zzSecond: z * z * second}
		if l.logEntry != nil && !math.IsInf(l.logEntry[i], -1) {
			u := (l.logEntry[i] - l.eta[i]) * inverse
			value, first, second := l.law.survival(u)
			c.subtract(contribution{value: value, first: first, second: second, zFirst: u * first, zSecond: u * second, zzSecond: u * u * second})
		}
		sum.loglik += float64(w * c.value)
		sum.score -= float64(w * (c.zFirst + deaths))
		sum.information -= float64(w * (c.zzSecond + c.zFirst))
		l.score[i] = -w * c.first * inverse
		l.weight[i] = -w * c.second * inverse * inverse
		l.cross[i] = -w * (c.first + c.zSecond) * inverse
	}
	return sum
}

// contribution is a row's g with its derivatives and their products with z.
type contribution struct{ value, first, second, zFirst, zSecond, zzSecond float64 }

// subtract takes the entry time's part away: survival is conditional on having entered.
func (c *contribution) subtract(d contribution) {
	c.value -= d.value
	c.first -= d.first
	c.second -= d.second
	c.zFirst -= d.zFirst
	c.zSecond -= d.zSecond
	c.zzSecond -= d.zzSecond
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
	l.Matrix.AddTransposed(out[1:p+1], l.weight)
	return out, l.addBlock(ctx, out, size)
}

// addBlock copies Xᵀdiag(weight)X into the columns' part of a matrix of the size.
func (l *Likelihood) addBlock(ctx context.Context, into []float64, size int) error {
	p := l.Matrix.P
	clear(l.block)
	if err := linear.RankUpdate(ctx, l.block, linear.Weighted{P: p, X: l.Matrix.X, W: l.weight}, l.Threads); err != nil {
		return err
	}
	for j := range p {
		copy(into[(j+1)*size+j+1:(j+1)*size+p+1], l.block[j*p+j:(j+1)*p])
	}
	return nil
}
