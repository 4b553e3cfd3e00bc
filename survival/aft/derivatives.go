package aft

import (
	"math"

	"everfold/survival/linear"
)

const (
	// taskRows is how many rows one goroutine takes at a time.
	taskRows = 1 << 13
	// strip is how many rows' laws are evaluated at once, in the stack's arrays.
	strip = 256
)

// scaleSums are the sums over rows that belong to log σ alone.
type scaleSums struct{ loglik, score, information float64 }

// derivatives fills score, cross and weight. With g(z) a row's log density or survival,
// s = log σ, ∂z/∂η = −1/σ and ∂z/∂s = −z:
//
//	∂ℓ/∂η = −g′/σ    ∂ℓ/∂s = −z g′ − δ    ∂²ℓ/∂η² = g″/σ²
//	∂²ℓ/∂η∂s = (g′ + z g″)/σ    ∂²ℓ/∂s² = z² g″ + z g′
func (l *Likelihood) derivatives(logSigma float64) scaleSums {
	n := len(l.eta)
	partial := make([]scaleSums, (n+taskRows-1)/taskRows)
	linear.Blocks(n, taskRows, l.Threads, func(b, start, end int) {
		for ; start < end; start += strip {
			l.strip(&partial[b], logSigma, start, min(start+strip, end))
		}
	})
	var sum scaleSums
	for _, s := range partial {
		sum.loglik += s.loglik
		sum.score += s.score
		sum.information += s.information
	}
	return sum
}

// laws are g and its first two derivatives of a strip of rows.
type laws struct{ z, value, first, second [strip]float64 }

// strip is derivatives for the rows start ≤ i < end.
func (l *Likelihood) strip(sum *scaleSums, logSigma float64, start, end int) {
	var g laws
	inverse := math.Exp(-logSigma)
	for i, y := range l.logTime[start:end] {
		g.z[i] = (y - l.eta[start+i]) * inverse
	}
	event := l.y.Event[start:end]
	if w, ok := l.law.(extremeValue); !ok || !w.rows(l.exp, &g, event) {
		rows(l.law, &g, event)
	}
	for k := range end - start {
		i, z, w := start+k, g.z[k], l.y.W(start+k)
		value, first, second := g.value[k], g.first[k], g.second[k]
		zFirst, zSecond, zzSecond, deaths := float64(z*first), float64(z*second), float64(z*z*second), 0.0
		if event[k] {
			value -= logSigma + l.logTime[i]
			deaths = 1
		}
		if l.logEntry != nil && !math.IsInf(l.logEntry[i], -1) {
			// Survival is conditional on having entered.
			u := (l.logEntry[i] - l.eta[i]) * inverse
			v, d1, d2 := l.law.survival(u)
			value -= v
			first -= d1
			second -= d2
			zFirst -= float64(u * d1)
			zSecond -= float64(u * d2)
			zzSecond -= float64(u * u * d2)
		}
		sum.loglik += float64(w * value)
		sum.score -= float64(w * (zFirst + deaths))
		sum.information -= float64(w * (zzSecond + zFirst))
		l.score[i] = -w * first * inverse
		l.weight[i] = -w * second * inverse * inverse
		l.cross[i] = -w * (first + zSecond) * inverse
	}
}

// rows evaluates a law for a strip of rows: the log density of events, else log S.
func rows(w law, g *laws, event []bool) {
	for i, e := range event {
		if e {
			g.value[i], g.first[i], g.second[i] = w.density(g.z[i])
		} else {
			g.value[i], g.first[i], g.second[i] = w.survival(g.z[i])
		}
	}
}

// largestZ is where linear.Exponential still computes e^{±z}.
const largestZ = 700

// rows is the function of that name in bulk, log f(z) = z − e^z and log S(z) = −e^z having
// one exponential between them; false where a z is beyond it.
func (extremeValue) rows(exp *linear.Exponential, g *laws, event []bool) bool {
	n := len(event)
	for _, z := range g.z[:n] {
		if !(math.Abs(z) < largestZ) {
			return false
		}
	}
	exp.Of(g.value[:n], g.z[:n], 0)
	for i, e := range event {
		r, d := g.value[i], 0.0
		if e {
			d = 1
		}
		g.value[i] = float64(d*g.z[i]) - r
		g.first[i], g.second[i] = d-r, -r
	}
	return true
}
