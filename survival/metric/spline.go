package metric

import (
	"math"
	"slices"
	"sort"

	"everfold/survival"
	"everfold/survival/riskset"
)

// spline is the restricted cubic spline with three knots a < b < c in
// v = log(−log(1 − p)): the columns v and
//
//	[ (v−a)³₊ − (v−b)³₊·(c−a)/(c−b) + (v−c)³₊·(b−a)/(c−b) ] / (c−a)²,
//
// which is linear below a and above c. Without three distinct knots it is the column v.
//
// Harrell, Regression Modeling Strategies, 2nd ed. (2015), section 2.4.5.
type spline struct{ knots []float64 }

// newSpline puts the knots at the 10, 50 and 90 % quantiles, Harrell's choice for three.
func newSpline(v []float64, y survival.Outcome) spline {
	knots := quantiles(v, y, 0.1, 0.5, 0.9)
	if len(slices.Compact(slices.Clone(knots))) < len(knots) {
		return spline{}
	}
	return spline{knots}
}

// logLogRisk is log(−log(1 − p)) with p held within [10⁻⁷, 1 − 10⁻⁷].
func logLogRisk(predicted []float64) []float64 {
	out := make([]float64, len(predicted))
	for i, p := range predicted {
		out[i] = math.Log(-math.Log1p(-bounded(p)))
	}
	return out
}

func (s spline) design(v []float64) *survival.Design {
	x := &survival.Design{Rows: len(v), Columns: []survival.Column{{Name: "linear", Term: "predicted", Values: v}}}
	if s.knots == nil {
		return x
	}
	a, b, c := s.knots[0], s.knots[1], s.knots[2]
	bend := make([]float64, len(v))
	for i, at := range v {
		bend[i] = cubeAbove(at, a) - float64(cubeAbove(at, b)*((c-a)/(c-b))) + float64(cubeAbove(at, c)*((b-a)/(c-b)))
		bend[i] /= float64((c - a) * (c - a))
	}
	x.Columns = append(x.Columns, survival.Column{Name: "bend", Term: "predicted", Values: bend})
	return x
}

// cubeAbove is (v − knot)³₊.
func cubeAbove(v, knot float64) float64 {
	d := max(v-knot, 0)
	return float64(d*d) * d
}

// sameShare is the share of the total weight by which a cumulated weight may miss a
// quantile by rounding and still be on it.
const sameShare = 1e-12

// quantiles are those of the weighted distribution function: the smallest value whose
// cumulated weight exceeds the share, or the middle between it and the value before where
// that one reaches the share exactly (Hyndman and Fan 1996, type 2). A weight of 2 is the row
// twice. shares ascend.
func quantiles(values []float64, y survival.Outcome, shares ...float64) []float64 {
	if len(y.Weight) == 0 {
		return countedQuantiles(values, shares)
	}
	order := riskset.Ascending(values)
	cumulated := make([]float64, len(order))
	total := 0.0
	for q, i := range order {
		total += y.W(i)
		cumulated[q] = total
	}
	out := make([]float64, len(shares))
	for k, share := range shares {
		reach := func(target float64) float64 {
			q, _ := slices.BinarySearch(cumulated, target)
			return values[order[min(q, len(order)-1)]]
		}
		out[k] = (reach((share-sameShare)*total) + reach((share+sameShare)*total)) / 2
	}
	return out
}

// countedQuantiles are those of rows that weigh 1 each.
func countedQuantiles(values []float64, shares []float64) []float64 {
	n := float64(len(values))
	at := make([]int, 0, 2*len(shares))
	for _, share := range shares {
		for _, target := range []float64{(share - sameShare) * n, (share + sameShare) * n} {
			at = append(at, min(max(0, int(math.Ceil(target))-1), len(values)-1))
		}
	}
	sorted := slices.Clone(values)
	place(sorted, 0, at)
	out := make([]float64, len(shares))
	for k := range out {
		out[k] = (sorted[at[2*k]] + sorted[at[2*k+1]]) / 2
	}
	return out
}

// place puts the values into those places at, which ascend and are counted from first, where they
// would be if all were sorted (Hoare 1961, Commun. ACM 4:321).
func place(values []float64, first int, at []int) {
	for len(at) > 0 {
		if len(values) <= fewToPlace {
			slices.Sort(values)
			return
		}
		low, high := part(values)
		left := sort.Search(len(at), func(k int) bool { return at[k] >= first+low })
		place(values[:low], first, at[:left])
		at = at[left:]
		right := sort.Search(len(at), func(k int) bool { return at[k] >= first+high })
		values, first, at = values[high:], first+high, at[right:]
	}
}

// fewToPlace values are sorted.
const fewToPlace = 32

// part brings the values below a middle one to before low and those above it to after high − 1.
func part(values []float64) (low, high int) {
	n := len(values)
	pivot := middle(middle(values[0], values[n/8], values[n/4]), middle(values[3*n/8], values[n/2], values[5*n/8]),
		middle(values[3*n/4], values[7*n/8], values[n-1]))
	high = n
	for at := 0; at < high; {
		switch v := values[at]; {
		case v < pivot:
			values[low], values[at] = v, values[low]
			low, at = low+1, at+1
		case v > pivot:
			high--
			values[at], values[high] = values[high], v
		default:
			at++
		}
	}
	return low, high
}

func middle(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }
