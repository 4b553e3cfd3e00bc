package metric

import (
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/riskset"
)

// Prediction is what the AUC ranks rows by: Risk under ScikitSurvival, else 1 − S(t) from
// Surv, the row-major n_test × n_times survival values.
type Prediction struct {
	Risk []float64
	Surv []float32
}

// AUC is the cumulative/dynamic area under the ROC curve at every grid time: cases are
// events with T ≤ t, weighted w/Ĝ(T); controls are rows with T > t, weighted w; equal
// markers count one half. It is NaN at times without case or control.
//
// scikit-survival joins markers into one tie as long as neighbours in sorted order differ
// by at most 1e-8; so does this function under that convention.
//
// *Undefined: left truncation in either outcome, or Ĝ = 0 at a case. O(n·n_times).
func AUC(train, test survival.Outcome, times []float64, p Prediction, c Convention) ([]float64, error) {
	mustAscend(times)
	g, err := newCensoring(train, test, c)
	if err != nil {
		return nil, err
	}
	return g.auc(test, times, p, c)
}

func (g censoring) auc(test survival.Outcome, times []float64, p Prediction, c Convention) ([]float64, error) {
	n, m := test.Len(), len(times)
	byRisk := c == ScikitSurvival
	if byRisk && len(p.Risk) != n || !byRisk && len(p.Surv) != n*m {
		panic("metric: prediction, outcome and grid differ in size")
	}
	r := roc{test: test, tied: make([]bool, n)}
	if err := r.weigh(g, times[m-1]); err != nil {
		return nil, err
	}
	marker := slices.Clone(p.Risk)
	if byRisk {
		r.sort(marker, c.tolerance())
	} else {
		marker = make([]float64, n)
	}
	out := make([]float64, m)
	for j, t := range times {
		if !byRisk {
			for i := range marker {
				marker[i] = -float64(p.Surv[i*m+j])
			}
			r.sort(marker, c.tolerance())
		}
		out[j] = r.at(t)
	}
	return out, nil
}

// roc computes the AUC of one time after another.
type roc struct {
	test       survival.Outcome
	caseWeight []float64 // by row: w/Ĝ(T) of events, else 0
	order      []int     // rows in ascending order of the marker
	tied       []bool    // by position of order: ties with the position before
}

// weigh fills caseWeight for events up to the last grid time.
func (r *roc) weigh(g censoring, last float64) error {
	r.caseWeight = make([]float64, r.test.Len())
	for i, t := range r.test.Time {
		if !r.test.Event[i] || t > last {
			continue
		}
		gt := g.ofEvent(t)
		if gt <= 0 {
			return &Undefined{ReasonZeroWeight}
		}
		r.caseWeight[i] = r.test.W(i) / gt
	}
	return nil
}

// sort ranks the rows; neighbours that differ by at most tolerance tie.
func (r *roc) sort(marker []float64, tolerance float64) {
	r.order = ascending(r.order, marker)
	for q := 1; q < len(marker); q++ {
		r.tied[q] = marker[r.order[q]]-marker[r.order[q-1]] <= tolerance
	}
}

// ascending are the rows in ascending order of the marker. The order of another time often
// still holds (always, where hazards are proportional): then it is kept. nil: none is known.
func ascending(order []int, marker []float64) []int {
	if order == nil {
		return riskset.Ascending(marker)
	}
	for q := 1; q < len(marker); q++ {
		if marker[order[q]] < marker[order[q-1]] {
			return riskset.Ascending(marker)
		}
	}
	return order
}

// at is the AUC of time t: each case beats the controls below it and half of those it
// ties with.
func (r *roc) at(t float64) float64 {
	var wins, cases, controls float64 // of the rows below the present tie
	var tieCases, tieControls float64 // of the present tie
	closeTie := func() {
		wins += float64(tieCases * (controls + float64(0.5*tieControls)))
		cases += tieCases
		controls += tieControls
		tieCases, tieControls = 0, 0
	}
	for q, i := range r.order {
		if !r.tied[q] {
			closeTie()
		}
		if r.test.Time[i] > t {
			tieControls += r.test.W(i)
		} else {
			tieCases += r.caseWeight[i]
		}
	}
	closeTie()
	if cases == 0 || controls == 0 {
		return math.NaN()
	}
	return wins / float64(cases*controls)
}

// MeanAUC is Σ_j AUC_j·(S_{j−1} − S_j)/(1 − S_last), S_0 = 1, with S the Kaplan–Meier
// estimate of the test rows at the grid times. Times over which S does not fall have no
// weight. *Undefined: S is still 1 at the last time, or AUC_j is NaN where S falls.
func MeanAUC(test survival.Outcome, times, auc []float64) (float64, error) {
	mustAscend(times)
	if len(auc) != len(times) {
		panic("metric: AUC and grid differ in length")
	}
	s := nonparam.KaplanMeier(test)
	before, sum := 1.0, 0.0
	for j, t := range times {
		now := s.At(t)
		if step := before - now; step > 0 {
			if math.IsNaN(auc[j]) {
				return 0, &Undefined{ReasonNoControl}
			}
			sum += float64(auc[j] * step)
		}
		before = now
	}
	if before >= 1 {
		return 0, &Undefined{ReasonNoEvent}
	}
	return sum / (1 - before), nil
}
