package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/survival/metric"
)

// ScoredRun is a run with the scores of its complete folds.
type ScoredRun struct {
	Run       *artifact.Run
	Standings []artifact.Standing
	folds     map[artifact.Task]*artifact.Manifest
}

// NewScoredRun reads a run's folder: run.json, and the manifests that verify against their own
// digests and are complete under it. Errors are the store's, or wrap artifact.ErrDamaged.
func NewScoredRun(ctx context.Context, s store.Store) (*ScoredRun, error) {
	run, _, err := artifact.ReadRun(ctx, s)
	if err != nil {
		return nil, err
	}
	manifests, err := artifact.CompleteFolds(ctx, s, run, nil)
	if err != nil {
		return nil, fmt.Errorf("read the folds: %w", err)
	}
	r := &ScoredRun{Run: run, folds: map[artifact.Task]*artifact.Manifest{}}
	var rows []artifact.MetricsRow
	for _, m := range manifests {
		r.folds[artifact.Task{Model: m.Model, Fold: m.Fold}] = m
		rows = append(rows, m.Row())
	}
	r.Standings, err = artifact.Standings(artifact.FormatMetrics(rows), run.SummaryPlan())
	return r, err
}

// Best is the model that final.select names the best; "" where no model has every planned fold.
func (r *ScoredRun) Best() string {
	for _, model := range r.models() {
		at := slices.IndexFunc(r.Standings, func(s artifact.Standing) bool { return s.Model == model })
		if at >= 0 && (r.Run.Spec.Final.Select == byIBS && r.Standings[at].RankIBS == 1 ||
			r.Run.Spec.Final.Select != byIBS && r.Standings[at].Rank == 1) {
			return model
		}
	}
	return ""
}

// models are those of the spec, without the baseline, which all runs on the same folds have
// in common.
func (r *ScoredRun) models() []string {
	var names []string
	for _, m := range r.Run.Spec.AllModels() {
		if m.Name != config.KM {
			names = append(names, m.Name)
		}
	}
	return names
}

// RunDifference sets a model of run A beside a model of run B, by one metric, on the folds
// that the runs share and both models have. The difference is the mean of B − A, with the
// corrected interval and test of metric.NadeauBengio; Reason says why they are missing.
type RunDifference struct {
	Metric     string   `json:"metric"`
	A          string   `json:"model_a"`
	B          string   `json:"model_b"`
	Best       bool     `json:"best,omitempty"` // the best model of each run
	Folds      int      `json:"n_folds"`        // with both scores
	MeanA      *float64 `json:"mean_a,omitempty"`
	MeanB      *float64 `json:"mean_b,omitempty"`
	Difference *float64 `json:"difference,omitempty"`
	SE         *float64 `json:"se,omitempty"`
	Low        *float64 `json:"lo,omitempty"`
	High       *float64 `json:"hi,omitempty"`
	T          *float64 `json:"t,omitempty"`
	DF         int      `json:"df,omitempty"`
	P          *float64 `json:"p,omitempty"`
	PHolm      *float64 `json:"p_holm,omitempty"` // adjusted for all comparisons by the metric
	Reason     string   `json:"reason,omitempty"`
}

// The reasons why two models of different runs have no test, beside those of survival/metric.
const (
	reasonSameFits = "the same fits"
	reasonNoFolds  = "no complete fold in common"
)

// CompareRuns compares every model that both runs have under one name, in the order of A, and
// the best of A with the best of B, by both metrics, on the shared folds. The errors are
// *artifact.NotComparableError.
func CompareRuns(a, b *ScoredRun) ([]artifact.FoldInfo, []RunDifference, error) {
	shared, err := artifact.SharedFolds(a.Run, b.Run)
	if err != nil {
		return nil, nil, err
	}
	var pairs [][2]string
	for _, model := range a.models() {
		if slices.Contains(b.models(), model) {
			pairs = append(pairs, [2]string{model, model})
		}
	}
	best := [2]string{a.Best(), b.Best()}
	known := best[0] != "" && best[1] != ""
	if known && !slices.Contains(pairs, best) {
		pairs = append(pairs, best)
	}
	var all []RunDifference
	for _, m := range []struct {
		name string
		of   func(artifact.Scores) *float64
	}{
		{byCIndex, func(s artifact.Scores) *float64 { return s.CIndex }},
		{byIBS, func(s artifact.Scores) *float64 { return s.IBS }},
	} {
		differences := make([]RunDifference, len(pairs))
		for i, pair := range pairs {
			differences[i] = runDifference(a, b, pair, shared, m.of)
			differences[i].Metric, differences[i].Best = m.name, known && pair == best
		}
		adjust(differences)
		all = append(all, differences...)
	}
	return shared, all, nil
}

// runDifference tests one pair of models on the shared folds that both have.
func runDifference(a, b *ScoredRun, pair [2]string, shared []artifact.FoldInfo, of func(artifact.Scores) *float64) RunDifference {
	d := RunDifference{A: pair[0], B: pair[1]}
	var folds []metric.FoldPair
	complete, same := 0, true
	for _, f := range shared {
		x, y := a.folds[artifact.Task{Model: pair[0], Fold: f.Index}], b.folds[artifact.Task{Model: pair[1], Fold: f.Index}]
		if x == nil || y == nil {
			continue
		}
		complete++
		same = same && x.FitFingerprint == y.FitFingerprint
		if one, other := of(x.Scores), of(y.Scores); one != nil && other != nil { // A of the pair is our B: the test is of A − B
			folds = append(folds, metric.FoldPair{A: other, B: one, Train: f.TrainRows, Test: f.TestRows})
		}
	}
	d.Folds = len(folds)
	if len(folds) > 0 {
		d.MeanA, d.MeanB = meanOf(folds, func(p metric.FoldPair) float64 { return *p.B }), meanOf(folds, func(p metric.FoldPair) float64 { return *p.A })
		d.Difference = meanOf(folds, func(p metric.FoldPair) float64 { return *p.A - *p.B })
	}
	c := comparison(artifact.Comparison{}, folds)
	d.SE, d.Low, d.High, d.T, d.DF, d.P, d.Reason = c.SE, c.Low, c.Hi, c.T, c.DF, c.P, c.Reason
	switch {
	case complete == 0:
		d.Reason = reasonNoFolds
	case same:
		d.Reason = reasonSameFits
	}
	return d
}

func meanOf(folds []metric.FoldPair, of func(metric.FoldPair) float64) *float64 {
	mean := 0.0
	for _, f := range folds {
		mean += of(f)
	}
	mean /= float64(len(folds))
	return &mean
}

// adjust enters the p-values adjusted for all of the family.
func adjust(family []RunDifference) {
	rows := make([]artifact.Comparison, len(family))
	for i, d := range family {
		rows[i].P = d.P
	}
	holm(rows)
	for i := range family {
		family[i].PHolm = rows[i].PHolm
	}
}

// OnlyIn are the models of r that other has not.
func (r *ScoredRun) OnlyIn(other *ScoredRun) []string {
	return slices.DeleteFunc(r.models(), func(model string) bool { return slices.Contains(other.models(), model) })
}

// OnlyFolds are the folds of r that are not among the shared ones.
func (r *ScoredRun) OnlyFolds(shared []artifact.FoldInfo) []int {
	var only []int
	for _, f := range r.Run.Folds {
		if _, found := slices.BinarySearchFunc(shared, f.Index, func(s artifact.FoldInfo, index int) int { return cmp.Compare(s.Index, index) }); !found {
			only = append(only, f.Index)
		}
	}
	return only
}
