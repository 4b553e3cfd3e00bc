package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/forecast"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/registry"
)

// Predict writes what a final model says of every row of the prepared table, and what the
// models of the folds said of the rows that they were not fitted on. Tables that are in place
// for the same inputs are left alone. A final model that does not verify is no error but
// PredictResult.Missing: it is to be fitted again.
func (a *Activities) Predict(ctx context.Context, in PredictInput) (*PredictResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, in.Model, artifact.FinalFold)
	defer end()
	out, err := a.predict(ctx, at, in)
	return out, a.fail(ctx, "predictions of "+in.Model, err)
}

func (a *Activities) predict(ctx context.Context, at *attempt, in PredictInput) (*PredictResult, error) {
	at.stage("load")
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	admission, err := artifact.AdmitFinal(ctx, s, artifact.FinalClaim{Model: in.Model, SpecDigest: in.SpecDigest, Cache: &a.cache})
	if err != nil {
		return nil, err
	}
	out := &PredictResult{Model: in.Model, Action: Reuse, Attempt: int(activity.GetInfo(ctx).Attempt)}
	if admission.Info == nil {
		out.Missing = admission.Reason
		return out, nil
	}
	w := &predictWork{Activities: a, store: s, at: at, run: admission.Run, model: admission.Info}
	if err := w.plan(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	info, err := artifact.ReadPredictions(ctx, s, w.inputs)
	if err == nil && info == nil {
		out.Action = Train
		info, err = w.write(ctx, in.SpecDigest)
	}
	if err != nil {
		return nil, err
	}
	out.Rows, out.OutOfFold, out.Seconds = info.Rows, info.OutOfFold, time.Since(start).Seconds()
	for _, found := range info.Warnings {
		out.Warnings = append(out.Warnings, found.Message)
	}
	logging.From(ctx).Info("predictions "+map[Action]string{Train: "written", Reuse: "reused"}[out.Action],
		"rows", out.Rows, "out_of_fold", out.OutOfFold, "duration_seconds", out.Seconds)
	return out, nil
}

// predictionsVersion rises when equal inputs give other tables.
const predictionsVersion = 1

// predictWork is one attempt at the predictions.
type predictWork struct {
	*Activities
	store  store.Store
	at     *attempt
	run    *artifact.Run
	model  *artifact.ModelInfo
	folds  []*artifact.Manifest // complete ones
	table  *dataset.Table
	wanted forecast.Options
	inputs artifact.Inputs
}

// plan derives what is to be predicted and what the tables depend on.
func (w *predictWork) plan(ctx context.Context) (err error) {
	if w.table, err = w.tables.get(ctx, w.store, w.run.Data.File); err != nil {
		return err
	}
	if w.folds, err = artifact.CompleteFolds(ctx, w.store, w.run, &w.cache); err != nil {
		return err
	}
	final := w.run.Spec.Final
	tau, err := restriction(w.run, w.table)
	if err != nil {
		return err
	}
	if final.RMST != nil {
		tau = *final.RMST
	}
	w.wanted = forecast.Options{Horizons: final.Horizons, Restriction: tau, Steps: w.model.Times.Events,
		Last: w.model.Times.Last, Extrapolate: w.model.Type == aft.Type}
	if w.wanted.Horizons == nil {
		if tau, err = restriction(w.run, w.table); err != nil {
			return err
		}
		w.wanted.Horizons = []float64{tau / 4, tau / 2, 3 * tau / 4, tau}
	}
	var files []string
	for _, m := range w.folds {
		files = append(files, m.Model, m.FitFingerprint)
		for _, f := range m.Files {
			files = append(files, f.SHA256)
		}
	}
	w.inputs = artifact.Inputs{
		"version": predictionsVersion, "table": w.run.Data.File.SHA256, "model": w.model.Model, "file": w.model.File.SHA256,
		"horizons": w.wanted.Horizons, "rmst": w.wanted.Restriction, "folds": store.SHA256([]byte(fmt.Sprint(files))),
	}
	return nil
}

// restriction is tau of the run, by the default rule where it has none.
func restriction(run *artifact.Run, table *dataset.Table) (float64, error) {
	if run.Grid.Tau != nil {
		return *run.Grid.Tau, nil
	}
	return metric.DefaultTau(table.Outcome, metric.Convention(run.Spec.Metrics.Convention))
}

// write computes and writes the tables.
func (w *predictWork) write(ctx context.Context, specDigest string) (*artifact.PredictionsInfo, error) {
	if !w.run.Versions.Equal(versions()) {
		return nil, errVersions
	}
	info := &artifact.PredictionsInfo{Inputs: w.inputs, Model: w.model.Model, Rows: w.table.Rows(),
		Horizons: w.wanted.Horizons, RMST: w.wanted.Restriction, Last: w.wanted.Last,
		Attempt: int(activity.GetInfo(ctx).Attempt), Worker: w.Worker, Build: w.Build}
	w.markBeyond(info)
	for _, m := range w.folds {
		info.OutOfFold += m.TestRows
	}
	// The model file and the model it holds are in memory together.
	if err := checkMemory("the final "+w.model.Model, 3*w.model.File.Bytes); err != nil {
		return nil, err
	}
	p, err := w.decode(ctx)
	if err != nil {
		return nil, err
	}
	seat := w.Cores.enter()
	defer seat.leave()
	p.threads = seat.share()
	info.FinishedAt = time.Now().UnixMilli()
	err = artifact.WritePredictions(ctx, w.store, specDigest, info, artifact.PredictionWriters{
		Predict:   func(csv, parquet io.Writer) error { return p.write(ctx, csv, parquet) },
		OutOfFold: func(csv io.Writer) error { return w.writeOutOfFold(ctx, csv) },
	})
	if err != nil {
		return nil, err
	}
	for _, found := range info.Warnings {
		logging.From(ctx).Warn(found.Message, logging.KeyCategory, found.Category)
	}
	return info, nil
}

// markBeyond names the columns that lie beyond the last observed time.
func (w *predictWork) markBeyond(info *artifact.PredictionsInfo) {
	for _, h := range w.wanted.Horizons {
		if h > w.wanted.Last {
			info.Beyond = append(info.Beyond, artifact.HorizonColumn(h))
		}
	}
	if w.wanted.Restriction > w.wanted.Last {
		info.Beyond = append(info.Beyond, "rmst")
	}
	if len(info.Beyond) == 0 {
		return
	}
	what := "their cells are empty"
	if w.wanted.Extrapolate {
		info.Filled, what = true, "they are extrapolated by the model's law"
	}
	info.Warnings = append(info.Warnings, artifact.Warning{Category: "data",
		Message: fmt.Sprintf("%v of the predictions lie beyond the last observed time: %s", info.Beyond, what)})
}

// predictor predicts the rows of a table block by block.
type predictor struct {
	*predictWork
	fitted   survival.Model
	pipeline *preprocess.Pipeline
	threads  int // all the while: a wave is a block each
	done     atomic.Int64
}

func (w *predictWork) decode(ctx context.Context) (*predictor, error) {
	kind, ok := registry.Lookup(w.model.Type)
	if !ok {
		return nil, fmt.Errorf("model type %q is not registered", w.model.Type)
	}
	p := &predictor{predictWork: w, pipeline: &preprocess.Pipeline{}}
	if err := json.Unmarshal(w.model.Preprocess, p.pipeline); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", artifact.ErrDamaged, artifact.ModelInfoKey(w.model.Model), err)
	}
	file, err := artifact.ReadModel(ctx, w.store, w.model)
	if err != nil {
		return nil, err
	}
	if p.fitted, err = kind.Decode(file); err != nil {
		return nil, fmt.Errorf("%w: %w", artifact.ErrDamaged, err)
	}
	return p, nil
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
