package metric

import (
	"context"
	"math"
	"sort"

	"everfold/survival"
	"everfold/survival/riskset"
)

// Antolini sums the comparable pairs of Antolini's time-dependent concordance
//
//	C_td = P( S(T_i|i) < S(T_i|j) : i is an event and j is still under observation at T_i ),
//
// which judges whole curves, also where they cross; under proportional hazards it is
// Harrell's C. surv is row-major n_test × n_times with surv[i·n_times+j] = S(times[j]|i).
//
// S(T_i|·) is the value at the last grid time ≤ T_i, and 1 before the first one, where all
// rows tie: a grid that lacks event times makes C_td coarse. Pairs, their weights, equal
// times and left truncation are those of [Harrell]; equal S count one half (the paper
// counts them 0), with the tolerance of the convention.
//
// A survival value outside [0,1] is an error, as is cancellation, looked for at every grid
// time. It panics where sizes differ or times do not ascend. With k the number of grid times
// that an event looks up: O(k·n + n log n); with left truncation O(k·n log n).
//
// Antolini, Boracchi and Biganzoli (2005), Stat Med 24:3927.
func Antolini(ctx context.Context, test survival.Outcome, times []float64, surv []float32, c Convention) (Pairs, error) {
	c.known()
	mustAscend(times)
	n, m := test.Len(), len(times)
	if len(surv) != n*m {
		panic("metric: curves, outcome and grid differ in size")
	}
	if err := checkPredictions(nil, surv, m); err != nil {
		return Pairs{}, err
	}
	return antoliniPairs(ctx, test, times, byTime(surv, m), c)
}

// antoliniPairs are those of Antolini of curves by grid time.
func antoliniPairs(ctx context.Context, test survival.Outcome, times []float64, surv [][]float32, c Convention) (Pairs, error) {
	n := test.Len()
	a := &antolini{test: test, c: c, risk: make([]float64, n), chosen: make([]float64, n), byTime: riskset.Ascending(test.Time), ranking: newRanking(n)}
	for j, events := range eventsByGridTime(test, times) {
		if len(events) == 0 {
			continue
		}
		if err := survival.Check(ctx, float64(j), float64(len(times)+1)); err != nil {
			return Pairs{}, err
		}
		now := surv[max(0, j-1)]
		if j == 0 {
			now = make([]float32, n) // all tie
		}
		for i, s := range now {
			a.risk[i] = -float64(s)
		}
		if test.Entry == nil {
			a.compare(events, now)
		} else {
			a.sweep(events)
		}
	}
	return a.pairs, nil
}

// antolini sums pairs over the grid times.
type antolini struct {
	test   survival.Outcome
	c      Convention
	risk   []float64 // −S at the present grid time
	chosen []float64 // by row: 1 for the events of the present grid time; 0 between calls
	byTime []int
	pairs  Pairs

	ranking                  // the rows that outlive the events
	values, weight []float64 // their risks, and their weights cumulated
}

// sweep compares the events with every row at risk at their times.
func (a *antolini) sweep(events []int) {
	mark(a.chosen, events, 1)
	s := newPairSweep(a.test, a.risk, a.c, a.chosen)
	s.order.Backward(s)
	a.pairs.add(s.pairs)
	mark(a.chosen, events, 0)
}

// compare does the same without entry times. Rows that outlive all of the events are
// comparable with each of them: their sorted risks are searched. The others, few where the
// grid is fine, are swept.
func (a *antolini) compare(events []int, surv []float32) {
	first, last := math.Inf(1), 0.0
	for _, i := range events {
		first, last = min(first, a.test.Time[i]), max(last, a.test.Time[i])
	}
	near := a.byTime[a.until(first, false):a.until(last, true)]
	risk := make([]float64, len(near))
	for q, i := range near {
		risk[q] = a.risk[i]
	}
	s := newPairSweep(a.test.Take(near), risk, a.c, nil) // its events are these events
	s.order.Backward(s)
	a.pairs.add(s.pairs)
	a.outlive(last, surv)
	for _, i := range events {
		a.meet(i)
	}
}

// until counts the rows with T < t, or T ≤ t.
func (a *antolini) until(t float64, including bool) int {
	return sort.Search(len(a.byTime), func(q int) bool {
		at := a.test.Time[a.byTime[q]]
		return at > t || at == t && !including
	})
}

// outlive lists the risks, which are −S of a float32, of the rows with T > last. A later grid time
// has no others.
func (a *antolini) outlive(last float64, surv []float32) {
	a.rank(surv, func(i uint32) bool { return a.test.Time[i] > last })
	a.values, a.weight = a.values[:0], append(a.weight[:0], 0)
	total := 0.0
	for _, ranked := range a.ranked {
		i := int(uint32(ranked))
		total += a.test.W(i)
		a.values, a.weight = append(a.values, a.risk[i]), append(a.weight, total)
	}
}

// meet adds the pairs of an event with the rows that outlive it.
func (a *antolini) meet(event int) {
	r, w, tolerance := a.risk[event], a.test.W(event), a.c.tolerance()
	n := len(a.values)
	below := a.weight[sort.Search(n, func(q int) bool { return r-a.values[q] <= tolerance })]
	within := a.weight[sort.Search(n, func(q int) bool { return a.values[q]-r > tolerance })]
	a.pairs.Concordant += float64(w * below)
	a.pairs.TiedRisk += float64(w * (within - below))
	a.pairs.Discordant += float64(w * (a.weight[n] - within))
}

// eventsByGridTime lists the events that look up each grid time: number j+1 is times[j],
// 0 the time before the first.
func eventsByGridTime(y survival.Outcome, times []float64) [][]int {
	rows := make([][]int, len(times)+1)
	for i, t := range y.Time {
		if y.Event[i] {
			j := sort.Search(len(times), func(j int) bool { return times[j] > t })
			rows[j] = append(rows[j], i)
		}
	}
	return rows
}

func mark(dst []float64, rows []int, v float64) {
	for _, i := range rows {
		dst[i] = v
	}
}

func (p *Pairs) add(q Pairs) {
	p.Concordant += q.Concordant
	p.Discordant += q.Discordant
	p.TiedRisk += q.TiedRisk
	p.TiedTime += q.TiedTime
}
