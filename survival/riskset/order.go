package riskset

import "everfold/survival"

// Order is an outcome sorted by stratum, then time ascending, then events before
// censored rows, then row number. It is immutable and safe for concurrent use.
type Order struct {
	Rows   []int     // the data row at each sorted position
	Groups []Group   // the distinct times of each stratum, in sorted order
	Strata []Stratum // ascending in Number; exactly one where there are no strata

	entered []int     // positions by (stratum, entry); nil without entry times
	entry   []float64 // entry time of entered[q]
	first   []int     // by position: the first group after its entry; nil without entry times
}

// Group is one distinct time of one stratum. Its rows are the positions Start ≤ p < End;
// the first Events of them are observed events.
type Group struct {
	Time       float64
	Start, End int
	Events     int
}

// Stratum is a part of the rows with risk sets of its own: the positions
// Start ≤ p < End and the groups First ≤ k < Last.
type Stratum struct {
	Number      int // as in survival.Design.Strata; 0 where there are no strata
	Start, End  int
	First, Last int
}

// New sorts an outcome. strata is nil or holds one number ≥ 0 a row.
// It panics where lengths differ or a stratum number is negative.
func New(y survival.Outcome, strata []int) *Order {
	n := y.Len()
	if strata != nil && len(strata) != n {
		panic("riskset: strata and outcome differ in length")
	}
	o := &Order{Rows: make([]int, 0, n)}
	for _, event := range []bool{true, false} {
		for i, e := range y.Event {
			if e == event {
				o.Rows = append(o.Rows, i)
			}
		}
	}
	sortByValue(o.Rows, y.Time)
	if strata != nil {
		sortByKey(o.Rows, func(i int) uint64 { return stratumKey(strata[i]) })
	}
	o.group(y, strata)
	if y.Entry != nil {
		o.enter(y, strata)
	}
	return o
}

func stratumKey(s int) uint64 {
	if s < 0 {
		panic("riskset: negative stratum number")
	}
	return uint64(s)
}

// group finds the tie groups and strata of the sorted rows.
func (o *Order) group(y survival.Outcome, strata []int) {
	for p, i := range o.Rows {
		number := 0
		if strata != nil {
			number = strata[i]
		}
		last := len(o.Strata) - 1
		fresh := last < 0 || o.Strata[last].Number != number
		if fresh {
			o.Strata = append(o.Strata, Stratum{Number: number, Start: p, First: len(o.Groups)})
			last++
		}
		if g := len(o.Groups) - 1; fresh || o.Groups[g].Time != y.Time[i] {
			o.Groups = append(o.Groups, Group{Time: y.Time[i], Start: p})
		}
		g := &o.Groups[len(o.Groups)-1]
		g.End = p + 1
		if y.Event[i] {
			g.Events++
		}
		o.Strata[last].End, o.Strata[last].Last = p+1, len(o.Groups)
	}
}

// enter sorts the positions by entry time and finds each one's first group at risk.
func (o *Order) enter(y survival.Outcome, strata []int) {
	n := len(o.Rows)
	o.entered, o.entry, o.first = make([]int, n), make([]float64, n), make([]int, n)
	for p := range o.entered {
		o.entered[p] = p
	}
	sortByKey(o.entered, func(p int) uint64 { return sortKey(y.Entry[o.Rows[p]]) })
	if strata != nil {
		sortByKey(o.entered, func(p int) uint64 { return stratumKey(strata[o.Rows[p]]) })
	}
	for _, s := range o.Strata {
		k := s.First
		for q := s.Start; q < s.End; q++ {
			p := o.entered[q]
			o.entry[q] = y.Entry[o.Rows[p]]
			for k < s.Last && o.Groups[k].Time <= o.entry[q] {
				k++
			}
			o.first[p] = k
		}
	}
}

// Gather returns src (by data row) in sorted order; nil stays nil.
func (o *Order) Gather(src []float64) []float64 {
	if src == nil {
		return nil
	}
	if len(src) != len(o.Rows) {
		panic("riskset: vector and order differ in length")
	}
	dst := make([]float64, len(src))
	for p, i := range o.Rows {
		dst[p] = src[i]
	}
	return dst
}

// EventTimes lists the distinct times of stratum s that have an event, ascending.
func (o *Order) EventTimes(s Stratum) []float64 {
	var times []float64
	for _, g := range o.Groups[s.First:s.Last] {
		if g.Events > 0 {
			times = append(times, g.Time)
		}
	}
	return times
}
