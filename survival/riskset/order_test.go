package riskset

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"everfold/survival"

	"pgregory.net/rapid"
)

// Who is at risk at each time: events come before censored rows of the same time.
func ExampleOrder_AtRisk() {
	y := survival.Outcome{Time: []float64{3, 1, 2, 2}, Event: []bool{true, true, false, true}}
	o := New(y, nil)
	atRisk := make([]float64, len(o.Groups))
	o.AtRisk(atRisk, nil)
	fmt.Println(o.Rows, atRisk)
	// Output: [1 3 2 0] [4 3 1]
}

// Rows are sorted by stratum, time, events first, row; groups and strata partition them.
func TestOrder(t *testing.T) {
	y := survival.Outcome{
		Time:  []float64{2, 1, 2, 2, 1, 5},
		Event: []bool{false, true, true, true, false, true},
	}
	o := New(y, []int{4, 0, 4, 4, 0, 0})
	want := &Order{
		Rows: []int{1, 4, 5, 2, 3, 0},
		Groups: []Group{
			{Time: 1, Start: 0, End: 2, Events: 1}, {Time: 5, Start: 2, End: 3, Events: 1},
			{Time: 2, Start: 3, End: 6, Events: 2},
		},
		Strata: []Stratum{{Number: 0, Start: 0, End: 3, First: 0, Last: 2}, {Number: 4, Start: 3, End: 6, First: 2, Last: 3}},
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("order %+v\nwant  %+v", o, want)
	}
	if times := o.EventTimes(o.Strata[0]); !slices.Equal(times, []float64{1, 5}) {
		t.Errorf("event times %v", times)
	}
	if g := o.Gather([]float64{0, 1, 2, 3, 4, 5}); !slices.Equal(g, []float64{1, 4, 5, 2, 3, 0}) || o.Gather(nil) != nil {
		t.Errorf("gathered %v", g)
	}
}

// Rows counted by value are sorted as by the radix sort, up to the last number of values that
// is counted and beyond.
func TestSortByValue(t *testing.T) {
	for _, values := range []int{1, 7, fewValues, fewValues + 1} {
		v := make([]float64, 3*fewValues)
		for i := range v {
			v[i] = math.Sin(float64(i * 7919 % values))
		}
		got, want := make([]int, len(v)), make([]int, len(v))
		for i := range v {
			got[i], want[i] = len(v)-1-i, len(v)-1-i
		}
		sortByValue(got, v)
		sortByKey(want, func(i int) uint64 { return sortKey(v[i]) })
		if !slices.Equal(got, want) {
			t.Errorf("%d values: rows in another order", values)
		}
	}
}

// The radix sort orders any finite numbers as < does, stably; −0 equals 0.
func TestSortByKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1}))).Draw(t, "v")
		got, want := make([]int, len(v)), make([]int, len(v))
		for i := range v {
			got[i], want[i] = i, i
		}
		sortByKey(got, func(i int) uint64 { return sortKey(v[i]) })
		slices.SortStableFunc(want, func(a, b int) int {
			switch {
			case v[a] < v[b]:
				return -1
			case v[a] > v[b]:
				return 1
			}
			return 0
		})
		if !slices.Equal(got, want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	})
}

// Rows whose keys agree in the 32 leading bits of the range are in order as well: many that differ
// in their last bits beside one that is far away, and equal ones by index.
func TestSortByKeyFinishes(t *testing.T) {
	v := make([]float64, 3000)
	for i := range v {
		v[i] = 1 + float64(i*7919%1009)*0x1p-50
	}
	v[17] = -1e300
	got, want := Ascending(v), make([]int, len(v))
	for i := range want {
		want[i] = i
	}
	slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	if !slices.Equal(got, want) {
		t.Error("another order")
	}
}

// Words are sorted by their upper halves, equal ones staying in their order, and nothing but the
// order changes, whatever the range of the halves.
func TestSortWords(t *testing.T) {
	for _, n := range []int{0, 1, 2, 127, 128, 5000} {
		for _, width := range []int{0, 1, 11, 12, 23, 32} {
			words := make([]uint64, n)
			for i := range words {
				key := uint32(i*i*2654435761) >> max(0, 32-width)
				if width == 0 {
					key = 5
				}
				words[i] = uint64(key)<<32 | uint64(i)
			}
			want := slices.Clone(words)
			slices.Sort(want) // upper halves first, then rows: what a stable sort gives
			got, _ := SortWords(words, make([]uint64, n))
			if !slices.Equal(got, want) {
				t.Errorf("%d words, %d bits: another order", n, width)
			}
		}
	}
}

// draw makes a small outcome full of ties, with strata, entry times and weights or not.
func draw(t *rapid.T) (survival.Outcome, []int) {
	n := rapid.IntRange(0, 12).Draw(t, "n")
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	var strata []int
	if rapid.Bool().Draw(t, "entries") {
		y.Entry = make([]float64, n)
	}
	if rapid.Bool().Draw(t, "strata") {
		strata = make([]int, n)
	}
	for i := range n {
		y.Time[i] = float64(rapid.IntRange(1, 5).Draw(t, "time"))
		y.Event[i] = rapid.Bool().Draw(t, "event")
		if y.Entry != nil {
			y.Entry[i] = y.Time[i] - float64(rapid.IntRange(1, 6).Draw(t, "since"))
		}
		if strata != nil {
			strata[i] = rapid.IntRange(0, 2).Draw(t, "stratum")
		}
	}
	return y, strata
}

// Every sweep equals its definition, summed over all pairs of row and time.
func TestSweepsEqualDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y, strata := draw(t)
		o := New(y, strata)
		v := make([]float64, y.Len())
		for p := range v {
			v[p] = float64(1 + p*p) // exact in float64: sums are compared with ==
		}
		groups := len(o.Groups)
		atRisk, counts, events, censored := make([]float64, groups), make([]float64, groups), make([]float64, groups), make([]float64, groups)
		o.AtRisk(atRisk, v)
		o.AtRisk(counts, nil)
		o.EventSums(events, v)
		o.CensoredSums(censored, v)
		step, tied := make([]float64, groups), make([]float64, groups)
		for k := range step {
			step[k], tied[k] = float64(k+1), float64(k)/2
		}
		exposure, wantExposure := make([]float64, len(v)), make([]float64, len(v))
		o.Exposure(exposure, step, tied)
		for _, st := range o.Strata {
			for k := st.First; k < st.Last; k++ {
				g := o.Groups[k]
				var r, n, e, c float64
				for p := st.Start; p < st.End; p++ {
					i := o.Rows[p]
					if y.Time[i] < g.Time || (y.Entry != nil && y.Entry[i] >= g.Time) {
						continue
					}
					r, n = r+v[p], n+1
					switch {
					case y.Time[i] > g.Time:
						wantExposure[p] += step[k]
					case y.Event[i]:
						e, wantExposure[p] = e+v[p], wantExposure[p]+tied[k]
					default:
						c, wantExposure[p] = c+v[p], wantExposure[p]+step[k]
					}
				}
				if r != atRisk[k] || n != counts[k] || e != events[k] || c != censored[k] {
					t.Fatalf("group %d: at risk %g (%g rows), events %g, censored %g; want %g (%g), %g, %g",
						k, atRisk[k], counts[k], events[k], censored[k], r, n, e, c)
				}
			}
		}
		if !slices.Equal(exposure, wantExposure) {
			t.Fatalf("exposure %v, want %v", exposure, wantExposure)
		}
	})
}

// A row 1e20 times the others leaves no residue in the risk sets it is not in.
func TestNoResidueOfRowsThatLeft(t *testing.T) {
	y := survival.Outcome{
		Time:  []float64{1, 2, 9, 3},
		Event: []bool{true, true, true, true},
		Entry: []float64{0, 1, 5, 1.5},
	}
	o := New(y, nil)
	atRisk := make([]float64, 4)
	o.AtRisk(atRisk, []float64{1, 3, 5, 1e20}) // by position: the last is row 2
	if want := []float64{1, 8, 5, 1e20}; !slices.Equal(atRisk, want) {
		t.Errorf("at risk %v, want %v", atRisk, want)
	}
	var s Sum
	for _, v := range []float64{1, 1e100, 1, -1e100} {
		s.Add(v)
	}
	if s.Value() != 2 {
		t.Errorf("compensated sum %g, want 2", s.Value())
	}
}

// What a caller could have known panics.
func TestPanics(t *testing.T) {
	y := survival.Outcome{Time: []float64{1, 2}, Event: []bool{true, true}}
	for name, f := range map[string]func(){
		"lengths":  func() { New(y, []int{0}) },
		"negative": func() { New(y, []int{0, -1}) },
		"gather":   func() { New(y, nil).Gather([]float64{1}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
