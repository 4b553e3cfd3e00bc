package synthetic

import "math"

// The functions of this file give the same bits on every machine. Those of package math do
// not: exp uses fused multiply-add where the processor has it. Here every product is rounded
// by an explicit conversion before it is added, which forbids fusing, and the rest (division,
// square root, rounding, exponents) is exact or correctly rounded by IEEE 754.
// Relative errors are below 1e-14, far below the digits that the table keeps.

// exp is eˣ for |x| < 700: x = k·ln 2 + r with |r| ≤ ½ ln 2, and the Taylor series of eʳ.
func exp(x float64) float64 {
	const ln2High, ln2Low = 6.93147180369123816490e-01, 1.90821492927058770002e-10 // their sum is ln 2
	k := math.Round(x / math.Ln2)
	r := x - float64(k*ln2High) - float64(k*ln2Low)
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(sum*r)/n
	}
	return math.Ldexp(sum, int(k))
}

// log is ln x for normal x > 0: x = m·2ᵏ with √½ ≤ m < √2, and ln m = 2 artanh((m−1)/(m+1)).
func log(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	s := (m - 1) / (m + 1)
	square, sum := float64(s*s), 0.0
	for n := 23.0; n >= 1; n -= 2 {
		sum = float64(sum*square) + 1/n
	}
	return float64(2*s*sum) + float64(float64(k)*math.Ln2)
}

// sin is the sine of |x| < 1000: x less the nearest multiple of π, and the Taylor series.
func sin(x float64) float64 {
	k := math.Round(x / math.Pi)
	r := x - float64(k*math.Pi)
	square, sum := float64(r*r), 1.0
	for n := 22.0; n >= 2; n -= 2 {
		sum = 1 - float64(float64(sum*square)/(n*(n+1)))
	}
	if int(k)%2 != 0 {
		return -float64(r * sum)
	}
	return float64(r * sum)
}

// normalQuantile is Φ⁻¹(p) for 0 < p < 1: Wichura's rational approximations (1988, algorithm
// AS 241, PPND16), one for the middle and two for the tails.
func normalQuantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		return float64(q * ratio(0.180625-float64(q*q), &middle))
	}
	r := math.Sqrt(-log(min(p, 1-p)))
	v := 0.0
	if r <= 5 {
		v = ratio(r-1.6, &tail)
	} else {
		v = ratio(r-5, &farTail)
	}
	return math.Copysign(v, q)
}

// ratio is numerator(x) / denominator(x), lowest degree first.
func ratio(x float64, c *[2][8]float64) float64 {
	return polynomial(x, &c[0]) / polynomial(x, &c[1])
}

func polynomial(x float64, c *[8]float64) float64 {
	sum := 0.0
	for n := len(c) - 1; n >= 0; n-- {
		sum = float64(sum*x) + c[n]
	}
	return sum
}

// The coefficients of AS 241.
var (
	middle = [2][8]float64{
		{3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
			4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
		{1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
			2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}}
	tail = [2][8]float64{
		{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
			1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
		{1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
			1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}}
	farTail = [2][8]float64{
		{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
			2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
		{1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
			7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}}
)
