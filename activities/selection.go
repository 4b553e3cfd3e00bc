package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival/metric"
	"everfold/survival/resample"
)

// The size of the bootstrap of best-of-M: so many replicates of at most so many rows.
const (
	selectionReplicates = 200
	selectionRows       = 2_000
)

// bestOf corrects the score of the best ranked model for having been chosen by it; nothing
// where fewer than two models are ranked.
func (a *Activities) bestOf(ctx context.Context, s store.Store, summary *artifact.Summary) ([]artifact.Selection, error) {
	c := &choice{run: summary.Run, metric: summary.Run.Spec.Final.Select}
	for _, st := range summary.Standings {
		if c.metric == byCIndex && st.Rank > 0 || c.metric == byIBS && st.RankIBS > 0 {
			c.models = append(c.models, st.Model)
		}
	}
	if len(c.models) < 2 {
		return nil, nil
	}
	table, err := a.tables.get(ctx, s, summary.Run.Data.File)
	if err != nil {
		return nil, err
	}
	c.units(table)
	for _, m := range summary.Complete {
		if slices.Contains(c.models, m.Model) {
			if err := c.read(ctx, s, table, m); err != nil {
				return nil, err
			}
		}
	}
	out, err := c.correct(ctx)
	return []artifact.Selection{out}, err
}

// choice is the choice among models by their out-of-fold predictions.
type choice struct {
	run     *artifact.Run
	metric  string
	models  []string
	drawn   [][]int // rows of the table by unit: single rows, or groups
	rows    int
	folds   map[int]*choiceFold
	scorers map[artifact.Task]*metric.Scorer
}

// choiceFold is one outer fold, reduced to the rows that may be drawn.
type choiceFold struct {
	artifact.FoldData
	tests     []int   // their places among the test rows
	positions [][]int // by unit: places in tests
	scorer    *metric.Scorer
}

// units are drawn together: rows of one group are not independent.
func (c *choice) units(table *dataset.Table) {
	y := table.Outcome
	at := map[int]int{}
	for _, row := range resample.SampleRows(y.Len(), y.Event, table.Group, selectionRows, c.run.Spec.Folds.Seed) {
		c.rows++
		if table.Group == nil {
			c.drawn = append(c.drawn, []int{row})
			continue
		}
		unit, seen := at[table.Group[row]]
		if !seen {
			unit = len(c.drawn)
			at[table.Group[row]], c.drawn = unit, append(c.drawn, nil)
		}
		c.drawn[unit] = append(c.drawn[unit], row)
	}
	c.folds, c.scorers = map[int]*choiceFold{}, map[artifact.Task]*metric.Scorer{}
}

// read prepares the scorer of one (model, fold); those of a fold share its censoring weights.
func (c *choice) read(ctx context.Context, s store.Store, table *dataset.Table, m *artifact.Manifest) error {
	fold, err := c.fold(ctx, s, table, m.Fold)
	if err != nil {
		return err
	}
	risk, surv, err := c.predictions(ctx, s, m, fold)
	if err != nil {
		return fmt.Errorf("read predictions of %s fold %d: %w", m.Model, m.Fold, err)
	}
	if fold.scorer == nil {
		j := &job{spec: c.run.Spec, tau: tauOf(c.run)}
		train, test := table.Outcome.Take(fold.Train), table.Outcome.Take(fold.Test).Take(fold.tests)
		fold.scorer, err = metric.NewScorer(metric.Fold{Train: train, Test: test, Times: fold.Times, Risk: risk, Surv: surv}, j.metricConfig())
		if err != nil {
			return err
		}
	}
	c.scorers[artifact.Task{Model: m.Model, Fold: m.Fold}], err = fold.scorer.Predicting(risk, surv)
	return err
}

// predictions are those of the rows that may be drawn; curves only where they are scored.
func (c *choice) predictions(ctx context.Context, s store.Store, m *artifact.Manifest, fold *choiceFold) (risk []float64, surv []float32, err error) {
	var curves []float32
	if c.metric == byCIndex {
		risk, err = artifact.GetArray[float64](ctx, s, m.Files[0])
	} else {
		risk, curves, err = artifact.ReadResult(ctx, s, m)
	}
	if err != nil {
		return nil, nil, err
	}
	times, all := len(fold.Times), risk
	risk = make([]float64, len(fold.tests))
	if curves != nil { // not nil either where no row may be drawn
		surv = make([]float32, 0, len(fold.tests)*times)
	}
	for k, i := range fold.tests {
		risk[k] = all[i]
		if curves != nil {
			surv = append(surv, curves[i*times:(i+1)*times]...)
		}
	}
	return risk, surv, nil
}

func (c *choice) fold(ctx context.Context, s store.Store, table *dataset.Table, number int) (*choiceFold, error) {
	if f := c.folds[number]; f != nil {
		return f, nil
	}
	info, err := c.run.Fold(number)
	if err != nil {
		return nil, err
	}
	f := &choiceFold{positions: make([][]int, len(c.drawn))}
	if f.FoldData, err = artifact.ReadFoldData(ctx, s, info, table.Rows()); err != nil {
		return nil, err
	}
	for unit, rows := range c.drawn {
		for _, row := range rows {
			if at, ok := slices.BinarySearch(f.Test, row); ok {
				f.positions[unit] = append(f.positions[unit], len(f.tests))
				f.tests = append(f.tests, at)
			}
		}
	}
	c.folds[number] = f
	return f, nil
}

// score is a model's mean over the folds in which the drawn rows have a score, as the
// leaderboard's is.
func (c *choice) score(model int, units []int) (float64, error) {
	sum, folds := 0.0, 0.0
	for _, info := range c.run.Folds {
		var rows []int
		for _, unit := range units {
			rows = append(rows, c.folds[info.Index].positions[unit]...)
		}
		scorer := c.scorers[artifact.Task{Model: c.models[model], Fold: info.Index}]
		of := scorer.CIndex
		if c.metric == byIBS {
			of = scorer.IBS
		}
		v, err := of(rows)
		var undefined *metric.Undefined
		if errors.As(err, &undefined) {
			continue
		}
		if err != nil {
			return 0, err
		}
		sum, folds = sum+v, folds+1
	}
	if folds == 0 {
		return 0, &metric.Undefined{Reason: metric.ReasonNoScore}
	}
	return sum / folds, nil
}

func (c *choice) correct(ctx context.Context) (artifact.Selection, error) {
	out := artifact.Selection{Metric: c.metric, Models: len(c.models), Rows: c.rows}
	best, err := metric.CorrectBestOf(ctx, metric.Selection{
		Models: len(c.models), Rows: len(c.drawn), Score: c.score, LowerIsBetter: c.metric == byIBS, Replicates: selectionReplicates,
		Draw: func(replicate int, rows []int) {
			resample.Bootstrap(resample.Source(c.run.Spec.Folds.Seed, "best-of", uint64(replicate)), len(rows), rows)
		},
	})
	var undefined *metric.Undefined
	if errors.As(err, &undefined) {
		out.Reason = undefined.Reason
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Model, out.Chosen, out.Replicates = c.models[best.Best], best.Chosen[best.Best], best.Used
	out.Apparent, out.Corrected, out.Optimism = &best.Apparent, &best.Corrected, &best.Optimism
	out.Low, out.Hi = &best.Low, &best.High
	return out, nil
}
