package metric

import (
	"math"

	"everfold/survival"
)

// certain is the distance from 0 and 1 within which log losses take a probability for a
// wrong certainty: log 0 would let one row decide the score. It is pycox's bound.
const certain = 1e-7

// LogLoss is the censoring-weighted negative binomial log-likelihood at every grid time,
// fed row by row:
//
//	ℓ(t) = −Σ_i w_i [ log(1 − S(t|i))·1(T_i ≤ t, δ_i = 1)/Ĝ(T_i) + log S(t|i)·1(T_i > t)/Ĝ(t) ] / Σ_i w_i
//
// with Ĝ(T_i) read as the convention says and S(t|i) held within [10⁻⁷, 1 − 10⁻⁷], so that
// it is finite. [Integrate] of its curve is the integrated (negative) log-likelihood, also
// called integrated survival log loss; 0 is perfect, log 2 is S = ½ everywhere without
// censoring. Ĝ = 0 is treated as by [Brier].
//
// Graf et al. (1999), Stat Med 18:2529; Kvamme and Borgan (2023), Lifetime Data Anal 29:1.
type LogLoss struct{ weightedLoss }

// NewLogLoss prepares the score of the test rows on the grid. It panics where times are
// empty or do not ascend, and gives *Undefined with left truncation in either outcome.
func NewLogLoss(train, test survival.Outcome, times []float64, c Convention) (*LogLoss, error) {
	mustAscend(times)
	g, err := newWeighing(train, test, c)
	if err != nil {
		return nil, err
	}
	return &LogLoss{newWeightedLoss(g, test, times)}, nil
}

// Add enters the curve of one test row, each row once; s[j] = S(times[j]|row). A value
// outside [0,1] is an error. It panics where s and the grid differ in length.
func (l *LogLoss) Add(row int, s []float64) error {
	if err := l.check(row, s); err != nil {
		return err
	}
	l.add(row, l.reached(row), s)
	return nil
}

func (l *LogLoss) add(row, reached int, s []float64) {
	for j, v := range s[:l.counted(row, reached)] {
		v = bounded(v)
		if j < reached {
			l.loss[j] = -math.Log(v)
		} else {
			l.loss[j] = -math.Log1p(-v)
		}
	}
	l.enter(row, reached, l.loss, l.loss)
}

func bounded(p float64) float64 { return min(max(p, certain), 1-certain) }

// Curve is ℓ at every grid time for the rows added so far. *Undefined: a needed Ĝ is 0,
// or (Mlr3proba) no row is left at a grid time.
func (l *LogLoss) Curve() ([]float64, error) { return l.curve() }
