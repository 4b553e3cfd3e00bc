package metric

import (
	"math"
	"sort"

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
	g, err := newWeighing(train, test, c)
	if err != nil {
		return nil, err
	}
	byRisk := c == ScikitSurvival
	if byRisk && len(p.Risk) != test.Len() || !byRisk && len(p.Surv) != test.Len()*len(times) {
		panic("metric: prediction, outcome and grid differ in size")
	}
	return g.auc(test, times, p.Risk, byTime(p.Surv, len(times)), c)
}

// auc is AUC of risks and curves by grid time, of which the convention chooses.
func (g weighing) auc(test survival.Outcome, times, risk []float64, surv [][]float32, c Convention) ([]float64, error) {
	r, err := newROC(g, test, times)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(times))
	if c == ScikitSurvival {
		r.rankRisks(risk, c.tolerance())
	}
	for j := range times {
		if c != ScikitSurvival {
			r.rankSurvival(surv[j], j)
		}
		out[j] = r.at(j)
	}
	return out, nil
}

// byTime turns curves, row after row, into the values of all rows, grid time after grid time.
func byTime(surv []float32, times int) [][]float32 {
	const block = 64 // rows whose curves stay in a core's first cache
	n := len(surv) / max(1, times)
	all, out := make([]float32, n*times), make([][]float32, times)
	for j := range out {
		out[j] = all[j*n : (j+1)*n : (j+1)*n]
	}
	for from := 0; from < n; from += block {
		rows := surv[from*times : min(from+block, n)*times]
		for j := range out {
			to := out[j][from:]
			for k, i := 0, j; i < len(rows); k, i = k+1, i+times {
				to[k] = rows[i]
			}
		}
	}
	return out
}

// roc computes the AUC of one time after another.
type roc struct {
	rows []rocRow
	ranking
}

// rocRow is a row's part: control before grid time number until, then case.
type rocRow struct {
	control, asCase float64 // w, and w/Ĝ(T) of an event, else 0
	until           int
}

func newROC(g weighing, test survival.Outcome, times []float64) (*roc, error) {
	n := test.Len()
	r := &roc{rows: make([]rocRow, n), ranking: newRanking(n)}
	for i, t := range test.Time {
		row := rocRow{control: test.W(i), until: sort.SearchFloat64s(times, t)}
		if test.Event[i] && row.until < len(times) {
			gt := g.event[i]
			if gt <= 0 {
				return nil, &Undefined{ReasonZeroWeight}
			}
			row.asCase = row.control / gt
		}
		r.rows[i] = row
	}
	return r, nil
}

// rankRisks ranks the rows by risk; neighbours that differ by at most tolerance tie.
func (r *roc) rankRisks(risk []float64, tolerance float64) {
	key, before := uint64(0), math.Inf(-1)
	for _, i := range riskset.Ascending(risk) {
		if risk[i]-before > tolerance {
			key++
		}
		before = risk[i]
		r.ranked = append(r.ranked, key<<32|uint64(i))
	}
}

// rankSurvival ranks the rows by 1 − S, where surv is S at grid time number j; those that are
// neither case nor control then are left out.
func (r *roc) rankSurvival(surv []float32, j int) {
	r.rank(surv, func(i uint32) bool {
		row := &r.rows[i]
		return j < row.until || row.asCase > 0
	})
}

// at is the AUC of grid time number j: each case beats the controls below it and half of
// those it ties with.
func (r *roc) at(j int) float64 {
	var wins, cases, controls float64 // of the rows below the present tie
	var tieCases, tieControls float64 // of the present tie
	key := uint64(0)
	for _, ranked := range r.ranked {
		if ranked>>32 != key {
			wins += float64(tieCases * (controls + float64(0.5*tieControls)))
			cases += tieCases
			controls += tieControls
			tieCases, tieControls = 0, 0
			key = ranked >> 32
		}
		if row := &r.rows[uint32(ranked)]; j < row.until {
			tieControls += row.control
		} else {
			tieCases += row.asCase
		}
	}
	wins += float64(tieCases * (controls + float64(0.5*tieControls)))
	cases += tieCases
	controls += tieControls
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
