package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/forecast"
	"everfold/survival/metric"
)

// Predict writes what a final model says of every row of the prepared table, or of the rows of
// final.data in their place, and what the models of the folds said of the rows that they were not
// fitted on. Tables that are in place
// for the same inputs are left alone. A final model that does not verify is no error but
// PredictResult.Missing, and a fold PredictResult.Incomplete: they are to be fitted again.
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
	w := &predictWork{Activities: a, store: s, at: at}
	out, err := w.admit(ctx, in)
	if err != nil || out.Missing != "" {
		return out, err
	}
	g := guardOf(s, "predictions", w.run.Spec, "a larger worker, or one with fewer slots, may make them: starter recover, or start the run again")
	return guarded(ctx, g, func(ctx context.Context) (*PredictResult, error) { return w.predictBy(ctx, in, out) })
}

// predict predicts in a run's folder.
func (w *predictWork) predict(ctx context.Context, in PredictInput) (*PredictResult, error) {
	out, err := w.admit(ctx, in)
	if err != nil || out.Missing != "" {
		return out, err
	}
	return w.predictBy(ctx, in, out)
}

// admit looks for the model to predict by.
func (w *predictWork) admit(ctx context.Context, in PredictInput) (*PredictResult, error) {
	claim := artifact.FinalClaim{Model: in.Model, SpecDigest: in.SpecDigest, Cache: &w.cache}
	admission, err := artifact.AdmitFinal(ctx, w.store, claim)
	if err != nil {
		return nil, err
	}
	out := &PredictResult{Model: in.Model, Action: Reuse, Attempt: w.at.number}
	if admission.Info == nil {
		out.Missing = admission.Reason
		return out, nil
	}
	w.run, w.model = admission.Run, admission.Info
	return out, nil
}

// predictBy predicts by the model that was admitted.
func (w *predictWork) predictBy(ctx context.Context, in PredictInput, out *PredictResult) (*PredictResult, error) {
	if err := w.plan(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	info, err := artifact.ReadPredictions(ctx, w.store, w.inputs)
	if err == nil && info == nil {
		out.Action = Train
		if w.dry {
			return out, nil
		}
		info, err = w.write(ctx, in.SpecDigest)
	}
	if damaged := (*damagedFold)(nil); errors.As(err, &damaged) {
		out.Incomplete = []Incomplete{damaged.fold}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Rows, out.OutOfFold, out.Seconds = info.Rows, info.OutOfFold, time.Since(start).Seconds()
	out.Data, out.InTraining = info.Data, info.InTraining
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
	folds  []*artifact.Manifest // complete ones; nil: those that are listed
	dry    bool                 // only say what would be done
	table  *dataset.Table
	wanted forecast.Options
	inputs artifact.Inputs
}

// plan derives what is to be predicted and what the tables depend on.
func (w *predictWork) plan(ctx context.Context) (err error) {
	if w.table, err = w.tables.get(ctx, w.store, w.run.Data.File); err != nil {
		return err
	}
	if w.folds == nil {
		if w.folds, err = artifact.CompleteFolds(ctx, w.store, w.run, &w.cache); err != nil {
			return err
		}
	}
	tau, err := restriction(w.run, w.table)
	if err != nil {
		return err
	}
	w.wanted = wantedOf(w.run, w.model, tau)
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
	return w.planRows()
}

// wantedOf is what final.horizons and final.rmst ask of a model.
func wantedOf(run *artifact.Run, model *artifact.ModelInfo, tau float64) forecast.Options {
	final := run.Spec.Final
	wanted := forecast.Options{Horizons: final.Horizons, Restriction: tau, Steps: model.Times.Events,
		Last: model.Times.Last, Extrapolate: model.Type == aft.Type}
	if final.RMST != nil {
		wanted.Restriction = *final.RMST
	}
	if final.Horizons == nil {
		wanted.Horizons = []float64{tau / 4, tau / 2, 3 * tau / 4, tau}
	}
	return wanted
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
		Attempt: w.at.number, Worker: w.Worker, Build: w.Build}
	info.Beyond = beyond(w.wanted)
	if len(info.Beyond) > 0 {
		info.Filled = w.wanted.Extrapolate
		info.Warnings = append(info.Warnings, artifact.Warning{Category: "data", Message: beyondMessage(info.Beyond, info.Filled)})
	}
	for _, m := range w.folds {
		info.OutOfFold += m.TestRows
	}
	rows, err := w.rows(ctx)
	if err != nil {
		return nil, err
	}
	need := w.memory(rows.frame.Rows, w.Cores.threads()) + w.table.Bytes() + rows.bytes
	if err := checkMemory("predicting by "+w.model.Model, need); err != nil {
		return nil, err
	}
	p, err := decode(ctx, w.store, w.model)
	if err != nil {
		return nil, err
	}
	p.wanted, p.frame, p.id, p.beat = w.wanted, rows.frame, rows.id, w.at.beat
	if err := rows.tell(ctx, p.pipeline, info); err != nil {
		return nil, err
	}
	seat := w.Cores.enter()
	defer seat.leave()
	p.threads = seat.share()
	w.at.stage("predict")
	err = artifact.WritePredictions(ctx, w.store, specDigest, info, func(csv, parquet, outOfFold io.Writer) error {
		tables, err := rows.begin(csv, parquet, w.wanted.Horizons)
		if err != nil {
			return err
		}
		return w.stream(ctx, p, rows, tables, outOfFold)
	})
	if err != nil {
		return nil, err
	}
	logWarnings(ctx, info.Warnings)
	return info, nil
}

// stream writes what the final model says, and beside it what the models of the folds said; where
// either fails, the other ends. What predicting has done is the progress of both.
func (w *predictWork) stream(ctx context.Context, p *predictor, rows *predictedRows, tables *artifact.PredictionTables, outOfFold io.Writer) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	folds := beside(func() error {
		err := w.writeOutOfFold(survival.WithProgress(ctx, p.progress), outOfFold)
		if err != nil {
			stop(err)
		}
		return err
	})
	if err := p.write(ctx, tables, rows.trained); err != nil { // perhaps because the folds have failed
		stop(err)
		_ = folds()
		return err
	}
	return folds()
}

// beyond names the columns that lie beyond the last observed time.
func beyond(wanted forecast.Options) []string {
	var columns []string
	for _, h := range wanted.Horizons {
		if h > wanted.Last {
			columns = append(columns, artifact.HorizonColumn(h))
		}
	}
	if wanted.Restriction > wanted.Last {
		columns = append(columns, "rmst")
	}
	return columns
}

func beyondMessage(columns []string, filled bool) string {
	what := "their cells are empty"
	if filled {
		what = "they are extrapolated by the model's law"
	}
	return fmt.Sprintf("%v of the predictions lie beyond the last observed time: %s", columns, what)
}
