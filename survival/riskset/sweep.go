package riskset

// Sweeper follows the risk set while [Order.Backward] moves from late times to early
// ones. Positions are sorted positions.
type Sweeper interface {
	// Clear says that the risk set is empty: sums restart at exactly zero.
	Clear()
	// Add says that the positions start ≤ p < end join.
	Add(start, end int)
	// Remove says that position p leaves: its entry time is not before the present time.
	Remove(p int)
	// At says that the risk set of Groups[group] is complete.
	At(group int)
}

// Backward is the sweep: for each stratum, from its last time to its first, it reports
// who joins and leaves the risk set and then the group. O(n) calls at most, O(groups)
// without entry times.
func (o *Order) Backward(s Sweeper) {
	for _, st := range o.Strata {
		s.Clear()
		q := st.End
		for k := st.Last - 1; k >= st.First; k-- {
			g := &o.Groups[k]
			if o.entered != nil {
				for q > st.Start && o.entry[q-1] >= g.Time {
					q--
					s.Remove(o.entered[q])
				}
				// End−g.End rows have joined and End−q have left: equal means nobody is
				// at risk, and rounding residues of the subtractions must not survive.
				if q == g.End {
					s.Clear()
				}
			}
			s.Add(g.Start, g.End)
			s.At(k)
		}
	}
}

// Sum is a compensated sum (Neumaier 1974, ZAMM 54:39), so that rows which leave a
// left-truncated risk set leave no residue behind. The zero value is an empty sum.
type Sum struct{ total, lost float64 }

// Add adds v.
func (s *Sum) Add(v float64) {
	t := s.total + v
	if abs(s.total) >= abs(v) {
		s.lost += (s.total - t) + v
	} else {
		s.lost += (v - t) + s.total
	}
	s.total = t
}

// Value is the sum so far.
func (s *Sum) Value() float64 { return s.total + s.lost }

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}

// AtRisk writes R_k = Σ v over the risk set of each group into dst. v is by position and
// nil means 1; dst is by group.
func (o *Order) AtRisk(dst, v []float64) {
	o.Backward(&totals{order: o, v: v, dst: dst})
}

type totals struct {
	order  *Order
	v, dst []float64
	sum    Sum
}

func (t *totals) Clear() { t.sum = Sum{} }
func (t *totals) Add(start, end int) {
	if t.v == nil {
		t.sum.Add(float64(end - start))
		return
	}
	for _, v := range t.v[start:end] {
		t.sum.Add(v)
	}
}
func (t *totals) Remove(p int) {
	if t.v == nil {
		t.sum.Add(-1)
		return
	}
	t.sum.Add(-t.v[p])
}
func (t *totals) At(k int) { t.dst[k] = t.sum.Value() }

// EventSums writes Σ v over the events of each group into dst; v as for AtRisk.
func (o *Order) EventSums(dst, v []float64) {
	for k, g := range o.Groups {
		dst[k] = span(v, g.Start, g.Start+g.Events)
	}
}

// CensoredSums writes Σ v over the censored rows of each group into dst; v as for AtRisk.
func (o *Order) CensoredSums(dst, v []float64) {
	for k, g := range o.Groups {
		dst[k] = span(v, g.Start+g.Events, g.End)
	}
}

func span(v []float64, start, end int) float64 {
	if v == nil {
		return float64(end - start)
	}
	var sum Sum
	for _, x := range v[start:end] {
		sum.Add(x)
	}
	return sum.Value()
}

// Exposure writes Λ_p = Σ_{k: L < t_k ≤ T} h_k for every position into dst. step is h by
// group; at an event's own time the step is tied instead (equal to step but under
// Efron's rule).
func (o *Order) Exposure(dst, step, tied []float64) {
	before := make([]float64, len(o.Groups)+1) // Λ just before each group, within its stratum
	for _, st := range o.Strata {
		total := 0.0
		for k := st.First; k < st.Last; k++ {
			g := &o.Groups[k]
			before[k] = total
			for p := g.Start; p < g.Start+g.Events; p++ {
				dst[p] = total + tied[k]
			}
			total += step[k]
			for p := g.Start + g.Events; p < g.End; p++ {
				dst[p] = total
			}
		}
	}
	for p, k := range o.first {
		dst[p] -= before[k] // the entry is before the time, so k is a group of the same stratum
	}
}
