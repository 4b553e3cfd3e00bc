package recompute

import (
	"math"
	"slices"

	"everfold/survival"
)

// The names of the conventions.
const (
	riskRegression = "riskregression"
	scikitSurvival = "scikit-survival"
	mlr3proba      = "mlr3proba"
)

// curve is a product-limit estimate: values[k] from times[k] on, 1 before.
type curve struct{ times, values []float64 }

// productLimit multiplies 1 − d/n over the distinct times at which a row fails; first says
// which rows of that time are no longer at risk for it.
func productLimit(y survival.Outcome, fails, first func(i int) bool) curve {
	var c curve
	s := 1.0
	for _, t := range slices.Compact(slices.Sorted(slices.Values(y.Time))) {
		d, n := 0.0, 0.0
		for i, u := range y.Time {
			if u < t || (u == t && first(i)) {
				continue
			}
			n += y.W(i)
			if u == t && fails(i) {
				d += y.W(i)
			}
		}
		if d > 0 {
			if s *= 1 - d/n; s < 1e-12 {
				s = 0
			}
			c.times, c.values = append(c.times, t), append(c.values, s)
		}
	}
	return c
}

func (c curve) at(t float64, left bool) float64 {
	s := 1.0
	for k, u := range c.times {
		if u < t || (u == t && !left) {
			s = c.values[k]
		}
	}
	return s
}

func never(int) bool { return false }

func kaplanMeier(y survival.Outcome) curve {
	return productLimit(y, func(i int) bool { return y.Event[i] }, never)
}

// scorer scores test rows by the definitions, Ĝ from the training rows.
type scorer struct {
	convention string
	tau        float64
	test       survival.Outcome
	g, null    curve
	first      float64 // the first training time
}

func newScorer(train, test survival.Outcome, convention string, tau float64) scorer {
	return scorer{convention: convention, tau: tau, test: test, first: slices.Min(train.Time),
		g: censoring(train, convention), null: kaplanMeier(train)}
}

func censoring(y survival.Outcome, convention string) curve {
	first := func(i int) bool { return y.Event[i] }
	if convention == mlr3proba {
		first = never
	}
	return productLimit(y, func(i int) bool { return !y.Event[i] }, first)
}

func (s scorer) eventG(t float64) float64 {
	g := s.g.at(t, s.convention == riskRegression)
	if g == 0 && s.convention == mlr3proba {
		return 1e-3
	}
	return g
}

func (s scorer) comparable(i, j int) bool {
	y := s.test
	if y.Entry != nil && y.Entry[j] >= y.Time[i] {
		return false
	}
	return y.Time[j] > y.Time[i] || (s.convention != mlr3proba && y.Time[j] == y.Time[i] && !y.Event[j])
}

// concordance is Harrell's C, or with weight Uno's.
func (s scorer) concordance(risk []float64, weight func(t float64) float64) float64 {
	num, den, tie := 0.0, 0.0, 0.0
	if s.convention == scikitSurvival {
		tie = 1e-8
	}
	for i, t := range s.test.Time {
		if !s.test.Event[i] || (weight != nil && t >= s.tau) {
			continue
		}
		omega := s.test.W(i)
		if weight != nil {
			omega *= weight(t)
		}
		for j := range s.test.Time {
			if i != j && s.comparable(i, j) {
				den += omega * s.test.W(j)
				num += omega * s.test.W(j) * wins(risk[i], risk[j], tie)
			}
		}
	}
	return num / den
}

func wins(a, b, tie float64) float64 {
	switch {
	case math.Abs(a-b) <= tie:
		return 0.5
	case a > b:
		return 1
	}
	return 0
}

func (s scorer) unoWeight(t float64) float64 {
	if s.convention == mlr3proba && t < s.first {
		return -1
	}
	return math.Pow(s.eventG(t), -2)
}

// integrated is the IBS of curves: surv(i, j) is S of row i at times[j].
func (s scorer) integrated(times []float64, surv func(i, j int) float64) float64 {
	brier := make([]float64, len(times))
	for j, t := range times {
		num, den := 0.0, 0.0
		for i, u := range s.test.Time {
			w, v := s.test.W(i), surv(i, j)
			den += w
			if u > t {
				num += w * (1 - v) * (1 - v) / s.g.at(t, false)
			} else if s.test.Event[i] {
				num += w * v * v / s.eventG(u)
			}
		}
		brier[j] = num / den
	}
	area := 0.0
	for j := 1; j < len(times); j++ {
		area += (times[j] - times[j-1]) * (brier[j] + brier[j-1]) / 2
	}
	return area / (times[len(times)-1] - times[0])
}

// auc is the cumulative/dynamic AUC at t of markers, higher meaning an earlier event.
func (s scorer) auc(t float64, marker func(i int) float64) float64 {
	num, den, tie := 0.0, 0.0, 0.0
	if s.convention == scikitSurvival {
		tie = 1e-8
	}
	for i, u := range s.test.Time {
		if !s.test.Event[i] || u > t {
			continue
		}
		w := s.test.W(i) / s.eventG(u)
		for j, v := range s.test.Time {
			if v > t {
				den += w * s.test.W(j)
				num += w * s.test.W(j) * wins(marker(i), marker(j), tie)
			}
		}
	}
	return num / den
}

// meanAUC weights the AUC of each time by the step of the test rows' Kaplan–Meier curve; it
// is NaN where the curve falls and no row has T > t.
func (s scorer) meanAUC(times, risk []float64, surv func(i, j int) float64) float64 {
	km, sum, before := kaplanMeier(s.test), 0.0, 1.0
	for j, t := range times {
		now := km.at(t, false)
		if now == before {
			continue
		}
		sum += (before - now) * s.auc(t, func(i int) float64 {
			if s.convention == scikitSurvival {
				return risk[i]
			}
			return 1 - surv(i, j)
		})
		before = now
	}
	return sum / (1 - before)
}

// tau is the default end of the grid: the last time with Ĝ(t−) ≥ 0.1 and 20 rows left; with
// entry times the last event time with 20 rows at risk.
func tau(y survival.Outcome, convention string) float64 {
	g, last := censoring(y, convention), 0.0
	for i, t := range y.Time {
		left := 0
		for j, u := range y.Time {
			if u >= t && (y.Entry == nil || y.Entry[j] < t) {
				left++
			}
		}
		usable := y.Entry == nil && g.at(t, true) >= 0.1 || y.Entry != nil && y.Event[i]
		if left >= 20 && usable {
			last = max(last, t)
		}
	}
	return last
}

// equallySpaced is the default grid.
func equallySpaced(y survival.Outcome, count int, tau float64) []float64 {
	first := math.Inf(1)
	for i, t := range y.Time {
		if y.Event[i] {
			first = min(first, t)
		}
	}
	times := make([]float64, count)
	for j := range times {
		times[j] = first + (tau-first)*float64(j)/float64(count-1)
	}
	return times
}

// burk80 is the distinct test times up to the first with more than 80 % no longer at risk.
func burk80(test survival.Outcome) []float64 {
	var times []float64
	for _, t := range slices.Compact(slices.Sorted(slices.Values(test.Time))) {
		times = append(times, t)
		left := 0
		for _, u := range test.Time {
			if u >= t {
				left++
			}
		}
		if 1-float64(left)/float64(len(test.Time)) > 0.8 {
			break
		}
	}
	return times
}
