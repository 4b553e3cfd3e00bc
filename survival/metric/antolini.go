package metric

import (
	"context"
	"sort"

	"everfold/survival"
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
// time. It panics where sizes differ or times do not ascend. O(k·n log n) with k the number
// of grid times that an event looks up.
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
	var all Pairs
	risk, chosen := make([]float64, n), make([]float64, n)
	for j, events := range eventsByGridTime(test, times) {
		if len(events) == 0 {
			continue
		}
		if err := survival.Check(ctx, float64(j), float64(m+1)); err != nil {
			return Pairs{}, err
		}
		for i := range risk {
			if j > 0 {
				risk[i] = -float64(surv[i*m+j-1])
			}
		}
		mark(chosen, events, 1)
		s := newPairSweep(test, risk, c, chosen)
		s.order.Backward(s)
		all.add(s.pairs)
		mark(chosen, events, 0)
	}
	return all, nil
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
