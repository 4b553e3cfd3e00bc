package activities

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"everfold/artifact"
	"everfold/store"
	"everfold/survival/metric"
)

// The metrics that models are compared by; also the values of final.select.
const (
	byCIndex = "cindex"
	byIBS    = "ibs"
)

// compare writes the corrected tests between all models and what the best of them is worth.
func (a *Activities) compare(ctx context.Context, s store.Store, summary *artifact.Summary) error {
	comparisons := slices.Concat(
		pairwise(byCIndex, summary, func(r artifact.MetricsRow) *float64 { return r.Scores.CIndex }),
		pairwise(byIBS, summary, func(r artifact.MetricsRow) *float64 { return r.Scores.IBS }))
	selection, err := a.bestOf(ctx, s, summary)
	if err != nil {
		return err
	}
	return artifact.WriteComparison(ctx, s, comparisons, selection)
}

// pairwise tests each pair of models, in the order of the spec, on the folds that both have.
func pairwise(name string, summary *artifact.Summary, of func(artifact.MetricsRow) *float64) []artifact.Comparison {
	rows := map[artifact.Task]artifact.MetricsRow{}
	for _, r := range summary.Metrics {
		rows[r.Task] = r
	}
	plan := summary.Run.SummaryPlan()
	var out []artifact.Comparison
	for i, first := range plan.Models {
		for _, second := range plan.Models[i+1:] {
			var folds []metric.FoldPair
			for _, fold := range plan.Folds {
				x, okX := rows[artifact.Task{Model: first, Fold: fold}]
				y, okY := rows[artifact.Task{Model: second, Fold: fold}]
				if okX && okY {
					folds = append(folds, metric.FoldPair{A: of(x), B: of(y), Train: x.TrainRows, Test: x.TestRows})
				}
			}
			out = append(out, comparison(artifact.Comparison{Metric: name, A: first, B: second}, folds))
		}
	}
	holm(out)
	return out
}

func comparison(c artifact.Comparison, folds []metric.FoldPair) artifact.Comparison {
	found, err := metric.NadeauBengio(folds)
	var undefined *metric.Undefined
	if errors.As(err, &undefined) {
		c.Reason = undefined.Reason
		return c
	}
	c.Folds, c.DF = found.Folds, found.DF
	c.Difference, c.SE, c.Low, c.Hi = &found.Difference, &found.SE, &found.Low, &found.High
	c.T, c.P = &found.T, &found.P
	return c
}

// holm adjusts the p-values of a family: the k-th smallest of m is multiplied by m − k + 1,
// none is below the one before it (Holm 1979, Scand J Stat 6:65).
func holm(family []artifact.Comparison) {
	var order []int
	for i, c := range family {
		if c.P != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(*family[i].P, *family[j].P) })
	last := 0.0
	for k, i := range order {
		last = max(last, min(1, float64(len(order)-k)**family[i].P))
		adjusted := last
		family[i].PHolm = &adjusted
	}
}
