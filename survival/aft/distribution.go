package aft

import (
	"fmt"
	"math"
)

// Distribution is the law of the survival time T.
type Distribution int

const (
	// Weibull: W is a smallest-extreme-value variable, S(w) = exp(−e^w).
	Weibull Distribution = iota
	// LogNormal: W is standard normal.
	LogNormal
	// LogLogistic: W is standard logistic, S(w) = 1/(1+e^w).
	LogLogistic
	// Exponential is Weibull with σ = 1.
	Exponential
)

// String is the distribution's name, such as "log-normal".
func (d Distribution) String() string { return d.traits().name }

// Type is the model type's name, such as "weibull_aft".
func (d Distribution) Type() string { return d.traits().typ }

// ParseDistribution reads what String writes.
func ParseDistribution(name string) (Distribution, error) {
	for d := Weibull; d <= Exponential; d++ {
		if d.String() == name {
			return d, nil
		}
	}
	return 0, fmt.Errorf("distribution is %q: allowed are weibull, log-normal, log-logistic and exponential", name)
}

// traits are what distinguishes a distribution.
type traits struct {
	name, typ string
	law       law
	fixed     bool // σ is 1
}

func (d Distribution) traits() traits {
	switch d {
	case Weibull:
		return traits{name: "weibull", typ: Type, law: extremeValue{}}
	case LogNormal:
		return traits{name: "log-normal", typ: "lognormal_aft", law: normal{}}
	case LogLogistic:
		return traits{name: "log-logistic", typ: "loglogistic_aft", law: logistic{}}
	case Exponential:
		return traits{name: "exponential", typ: "exponential_aft", law: extremeValue{}, fixed: true}
	}
	panic("aft: unknown distribution")
}

// law is the law of W in log T = η + σW.
type law interface {
	// density is log f(z) with its first two derivatives in z.
	density(z float64) (value, first, second float64)
	// survival is log S(z) with its first two derivatives in z.
	survival(z float64) (value, first, second float64)
	// curve is S(z); z may be infinite.
	curve(z float64) float64
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

func (extremeValue) curve(z float64) float64 { return math.Exp(-math.Exp(z)) }
func (extremeValue) center() float64         { return -0.57721566490153286061 } // −Euler's constant
func (extremeValue) spread() float64         { return math.Pi / math.Sqrt(6) }

// logistic is the logistic law, S(z) = 1/(1+e^z): T is log-logistic.
type logistic struct{}

func (logistic) density(z float64) (value, first, second float64) {
	p := distributed(z)
	return z - 2*softplus(z), 1 - 2*p, -2 * p * distributed(-z)
}

func (logistic) survival(z float64) (value, first, second float64) {
	p := distributed(z)
	return -softplus(z), -p, -p * distributed(-z)
}

func (logistic) curve(z float64) float64 { return distributed(-z) }
func (logistic) center() float64         { return 0 }
func (logistic) spread() float64         { return math.Pi / math.Sqrt(3) }

// distributed is the logistic distribution function 1/(1+e^{−z}).
func distributed(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// softplus is log(1+e^z), without overflow.
func softplus(z float64) float64 {
	return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
}

// normal is the standard normal law: T is log-normal.
type normal struct{}

// logRoot2Pi is log √(2π).
const logRoot2Pi = 0.91893853320467274178

func (normal) density(z float64) (value, first, second float64) {
	return float64(-z*z/2) - logRoot2Pi, -z, -1
}

func (normal) survival(z float64) (value, first, second float64) {
	if z < tail {
		s := math.Erfc(z/math.Sqrt2) / 2
		ratio := math.Exp(float64(-z*z/2)-logRoot2Pi) / s
		return math.Log(s), -ratio, -ratio * (ratio - z)
	}
	excess := millsExcess(z)
	ratio := z + excess
	return float64(-z*z/2) - logRoot2Pi - math.Log(ratio), -ratio, -ratio * excess
}

// tail is from where on f/S − z loses digits by subtraction.
const tail = 5

// millsExcess is f(z)/S(z) − z for z ≥ tail, by Laplace's continued fraction
// 1/(z + 2/(z + 3/(z + …))); 32 terms are exact to rounding.
func millsExcess(z float64) float64 {
	t := z
	for k := 32.0; k >= 2; k-- {
		t = z + k/t
	}
	return 1 / t
}

func (normal) curve(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
func (normal) center() float64         { return 0 }
func (normal) spread() float64         { return 1 }
