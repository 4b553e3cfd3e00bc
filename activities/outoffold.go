package activities

import (
	"context"
	"errors"
	"io"
	"math"
	"sort"

	"everfold/artifact"
	"everfold/survival"
)

// writeOutOfFold streams oof.csv: models in the order of the spec, then folds, then rows.
func (w *predictWork) writeOutOfFold(ctx context.Context, out io.Writer) error {
	table, err := artifact.NewOutOfFoldTable(out, w.wanted.Horizons)
	if err != nil {
		return err
	}
	folds := map[int]artifact.FoldData{}
	for k, m := range w.folds {
		if err := survival.Check(ctx, float64(k), float64(len(w.folds))); err != nil {
			return err
		}
		fold, known := folds[m.Fold]
		if !known {
			info, err := w.run.Fold(m.Fold)
			if err != nil {
				return err
			}
			if fold, err = artifact.ReadFoldData(ctx, w.store, info, w.table.Rows()); err != nil {
				return err
			}
			fold.Train = nil
			folds[m.Fold] = fold
		}
		if err := w.writeFold(ctx, table, m, fold); err != nil {
			return err
		}
	}
	return table.Close()
}

func (w *predictWork) writeFold(ctx context.Context, table *artifact.OutOfFoldTable, m *artifact.Manifest, fold artifact.FoldData) error {
	risk, surv, err := artifact.ReadResult(ctx, w.store, m)
	if errors.Is(err, artifact.ErrDamaged) {
		return &damagedFold{Incomplete{Model: m.Model, Fold: m.Fold, Reason: shorten(err.Error())}}
	}
	if err != nil {
		return err
	}
	task := artifact.Task{Model: m.Model, Fold: m.Fold}
	at, n := make([]float64, len(w.wanted.Horizons)), len(fold.Times)
	for k, row := range fold.Test {
		for i, h := range w.wanted.Horizons {
			at[i] = interpolate(fold.Times, surv[k*n:(k+1)*n], h)
		}
		if err := table.Write(w.table.RowID(row), task, risk[k], at); err != nil {
			return err
		}
	}
	return nil
}

// damagedFold is a fold that was complete when the run was summarized and is not any more.
type damagedFold struct{ fold Incomplete }

func (d *damagedFold) Error() string { return d.fold.Reason }

// interpolate is a stored curve at t: linear between grid times, from S(0) = 1, and NaN
// beyond the last.
func interpolate(times []float64, s []float32, t float64) float64 {
	k := sort.SearchFloat64s(times, t)
	switch {
	case k == len(times):
		return math.NaN()
	case times[k] == t:
		return float64(s[k])
	}
	from, value := 0.0, 1.0
	if k > 0 {
		from, value = times[k-1], float64(s[k-1])
	}
	share := (t - from) / (times[k] - from)
	return value + float64(share*(float64(s[k])-value))
}
