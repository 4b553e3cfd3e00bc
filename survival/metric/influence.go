package metric

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
)

// Estimate is a concordance with its standard error.
type Estimate struct{ Index, SE float64 }

// HarrellEstimate is Harrell's C with the infinitesimal-jackknife standard error, as R's
// concordance(): SE² = Σ_i (w_i·∂C/∂w_i)². *Undefined where no pair is comparable.
// O(n log n).
func HarrellEstimate(y survival.Outcome, risk []float64, c Convention) (Estimate, error) {
	c.known()
	return estimate(y, newPairSweep(y, risk, c, nil))
}

// UnoEstimate is Uno's C(τ) with its standard error given the censoring weights: like R, it
// leaves out that Ĝ is estimated. Errors are those of Uno.
func UnoEstimate(train, test survival.Outcome, risk []float64, tau float64, c Convention) (Estimate, error) {
	g, err := newWeighing(train, test, c)
	if err != nil {
		return Estimate{}, err
	}
	return estimate(test, newPairSweep(test, risk, c, g.pairWeights(test, tau)))
}

// shares holds each row's part of the pair sums: the weight of the pairs it is in, and of
// those that are concordant, ties counting one half. A pair is in the share of both rows.
type shares struct{ concordant, comparable []float64 }

func (s *shares) add(row int, w, concordant, comparable float64) {
	s.concordant[row] += float64(w * concordant)
	s.comparable[row] += float64(w * comparable)
}

func estimate(y survival.Outcome, s *pairSweep) (Estimate, error) {
	n := y.Len()
	s.share = &shares{concordant: make([]float64, n), comparable: make([]float64, n)}
	s.order.Backward(s)
	if s.zero {
		return Estimate{}, &Undefined{ReasonZeroWeight}
	}
	index, err := s.pairs.Index()
	if err != nil {
		return Estimate{}, err
	}
	s.forward(y)
	variance, total := 0.0, s.pairs.Comparable()
	for i, concordant := range s.share.concordant {
		d := (concordant - float64(index*s.share.comparable[i])) / total
		variance += float64(d * d)
	}
	return Estimate{Index: index, SE: math.Sqrt(variance)}, nil
}

// forward adds to each row's share the pairs in which it is the later one. It meets the
// events in ascending time; what a row has met before its entry is taken back.
func (s *pairSweep) forward(y survival.Outcome) {
	met := &metEvents{sums: make(fenwick, len(s.inside)), sweep: s}
	var entered []int
	if y.Entry != nil {
		entered = riskset.Ascending(y.Entry)
	}
	for _, g := range s.order.Groups {
		for len(entered) > 0 && y.Entry[entered[0]] < g.Time {
			met.share(entered[0], -1)
			entered = entered[1:]
		}
		rows := s.order.Rows[g.Start:g.End]
		events, censored := rows[:g.Events], rows[g.Events:]
		for _, row := range events {
			met.share(row, 1)
		}
		if s.strict {
			met.shareAll(censored)
		}
		for _, row := range events {
			met.join(row)
		}
		if !s.strict {
			met.shareAll(censored)
		}
	}
}

// metEvents holds the weights of the events so far by rank.
type metEvents struct {
	sums  fenwick
	total float64
	sweep *pairSweep
}

// join adds an event. One whose weight is undefined has no later row and is left out.
func (m *metEvents) join(row int) {
	v := m.sweep.w(row)
	if omega := m.sweep.omega; omega != nil {
		if math.IsInf(omega[row], 1) {
			return
		}
		v *= omega[row]
	}
	m.sums.add(m.sweep.ranks.of[row], v)
	m.total += v
}

func (m *metEvents) shareAll(rows []int) {
	for _, row := range rows {
		m.share(row, 1)
	}
}

// share adds (sign 1) or takes back (−1) the pairs of a row with the events so far.
func (m *metEvents) share(row int, sign float64) {
	r := m.sweep.ranks
	low, high := m.sums.below(r.low[r.of[row]]), m.sums.below(r.high[r.of[row]])
	above := m.total - high
	m.sweep.share.add(row, sign*m.sweep.w(row), above+float64(0.5*(high-low)), m.total)
}
