package stack

import (
	"sort"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// losses are the sums over out-of-fold rows i and grid times j of q_j·v_ij·r_b·r_c, with
// r_b = 1(T_i > t_j) − S_b(t_j|x_i): the quadratic form whose value at weights w is the
// integrated Brier score of the weighted curve, times the sum of case weights.
type losses struct {
	y     survival.Outcome
	times []float64
	step  []float64 // q_j, summing to 1
	n     int       // bases
	cross []float64 // n×n; the lower triangle stays 0
	scale []float64 // q_j·v_ij of the row that is entered
}

func newLosses(y survival.Outcome, times []float64, bases int) *losses {
	return &losses{y: y, times: times, step: trapezoid(times), n: bases,
		cross: make([]float64, bases*bases), scale: make([]float64, len(times))}
}

// trapezoid are the weights of the trapezoid rule, as shares of the range; 1 for one time.
func trapezoid(times []float64) []float64 {
	last := len(times) - 1
	if last == 0 {
		return []float64{1}
	}
	step, length := make([]float64, len(times)), times[last]-times[0]
	for j := range last {
		half := (times[j+1] - times[j]) / (2 * length)
		step[j] += half
		step[j+1] += half
	}
	return step
}

// add enters a row, whose curves are number `at` of each base's; bases without curves are
// left out.
func (l *losses) add(row, at int, curves [][]float64, g nonparam.Censoring) {
	m, w := len(l.times), l.y.W(row)
	alive := sort.SearchFloat64s(l.times, l.y.Time[row])
	end := alive
	for j, t := range l.times[:alive] {
		l.scale[j] = float64(w*l.step[j]) / g.AtSurvivor(t)
	}
	if l.y.Event[row] {
		end = m
		failure := g.AtFailure(l.y.Time[row])
		for j := alive; j < m; j++ {
			l.scale[j] = float64(w*l.step[j]) / failure
		}
	}
	for b := range l.n {
		for c := b; c < l.n; c++ {
			if len(curves[b]) == 0 || len(curves[c]) == 0 {
				continue
			}
			l.cross[b*l.n+c] += product(l.scale[:end], curves[b][at*m:], curves[c][at*m:], alive)
		}
	}
}

// product is Σ_j scale_j·r_b·r_c. Both residuals are negative after the row's event, so
// that S itself serves there.
func product(scale, b, c []float64, alive int) float64 {
	sum := 0.0
	for j, v := range scale[:alive] {
		sum += float64(v * float64((1-b[j])*(1-c[j])))
	}
	for j := alive; j < len(scale); j++ {
		sum += float64(scale[j] * float64(b[j]*c[j]))
	}
	return sum
}

// weights are those of the given bases, with the given ridge, and equal where nothing was
// compared.
func (l *losses) weights(of []int, ridge float64) []float64 {
	n := len(of)
	form := make([]float64, n*n)
	for i, b := range of {
		for k, c := range of {
			if l != nil {
				form[i*n+k] = l.cross[min(b, c)*l.n+max(b, c)]
			}
		}
	}
	return simplex(form, n, ridge)
}
