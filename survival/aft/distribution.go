package aft

import "math"

// distribution is the law of W in log T = η + σW. A new model needs one of these.
type distribution interface {
	// density is log f(z) with its first two derivatives in z.
	density(z float64) (value, first, second float64)
	// survival is log S(z) with its first two derivatives in z.
	survival(z float64) (value, first, second float64)
	// center and spread are mean and standard deviation of W: they give starting values.
	center() float64
	spread() float64
}

// extremeValue is the smallest-extreme-value law, S(z) = exp(−e^z): T is Weibull.
type extremeValue struct{}

func (extremeValue) density(z float64) (value, first, second float64) {
	e := math.Exp(z)
	return z - e, 1 - e, -e
}

func (extremeValue) survival(z float64) (value, first, second float64) {
	e := math.Exp(z)
	return -e, -e, -e
}

func (extremeValue) center() float64 { return -0.57721566490153286061 } // −Euler's constant
func (extremeValue) spread() float64 { return math.Pi / math.Sqrt(6) }
