package metric

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"

	"everfold/survival"
)

// DCalibration is the result of [DCalibrate].
type DCalibration struct {
	// Counts is the case weight by bucket: number k holds the survival values in
	// [k/B, (k+1)/B), the last one 1 as well.
	Counts    []float64
	Statistic float64 // Pearson's χ² against equal counts
	P         float64 // its upper tail, B − 1 degrees of freedom
}

// DCalibrate tests distribution calibration: if curves are right, S(T_i|i) at the rows' own
// event times is uniform on [0,1]. s[i] is S(T_i|i), buckets is B ≥ 2 (the paper: 10).
//
// An event adds w_i to its bucket. A row censored at c = S(T_i|i) is spread over what its
// event may still reach, [0, c): its bucket [a, b) gets w_i·(c − a)/c and every lower one
// w_i·(1/B)/c; at c = 0 all goes to the lowest. So every row counts w_i in all, and χ² =
// Σ_k (N_k − n/B)²/(n/B) with n = Σw: weights are numbers of rows. Heavy censoring makes the
// counts even by construction and the test weak.
//
// A value outside [0,1] is an error, as is (*Undefined) left truncation or the lack of
// rows. It panics where s and the outcome differ in length or buckets < 2.
//
// Haider, Hoehn, Davis and Greiner (2020), JMLR 21(85):1, definition and appendix B.
func DCalibrate(test survival.Outcome, s []float64, buckets int) (DCalibration, error) {
	if len(s) != test.Len() {
		panic("metric: survival values and outcome differ in length")
	}
	if buckets < 2 {
		panic("metric: D-calibration needs at least 2 buckets")
	}
	if test.Entry != nil {
		return DCalibration{}, &Undefined{ReasonTruncated}
	}
	if len(s) == 0 {
		return DCalibration{}, &Undefined{ReasonNoRow}
	}
	out := DCalibration{Counts: make([]float64, buckets)}
	total := 0.0
	for i, v := range s {
		if !(v >= 0 && v <= 1) {
			return DCalibration{}, fmt.Errorf("test row %d: survival at its own time is outside [0, 1]", i)
		}
		w := test.W(i)
		total += w
		if test.Event[i] {
			out.Counts[bucketOf(v, buckets)] += w
		} else {
			spread(out.Counts, v, w)
		}
	}
	even := total / float64(buckets)
	for _, c := range out.Counts {
		d := c - even
		out.Statistic += float64(d*d) / even
	}
	out.P = distuv.ChiSquared{K: float64(buckets - 1)}.Survival(out.Statistic)
	return out, nil
}

func bucketOf(s float64, buckets int) int {
	return min(int(s*float64(buckets)), buckets-1)
}

// spread divides the weight of a row censored at survival c.
func spread(counts []float64, c, w float64) {
	if c == 0 {
		counts[0] += w
		return
	}
	width := 1 / float64(len(counts))
	k := bucketOf(c, len(counts))
	counts[k] += float64(w*(c-float64(float64(k)*width))) / c
	for lower := range k {
		counts[lower] += float64(w*width) / c
	}
}
