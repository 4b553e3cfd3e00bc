package metric

import (
	"fmt"
	"sort"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// weightedLoss sums a loss of survival curves at every grid time, censored rows made up
// for by the rows like them:
//
//	Σ_i w_i [ loss of "dead"·1(T_i ≤ t, δ_i = 1)/Ĝ(T_i) + loss of "alive"·1(T_i > t)/Ĝ(t) ] / Σ_i w_i
type weightedLoss struct {
	test  survival.Outcome
	times []float64
	g     weighing

	alive, aliveWeight []float64 // Σ w·loss and Σ w over rows with T > t
	dead               []float64 // Σ w·loss/Ĝ(T) over events with T ≤ t
	total              float64   // Σ w
	zeroFrom           int       // from this grid time on a needed Ĝ(T) is 0
	loss               []float64 // of the row that is entered, by grid time
}

func newWeightedLoss(g weighing, test survival.Outcome, times []float64) weightedLoss {
	m := len(times)
	return weightedLoss{
		test: test, times: times, g: g,
		alive: make([]float64, m), aliveWeight: make([]float64, m), dead: make([]float64, m),
		zeroFrom: m, loss: make([]float64, m),
	}
}

func mustAscend(times []float64) {
	if len(times) == 0 {
		panic("metric: the grid is empty")
	}
	for j := 1; j < len(times); j++ {
		if !(times[j-1] < times[j]) {
			panic("metric: grid times do not ascend")
		}
	}
}

// check refuses values outside [0,1].
func (l *weightedLoss) check(row int, s []float64) error {
	if len(s) != len(l.times) {
		panic("metric: curve and grid differ in length")
	}
	for j, v := range s {
		if !(v >= 0 && v <= 1) {
			return curveError(row, j)
		}
	}
	return nil
}

// reached is how many grid times lie before the row's time: at those it is alive.
func (l *weightedLoss) reached(row int) int { return reachedBy(l.times, l.test.Time[row]) }

// reachedBy is how many grid times lie before t.
func reachedBy(times []float64, t float64) int { return sort.SearchFloat64s(times, t) }

func curveError(row, j int) error {
	return fmt.Errorf("test row %d: survival at grid time %d is outside [0, 1]", row, j)
}

// counted is how many leading grid times see a row: a censored one is gone after its time.
func (l *weightedLoss) counted(row, reached int) int {
	if l.test.Event[row] {
		return len(l.times)
	}
	return reached
}

// enter adds a row's losses, alive up to the grid time that it has reached and dead from then on.
func (l *weightedLoss) enter(row, reached int, alive, dead []float64) {
	w := l.test.W(row)
	l.total += w
	for j, v := range alive[:reached] {
		l.alive[j] += float64(w * v)
		l.aliveWeight[j] += w
	}
	if !l.test.Event[row] {
		return
	}
	g := l.g.event[row]
	if g <= 0 {
		l.zeroFrom = min(l.zeroFrom, reached)
		return
	}
	for j, v := range dead[reached:] {
		l.dead[reached+j] += float64(w*v) / g
	}
}

// curve is the mean loss at every grid time.
func (l *weightedLoss) curve() ([]float64, error) {
	if l.zeroFrom < len(l.times) {
		return nil, &Undefined{ReasonZeroWeight}
	}
	out := make([]float64, len(l.times))
	for j, t := range l.times {
		sum, count := l.dead[j], l.total
		g := l.g.AtSurvivor(t)
		switch {
		case g > 0:
			sum += l.alive[j] / g
		case l.g.Convention == nonparam.Mlr3proba:
			count -= l.aliveWeight[j]
		case l.aliveWeight[j] > 0:
			return nil, &Undefined{ReasonZeroWeight}
		}
		if count <= 0 {
			return nil, &Undefined{ReasonZeroWeight}
		}
		out[j] = sum / count
	}
	return out, nil
}
