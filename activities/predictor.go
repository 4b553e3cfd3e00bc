package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"everfold/artifact"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/forecast"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
)

// predictor predicts the rows of a frame block by block.
type predictor struct {
	fitted   survival.Model
	pipeline *preprocess.Pipeline
	wanted   forecast.Options
	frame    *survival.Frame
	id       func(row int) string
	threads  int                       // all the while: a wave is a block each
	beat     func(done, total float64) // nil: nobody listens
	done     atomic.Int64
}

// decode reads a model that verifies. One that does not decode all the same is no damage that
// another attempt, or fitting again, would mend.
func decode(ctx context.Context, s store.Store, info *artifact.ModelInfo) (*predictor, error) {
	kind, ok := registry.Lookup(info.Type)
	if !ok {
		return nil, fmt.Errorf("model type %q is not registered", info.Type)
	}
	p := &predictor{pipeline: &preprocess.Pipeline{}}
	if err := json.Unmarshal(info.Preprocess, p.pipeline); err != nil {
		return nil, fmt.Errorf("decode %s: %w", artifact.ModelInfoKey(info.Model), err)
	}
	// A model in memory is at most as large as its file, and so is what reading it leaves behind.
	if err := checkMemory("the final "+info.Model, 2*info.File.Bytes); err != nil {
		return nil, err
	}
	tidy(info) // the fit that ended before this may have left as much
	err := artifact.ReadModel(ctx, s, info, func(in io.Reader, size int64) (err error) {
		if p.fitted, err = readModel(kind, in, size); err != nil {
			return fmt.Errorf("decode %s: %w", info.File.Key, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tidy(info)
	return p, nil
}

// readModel reads a model as it comes where the type can.
func readModel(kind registry.Kind, in io.Reader, size int64) (survival.Model, error) {
	if kind.Read != nil {
		return kind.Read(in, size)
	}
	file, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return kind.Decode(file)
}

// largeModel is the size of a model file from which on what is not needed any more is given
// back at once: garbage may double the memory of a worker before it is collected.
const largeModel = 64 << 20

func tidy(info *artifact.ModelInfo) {
	if info.File.Bytes >= largeModel {
		debug.FreeOSMemory()
	}
}

// blockRows is how many rows are encoded and predicted at a time, by one thread. A forest
// looks at every leaf once a block, so blocks are not small.
const blockRows = 1 << 15

// computation is done for the rows of a block, encoded, of which from is the first.
type computation func(ctx context.Context, from int, x *survival.Design) error

// eachWave predicts waves of blocks, one wave after the other, and hands each over in order while
// the next one is predicted.
func (p *predictor) eachWave(ctx context.Context, compute computation, after func(from, to int) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	size := p.waveRows()
	begin := func(from int) (wait func() error) {
		return beside(func() error { return p.wave(ctx, from, min(from+size, p.frame.Rows), compute) })
	}
	next := begin(0)
	for from := 0; from < p.frame.Rows; from += size {
		if err := next(); err != nil {
			return fmt.Errorf("predict: %w", err)
		}
		to := min(from+size, p.frame.Rows)
		if to < p.frame.Rows {
			next = begin(to)
		}
		if err := after(from, to); err != nil {
			stop()
			_ = next() // it was told to stop
			return err
		}
	}
	return nil
}

// waveRows is how many rows a wave has, the last one perhaps fewer.
func (p *predictor) waveRows() int { return p.threads * blockRows }

// wave predicts blocks side by side. Of several errors it gives that of the first block.
func (p *predictor) wave(ctx context.Context, from, to int, compute computation) error {
	blocks := (to - from + blockRows - 1) / blockRows
	failed := make([]error, blocks)
	survival.Each(blocks, p.threads, func(k int) {
		first := from + k*blockRows
		rows := make([]int, min(first+blockRows, to)-first)
		for i := range rows {
			rows[i] = first + i
		}
		failed[k] = p.block(ctx, rows, func(ctx context.Context, x *survival.Design) error { return compute(ctx, first, x) })
	})
	return cmp.Or(failed...)
}

// progress tells how many rows are done, of the two times that each is predicted: the risk, then
// the curve.
func (p *predictor) progress(float64, float64) {
	if p.beat != nil {
		p.beat(float64(p.done.Load()), 2*float64(p.frame.Rows))
	}
}

// block encodes rows. Their progress is that of all rows.
func (p *predictor) block(ctx context.Context, rows []int, compute func(context.Context, *survival.Design) error) error {
	ctx = survival.WithProgress(ctx, p.progress)
	x, _, err := p.pipeline.Apply(ctx, p.frame, rows) // what there is to warn of, Examine tells of all rows
	if err != nil {
		return err
	}
	defer p.done.Add(int64(len(rows)))
	err = compute(ctx, x)
	if bad := (*survival.DataError)(nil); errors.As(err, &bad) { // a row of the block
		return &survival.DataError{Row: rows[bad.Row], Column: bad.Column, Problem: bad.Problem}
	}
	return err
}

// risks are those of all rows, and their ranks.
func (p *predictor) risks(ctx context.Context) (risk []float64, ranks []int, err error) {
	risk = make([]float64, p.frame.Rows)
	err = p.eachWave(ctx, func(ctx context.Context, from int, x *survival.Design) error {
		return p.fitted.Risk(ctx, x, risk[from:from+x.Rows])
	}, func(int, int) error { return nil })
	return risk, rankDescending(risk), err
}

// write streams tables: risks of all rows first, for their ranks, then curves. trained says
// whether a row is among the training rows.
func (p *predictor) write(ctx context.Context, tables *artifact.PredictionTables, trained func(row int) bool) error {
	risk, ranks, err := p.risks(ctx)
	if err != nil {
		return err
	}
	n, h, curves := p.frame.Rows, len(p.wanted.Horizons), forecast.New(p.wanted)
	held := min(n, 2*p.waveRows()) // one wave is predicted while another is written
	survivals, means := make([]float64, held*h), make([]float64, held)
	beyond := p.extrapolates(0)
	return cmp.Or(p.eachWave(ctx, func(ctx context.Context, from int, x *survival.Design) error {
		return curves.Rows(ctx, p.fitted, x, func(i int, r forecast.Row) error {
			at := (from + i) % held // waves begin at multiples of their size
			copy(survivals[at*h:(at+1)*h], r.Survival)
			means[at] = r.RMST
			return nil
		})
	}, func(from, to int) error {
		for i := from; i < to; i++ {
			at := i % held
			err := tables.Write(artifact.Prediction{ID: p.id(i), Survival: survivals[at*h : (at+1)*h], RMST: means[at],
				Risk: risk[i], Rank: ranks[i], InTraining: trained(i), Extrapolated: beyond})
			if err != nil {
				return err
			}
		}
		return nil
	}), tables.Close())
}

// extrapolates says whether cells of a row still active at c lie beyond the last observed time,
// and are filled all the same.
func (p *predictor) extrapolates(c float64) bool {
	return p.wanted.Extrapolate && c+slices.Max(append(slices.Clone(p.wanted.Horizons), p.wanted.Restriction)) > p.wanted.Last
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
