package report

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"everfold/artifact"
	"everfold/survival"
)

// predicted is what one model said of rows that it was not fitted on: of the first repeat, in
// which every row is tested once.
type predicted struct {
	model string
	rows  []int // of the prepared table
	folds []int
	risk  []float64
	surv  [][]float64 // by horizon, then as rows; NaN beyond the fold's curves
}

// errMismatch: oof.csv is whole, but not of these rows.
var errMismatch = errors.New("its rows are not those of the folds")

// outOfFold reads oof.csv as a stream and hands over one model after the other, while it reads
// the next. Damage is a problem of the report and leaves nothing.
func (b *builder) outOfFold(ctx context.Context, use func(p *predicted) error) error {
	using, reading := errgroup.WithContext(ctx)
	using.SetLimit(1)
	err := b.OutOfFold(reading, func(in io.Reader) error {
		r := &outOfFoldReader{builder: b, use: func(p *predicted) error {
			using.Go(func() error { return use(p) })
			return nil
		}}
		return r.read(reading, in)
	})
	failed := using.Wait() // an error of use has ended the reading, too
	switch {
	case failed != nil:
		return failed
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	case errors.Is(err, artifact.ErrDamaged), errors.Is(err, errMismatch):
		b.leave(artifact.OutOfFoldKey, err.Error())
		return errMismatch
	}
	return err
}

// outOfFoldReader is one pass over the table.
type outOfFoldReader struct {
	*builder
	use  func(p *predicted) error
	now  predicted
	fold int
	left []int // test rows of the fold that are still to come
	kept bool  // the fold is of the first repeat
}

func (r *outOfFoldReader) read(ctx context.Context, in io.Reader) error {
	table := csv.NewReader(in)
	table.ReuseRecord = true
	if _, err := table.Read(); err != nil {
		return fmt.Errorf("%w: %w", errMismatch, err)
	}
	r.now.surv, r.fold = make([][]float64, len(r.Predictions.Horizons)), -1
	for n := 0; ; n++ {
		if n%4096 == 0 {
			if err := survival.Check(ctx, float64(n), float64(r.Predictions.OutOfFold)); err != nil {
				return err
			}
		}
		record, err := table.Read()
		if err == io.EOF {
			return r.flush()
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errMismatch, err)
		}
		if err := r.add(ctx, record); err != nil {
			return err
		}
	}
}

// add takes a row: id, fold, model, risk, survival at the horizons.
func (r *outOfFoldReader) add(ctx context.Context, record []string) error {
	if len(record) != 4+len(r.now.surv) {
		return fmt.Errorf("%w: %d columns", errMismatch, len(record))
	}
	fold, err := strconv.Atoi(record[1])
	if err != nil {
		return fmt.Errorf("%w: a fold is no number", errMismatch)
	}
	if record[2] != r.now.model || fold != r.fold {
		if err := r.begin(ctx, record[2], fold); err != nil {
			return err
		}
	}
	if len(r.left) == 0 {
		return fmt.Errorf("%w: more rows than %s has", errMismatch, artifact.Task{Model: r.now.model, Fold: fold})
	}
	row := r.left[0]
	r.left = r.left[1:]
	if row >= r.Outcome.Len() || record[0] != r.RowID(row) {
		return fmt.Errorf("%w: an id of %s", errMismatch, artifact.Task{Model: r.now.model, Fold: fold})
	}
	if !r.kept {
		return nil
	}
	r.now.rows, r.now.folds = append(r.now.rows, row), append(r.now.folds, fold)
	risk, err := strconv.ParseFloat(record[3], 64)
	r.now.risk = append(r.now.risk, risk)
	for h := range r.now.surv {
		s := math.NaN()
		if cell := record[4+h]; cell != "" && err == nil {
			s, err = strconv.ParseFloat(cell, 64)
		}
		r.now.surv[h] = append(r.now.surv[h], s)
	}
	if err != nil {
		return fmt.Errorf("%w: a cell is no number", errMismatch)
	}
	return nil
}

// begin ends a fold, perhaps a model, and begins the next.
func (r *outOfFoldReader) begin(ctx context.Context, model string, fold int) error {
	if model != r.now.model {
		if err := r.flush(); err != nil {
			return err
		}
	}
	if len(r.left) > 0 {
		return fmt.Errorf("%w: %s has fewer than it should", errMismatch, artifact.Task{Model: r.now.model, Fold: r.fold})
	}
	r.now.model, r.fold = model, fold
	at := slices.IndexFunc(r.Run.Folds, func(f artifact.FoldInfo) bool { return f.Index == fold })
	if at < 0 {
		return fmt.Errorf("%w: no fold %d", errMismatch, fold)
	}
	r.kept = r.Run.Folds[at].Repeat == 0
	var err error
	r.left, err = r.TestRows(ctx, fold)
	return err
}

// flush hands over the model that has been read.
func (r *outOfFoldReader) flush() error {
	if len(r.left) > 0 {
		return fmt.Errorf("%w: %s has fewer than it should", errMismatch, artifact.Task{Model: r.now.model, Fold: r.fold})
	}
	if r.now.model == "" || len(r.now.rows) == 0 {
		return nil
	}
	whole, n := r.now, len(r.now.rows)
	if err := r.use(&whole); err != nil {
		return err
	}
	r.now.rows, r.now.folds, r.now.risk = make([]int, 0, n), make([]int, 0, n), make([]float64, 0, n)
	r.now.surv = make([][]float64, len(whole.surv))
	for h := range r.now.surv {
		r.now.surv[h] = make([]float64, 0, n)
	}
	r.fold = -1
	return nil
}
