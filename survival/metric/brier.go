package metric

import (
	"fmt"
	"sort"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// Brier is the censoring-weighted Brier score at every grid time, fed row by row:
//
//	B(t) = Σ_i w_i [ S(t|i)²·1(T_i ≤ t, δ_i = 1)/Ĝ(T_i) + (1 − S(t|i))²·1(T_i > t)/Ĝ(t) ] / Σ_i w_i
//
// with Ĝ(T_i) read as the convention says. It holds O(n_times) numbers, whatever the
// number of rows. Under Mlr3proba rows with T_i > t leave sum and count where Ĝ(t) = 0.
type Brier struct {
	test  survival.Outcome
	times []float64
	g     censoring

	alive, aliveWeight []float64 // Σ w(1−S)² and Σ w over rows with T > t
	dead               []float64 // Σ w·S²/Ĝ(T) over events with T ≤ t
	total              float64   // Σ w
	zeroFrom           int       // from this grid time on a needed Ĝ(T) is 0
}

// NewBrier prepares the score of the test rows on the grid. It panics where times are
// empty or do not ascend, and gives *Undefined with left truncation in either outcome.
func NewBrier(train, test survival.Outcome, times []float64, c Convention) (*Brier, error) {
	mustAscend(times)
	g, err := newCensoring(train, test, c)
	if err != nil {
		return nil, err
	}
	return newBrier(g, test, times), nil
}

func newBrier(g censoring, test survival.Outcome, times []float64) *Brier {
	m := len(times)
	return &Brier{
		test: test, times: times, g: g,
		alive: make([]float64, m), aliveWeight: make([]float64, m), dead: make([]float64, m), zeroFrom: m,
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

// Add enters the curve of one test row, each row once; s[j] = S(times[j]|row). A value
// outside [0,1] is an error. It panics where s and the grid differ in length.
func (b *Brier) Add(row int, s []float64) error {
	if len(s) != len(b.times) {
		panic("metric: curve and grid differ in length")
	}
	w, t := b.test.W(row), b.test.Time[row]
	b.total += w
	reached := sort.SearchFloat64s(b.times, t) // T > times[j] exactly for j < reached
	for j, v := range s[:reached] {
		if !(v >= 0 && v <= 1) {
			return curveError(row, j)
		}
		d := 1 - v
		b.alive[j] += float64(w * float64(d*d))
		b.aliveWeight[j] += w
	}
	g := b.g.ofEvent(t)
	counted := b.test.Event[row] && g > 0
	if b.test.Event[row] && g <= 0 {
		b.zeroFrom = min(b.zeroFrom, reached)
	}
	for j, v := range s[reached:] {
		if !(v >= 0 && v <= 1) {
			return curveError(row, reached+j)
		}
		if counted {
			b.dead[reached+j] += float64(w*float64(v*v)) / g
		}
	}
	return nil
}

func curveError(row, j int) error {
	return fmt.Errorf("test row %d: survival at grid time %d is outside [0, 1]", row, j)
}

// Curve is B at every grid time for the rows added so far. *Undefined: a needed Ĝ is 0,
// or (Mlr3proba) no row is left at a grid time.
func (b *Brier) Curve() ([]float64, error) {
	if b.zeroFrom < len(b.times) {
		return nil, &Undefined{ReasonZeroWeight}
	}
	out := make([]float64, len(b.times))
	for j, t := range b.times {
		sum, count := b.dead[j], b.total
		g := b.g.AtSurvivor(t)
		switch {
		case g > 0:
			sum += b.alive[j] / g
		case b.g.Convention == nonparam.Mlr3proba:
			count -= b.aliveWeight[j]
		case b.aliveWeight[j] > 0:
			return nil, &Undefined{ReasonZeroWeight}
		}
		if count <= 0 {
			return nil, &Undefined{ReasonZeroWeight}
		}
		out[j] = sum / count
	}
	return out, nil
}

// Integrate is the IBS of a Brier curve: the trapezoid rule over the grid divided by
// (t_max − t_min); of a single time it is the score there. It panics as NewBrier does.
func Integrate(times, curve []float64) float64 {
	mustAscend(times)
	if len(curve) != len(times) {
		panic("metric: curve and grid differ in length")
	}
	last := len(times) - 1
	if last == 0 {
		return curve[0]
	}
	sum := 0.0
	for j := range last {
		sum += float64((times[j+1] - times[j]) * (curve[j] + curve[j+1]))
	}
	return sum / (2 * (times[last] - times[0]))
}

// IPA is the index of prediction accuracy 1 − score/null, where null is the score of the
// Kaplan–Meier curve of the training rows on the same grid and test rows. *Undefined
// where null is 0.
func IPA(score, null float64) (float64, error) {
	if null == 0 {
		return 0, &Undefined{ReasonZeroNull}
	}
	return 1 - score/null, nil
}
