package metric

import (
	"math"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// The functions of this file are the definitions, as plain loops over all pairs.

func naiveComparable(y survival.Outcome, i, j int, c Convention) bool {
	if !y.Event[i] || i == j || (y.Entry != nil && y.Entry[j] >= y.Time[i]) {
		return false
	}
	return y.Time[j] > y.Time[i] || (c != Mlr3proba && y.Time[j] == y.Time[i] && !y.Event[j])
}

func naivePairs(y survival.Outcome, risk []float64, c Convention, omega func(i int) float64) Pairs {
	var p Pairs
	for i := range risk {
		for j := range risk {
			if !naiveComparable(y, i, j, c) {
				continue
			}
			w := y.W(i) * y.W(j) * omega(i)
			switch d := risk[i] - risk[j]; {
			case math.Abs(d) <= c.tolerance():
				p.TiedRisk += w
			case d > 0:
				p.Concordant += w
			default:
				p.Discordant += w
			}
			if y.Time[i] == y.Time[j] {
				p.TiedTime += w
			}
		}
	}
	return p
}

// naiveG is Ĝ just before t (left) or at t, factor by factor.
func naiveG(y survival.Outcome, t float64, left bool, c Convention) float64 {
	g := 1.0
	seen := map[float64]bool{}
	for _, u := range y.Time {
		if seen[u] || u > t || (left && u == t) {
			continue
		}
		seen[u] = true
		atRisk, censored := 0.0, 0.0
		for i := range y.Time {
			if y.Time[i] > u || (y.Time[i] == u && (!y.Event[i] || c == Mlr3proba)) {
				atRisk += y.W(i)
			}
			if y.Time[i] == u && !y.Event[i] {
				censored += y.W(i)
			}
		}
		if censored > 0 {
			g *= 1 - censored/atRisk
		}
	}
	if g < 1e-12 {
		return 0
	}
	return g
}

func naiveEventG(y survival.Outcome, t float64, c Convention) float64 {
	g := naiveG(y, t, c == RiskRegression, c)
	if c == Mlr3proba && g == 0 {
		return 1e-3
	}
	return g
}

func naiveBrier(train, test survival.Outcome, t float64, s []float64, c Convention) float64 {
	sum, n := 0.0, 0.0
	for i := range s {
		switch {
		case test.Time[i] > t:
			sum += test.W(i) * (1 - s[i]) * (1 - s[i]) / naiveG(train, t, false, c)
		case test.Event[i]:
			sum += test.W(i) * s[i] * s[i] / naiveEventG(train, test.Time[i], c)
		}
		n += test.W(i)
	}
	return sum / n
}

func naiveAUC(train, test survival.Outcome, t float64, marker []float64, c Convention) float64 {
	num, den := 0.0, 0.0
	for i := range marker {
		if !test.Event[i] || test.Time[i] > t {
			continue
		}
		for j := range marker {
			if test.Time[j] <= t {
				continue
			}
			w := test.W(i) / naiveEventG(train, test.Time[i], c) * test.W(j)
			den += w
			switch {
			case marker[i] == marker[j]:
				num += w / 2
			case marker[i] > marker[j]:
				num += w
			}
		}
	}
	return num / den
}

func naiveMeanAUC(test survival.Outcome, times, auc []float64) float64 {
	km := nonparam.KaplanMeier(test)
	before, sum := 1.0, 0.0
	for j, t := range times {
		if now := km.At(t); now < before {
			sum += auc[j] * (before - now)
			before = now
		}
	}
	return sum / (1 - before)
}
