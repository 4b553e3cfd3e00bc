package metric

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
)

// Pairs is the weight of the comparable pairs (i, j), i an event that is seen before j's
// time: a pair weighs w_i·w_j, times Ĝ⁻² of i for Uno's C.
type Pairs struct {
	Concordant float64 // r_i > r_j
	Discordant float64 // r_i < r_j
	TiedRisk   float64 // equal risks; counts one half
	TiedTime   float64 // pairs with T_i = T_j, j censored; they are in the sums above too
}

// Comparable is the weight of all comparable pairs.
func (p Pairs) Comparable() float64 { return p.Concordant + p.Discordant + p.TiedRisk }

// Index is the concordance (Concordant + ½·TiedRisk)/Comparable, or *Undefined where no
// pair is comparable.
func (p Pairs) Index() (float64, error) {
	total := p.Comparable()
	if total == 0 {
		return 0, &Undefined{ReasonNoPair}
	}
	return (p.Concordant + float64(0.5*p.TiedRisk)) / total, nil
}

// Harrell sums the comparable pairs of Harrell's C: event i and row j with T_i < T_j, or
// with T_i = T_j and j censored (not under Mlr3proba). Two events at one time are never
// compared. With left truncation j must be at risk at T_i: L_j < T_i. O(n log n).
func Harrell(y survival.Outcome, risk []float64, c Convention) Pairs {
	c.known()
	s := newPairSweep(y, risk, c, nil)
	s.order.Backward(s)
	return s.pairs
}

// Uno sums the pairs of Uno's C(τ): those of Harrell with T_i < tau, weighted by Ĝ⁻² of
// the event, Ĝ from the training rows. tau = +Inf truncates nothing. *Undefined: left
// truncation in either outcome, or Ĝ = 0 at an event that has a comparable pair. O(n log n).
func Uno(train, test survival.Outcome, risk []float64, tau float64, c Convention) (Pairs, error) {
	g, err := newWeighing(train, test, c)
	if err != nil {
		return Pairs{}, err
	}
	return g.uno(test, risk, tau, c)
}

func (g weighing) uno(test survival.Outcome, risk []float64, tau float64, c Convention) (Pairs, error) {
	return newPairSweep(test, risk, c, g.pairWeights(test, tau)).sum()
}

// again is the same sweep with other weights of events, not yet begun.
func (s *pairSweep) again(omega []float64) *pairSweep {
	return &pairSweep{order: s.order, ranks: s.ranks, weight: s.weight, omega: omega, strict: s.strict,
		inside: make(fenwick, len(s.inside))}
}

// sum sweeps; *Undefined where an undefined weight is needed.
func (s *pairSweep) sum() (Pairs, error) {
	s.order.Backward(s)
	if s.zero {
		return Pairs{}, &Undefined{ReasonZeroWeight}
	}
	return s.pairs, nil
}

// pairWeights is Uno's extra weight by row: 0 of rows that are no event before tau, +Inf
// where it is undefined.
func (g weighing) pairWeights(test survival.Outcome, tau float64) []float64 {
	omega := make([]float64, test.Len())
	for i, t := range test.Time {
		if test.Event[i] && t < tau {
			var ok bool
			if omega[i], ok = g.pairWeight(i, t); !ok {
				omega[i] = math.Inf(1)
			}
		}
	}
	return omega
}

// pairSweep sums pairs while the risk set grows backwards in time.
type pairSweep struct {
	order   *riskset.Order
	ranks   ranks
	weight  []float64 // by row; nil: 1
	omega   []float64 // by row, the extra weight of an event; nil: 1. +Inf: undefined
	strict  bool      // equal times are never compared
	inside  fenwick   // weight of the risk set by rank
	total   float64
	removed bool // rounding residues may be left in inside
	pairs   Pairs
	zero    bool // an undefined weight was needed

	share *shares // nil: the share of each row is not wanted
}

func newPairSweep(y survival.Outcome, risk []float64, c Convention, omega []float64) *pairSweep {
	if len(risk) != y.Len() {
		panic("metric: risk and outcome differ in length")
	}
	s := &pairSweep{
		order: riskset.New(y, nil), ranks: newRanks(risk, c.tolerance()),
		weight: y.Weight, omega: omega, strict: c == Mlr3proba,
	}
	s.inside = make(fenwick, len(s.ranks.low)+1)
	return s
}

// Clear implements riskset.Sweeper.
func (s *pairSweep) Clear() {
	s.total = 0
	if s.removed {
		clear(s.inside)
		s.removed = false
	}
}

// Add implements riskset.Sweeper. Rows join in At, after the pairs of their own time.
func (s *pairSweep) Add(int, int) {}

// Remove implements riskset.Sweeper.
func (s *pairSweep) Remove(p int) {
	s.join(p, -1)
	s.removed = s.weight != nil
}

func (s *pairSweep) join(p int, sign float64) {
	row := s.order.Rows[p]
	v := sign * s.w(row)
	s.inside.add(s.ranks.of[row], v)
	s.total += v
}

func (s *pairSweep) w(row int) float64 {
	if s.weight == nil {
		return 1
	}
	return s.weight[row]
}

// At implements riskset.Sweeper: the events of the group meet all later rows, and the
// censored ones of their own time unless equal times are not compared.
func (s *pairSweep) At(group int) {
	g := s.order.Groups[group]
	later, censored := s.total, g.Start+g.Events
	if !s.strict {
		s.joinAll(censored, g.End)
	}
	for p := g.Start; p < censored; p++ {
		s.meet(s.order.Rows[p], s.total-later)
	}
	s.joinAll(g.Start, censored)
	if s.strict {
		s.joinAll(censored, g.End)
	}
}

func (s *pairSweep) joinAll(start, end int) {
	for p := start; p < end; p++ {
		s.join(p, 1)
	}
}

// meet adds the pairs of one event; sameTime is the weight of those at its own time.
func (s *pairSweep) meet(row int, sameTime float64) {
	w := s.w(row)
	if s.omega != nil {
		if s.omega[row] == 0 || s.total == 0 {
			return
		}
		if math.IsInf(s.omega[row], 1) {
			s.zero = true
			return
		}
		w *= s.omega[row]
	}
	m := s.ranks.of[row]
	low, high := s.inside.below(s.ranks.low[m]), s.inside.below(s.ranks.high[m])
	s.pairs.Concordant += float64(w * low)
	s.pairs.TiedRisk += float64(w * (high - low))
	s.pairs.Discordant += float64(w * (s.total - high))
	s.pairs.TiedTime += float64(w * sameTime)
	if s.share != nil {
		s.share.add(row, w, low+float64(0.5*(high-low)), s.total)
	}
}
