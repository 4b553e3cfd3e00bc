package metric

import "everfold/survival"

// Brier is the censoring-weighted Brier score at every grid time, fed row by row:
//
//	B(t) = Σ_i w_i [ S(t|i)²·1(T_i ≤ t, δ_i = 1)/Ĝ(T_i) + (1 − S(t|i))²·1(T_i > t)/Ĝ(t) ] / Σ_i w_i
//
// with Ĝ(T_i) read as the convention says. It holds O(n_times) numbers, whatever the
// number of rows. Under Mlr3proba rows with T_i > t leave sum and count where Ĝ(t) = 0.
type Brier struct{ weightedLoss }

// NewBrier prepares the score of the test rows on the grid. It panics where times are
// empty or do not ascend, and gives *Undefined with left truncation in either outcome.
func NewBrier(train, test survival.Outcome, times []float64, c Convention) (*Brier, error) {
	mustAscend(times)
	g, err := newWeighing(train, test, c)
	if err != nil {
		return nil, err
	}
	return newBrier(g, test, times), nil
}

func newBrier(g weighing, test survival.Outcome, times []float64) *Brier {
	return &Brier{newWeightedLoss(g, test, times)}
}

// Add enters the curve of one test row, each row once; s[j] = S(times[j]|row). A value
// outside [0,1] is an error. It panics where s and the grid differ in length.
func (b *Brier) Add(row int, s []float64) error {
	if err := b.check(row, s); err != nil {
		return err
	}
	b.add(row, b.reached(row), s)
	return nil
}

func (b *Brier) add(row, reached int, s []float64) {
	for j, v := range s[:b.counted(row, reached)] {
		if j < reached {
			v = 1 - v
		}
		b.loss[j] = v * v
	}
	b.enter(row, reached, b.loss, b.loss)
}

// Curve is B at every grid time for the rows added so far. *Undefined: a needed Ĝ is 0,
// or (Mlr3proba) no row is left at a grid time.
func (b *Brier) Curve() ([]float64, error) { return b.curve() }

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
