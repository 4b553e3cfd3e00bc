package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/forecast"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
)

// predictor predicts the rows of a table block by block.
type predictor struct {
	*predictWork
	fitted   survival.Model
	pipeline *preprocess.Pipeline
	threads  int // all the while: a wave is a block each
	done     atomic.Int64
}

// decode reads the model, whose files verify. One that does not decode all the same is no
// damage that another attempt, or fitting again, would mend.
func (w *predictWork) decode(ctx context.Context) (*predictor, error) {
	kind, ok := registry.Lookup(w.model.Type)
	if !ok {
		return nil, fmt.Errorf("model type %q is not registered", w.model.Type)
	}
	p := &predictor{predictWork: w, pipeline: &preprocess.Pipeline{}}
	if err := json.Unmarshal(w.model.Preprocess, p.pipeline); err != nil {
		return nil, fmt.Errorf("decode %s: %w", artifact.ModelInfoKey(w.model.Model), err)
	}
	w.tidy() // the fit that ended before this may have left as much
	file, err := artifact.ReadModel(ctx, w.store, w.model)
	if err != nil {
		return nil, err
	}
	if p.fitted, err = kind.Decode(file); err != nil {
		return nil, fmt.Errorf("decode %s: %w", w.model.File.Key, err)
	}
	w.tidy()
	return p, nil
}

// largeModel is the size of a model file from which on what is not needed any more is given
// back at once: garbage may double the memory of a worker before it is collected.
const largeModel = 64 << 20

func (w *predictWork) tidy() {
	if w.model.File.Bytes >= largeModel {
		debug.FreeOSMemory()
	}
}

// blockRows is how many rows are encoded and predicted at a time, by one thread. A forest
// looks at every leaf once a block, so blocks are not small.
const blockRows = 1 << 15

// eachWave predicts blocks side by side, then hands them over in order.
func (p *predictor) eachWave(ctx context.Context, compute func(ctx context.Context, from int, x *survival.Design) error, after func(from, to int) error) error {
	n, threads := p.table.Rows(), p.threads
	for from := 0; from < n; from += threads * blockRows {
		to := min(from+threads*blockRows, n)
		blocks := (to - from + blockRows - 1) / blockRows
		failed := make([]error, blocks)
		survival.Each(blocks, threads, func(k int) {
			first := from + k*blockRows
			failed[k] = p.block(ctx, first, min(first+blockRows, to), compute)
		})
		for _, err := range failed {
			if err != nil {
				return fmt.Errorf("predict: %w", err)
			}
		}
		if err := after(from, to); err != nil {
			return err
		}
	}
	return nil
}

// block encodes rows from ≤ i < to. Their progress is that of all rows.
func (p *predictor) block(ctx context.Context, from, to int, compute func(context.Context, int, *survival.Design) error) error {
	rows := make([]int, to-from)
	for i := range rows {
		rows[i] = from + i
	}
	ctx = survival.WithProgress(ctx, func(float64, float64) { p.at.beat(float64(p.done.Load()), 2*float64(p.table.Rows())) })
	x, _, err := p.pipeline.Apply(ctx, p.table.Frame(), rows) // the rows that it was fitted on: nothing new to warn of
	if err != nil {
		return err
	}
	defer p.done.Add(int64(len(rows)))
	return compute(ctx, from, x)
}

// write streams both tables: risks of all rows first, for their ranks, then curves.
func (p *predictor) write(ctx context.Context, csv, parquet io.Writer) error {
	p.at.stage("predict")
	n, h := p.table.Rows(), len(p.wanted.Horizons)
	risk := make([]float64, n)
	err := p.eachWave(ctx, func(ctx context.Context, from int, x *survival.Design) error {
		return p.fitted.Risk(ctx, x, risk[from:from+x.Rows])
	}, func(int, int) error { return nil })
	if err != nil {
		return err
	}
	tables, err := artifact.NewPredictionTables(csv, parquet, p.wanted.Horizons)
	if err != nil {
		return err
	}
	ranks, curves := rankDescending(risk), forecast.New(p.wanted)
	wave := min(n, p.threads*blockRows)
	survivals, means := make([]float64, wave*h), make([]float64, wave)
	beyond := p.wanted.Extrapolate && slices.Max(append(slices.Clone(p.wanted.Horizons), p.wanted.Restriction)) > p.wanted.Last
	return cmp.Or(p.eachWave(ctx, func(ctx context.Context, from int, x *survival.Design) error {
		return curves.Rows(ctx, p.fitted, x, func(i int, r forecast.Row) error {
			at := (from + i) % wave // waves begin at multiples
			copy(survivals[at*h:(at+1)*h], r.Survival)
			means[at] = r.RMST
			return nil
		})
	}, func(from, to int) error {
		for i := from; i < to; i++ {
			at := i - from
			err := tables.Write(artifact.Prediction{ID: p.table.RowID(i), Survival: survivals[at*h : (at+1)*h], RMST: means[at],
				Risk: risk[i], Rank: ranks[i], InTraining: true, Extrapolated: beyond})
			if err != nil {
				return err
			}
		}
		return nil
	}), tables.Close())
}

// rankDescending numbers risks from the highest, 1; equal ones share the lowest number.
func rankDescending(risk []float64) []int {
	order := make([]int, len(risk))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(risk[b], risk[a]), a-b) })
	ranks := make([]int, len(risk))
	for k, i := range order {
		ranks[i] = k + 1
		if k > 0 && risk[order[k-1]] == risk[i] {
			ranks[i] = ranks[order[k-1]]
		}
	}
	return ranks
}
