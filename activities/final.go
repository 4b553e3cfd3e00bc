package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/forecast"
	"everfold/survival/metric"
)

// FitFinal makes the fit of one model on all rows complete: it fits, writes the model file,
// then model.json, then the model card and predict.py. A final model that is complete already is
// not fitted again; its card follows the scores of the folds. Its bytes depend on run.json and the data
// alone.
func (a *Activities) FitFinal(ctx context.Context, in FitFinalInput) (*FitFinalResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, in.Model, artifact.FinalFold)
	defer end()
	out, err := a.fitFinal(ctx, at, in)
	if err := a.fail(ctx, "final fit of "+in.Model, err); err != nil {
		at.broken(err)
		return nil, err
	}
	at.fitted(out.Action, out.Seconds)
	return out, nil
}

func (a *Activities) fitFinal(ctx context.Context, at *attempt, in FitFinalInput) (*FitFinalResult, error) {
	at.stage("load")
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	w := &finalWork{Activities: a, store: s, at: at,
		claim: artifact.FinalClaim{Model: in.Model, SpecDigest: in.SpecDigest, Cache: &a.cache}}
	if w.admission, err = artifact.AdmitFinal(ctx, s, w.claim); err != nil {
		return nil, err
	}
	at.learn(w.admission.Run.Spec, in.Model)
	if w.admission.Info != nil {
		clearCheckpoints(ctx, s, w.claim.Task()) // of an attempt that was killed after it
		return w.finish(ctx, Reuse, w.admission.Info)
	}
	if !w.admission.Run.Versions.Equal(versions()) {
		return nil, errVersions
	}
	g := guard{store: s, task: w.claim.Task(), most: w.admission.Run.Spec.Resources.MaxLostWorkers}
	return guarded(ctx, g, w.train)
}

// finalWork is one attempt at one final model.
type finalWork struct {
	*Activities
	store     store.Store
	at        *attempt
	claim     artifact.FinalClaim
	admission *artifact.FinalAdmission
}

// train fits on all rows and writes.
func (w *finalWork) train(ctx context.Context) (*FitFinalResult, error) {
	j, err := w.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkMemory(w.claim.Task().String(), j.memory(w.Cores.threads())+j.table.Bytes()); err != nil {
		return nil, err
	}
	states := newCheckpoints(w.store, w.claim.Task(), w.admission.Fingerprint, w.CheckpointEvery)
	j.checkpoints = states
	seat := w.Cores.enter()
	defer seat.leave()
	w.at.stage("fit")
	start := time.Now()
	f, err := j.fit(ctx, seat.share)
	states.wait()
	if err != nil {
		return nil, err
	}
	seconds := time.Since(start).Seconds()
	found, err := j.infer(ctx, f)
	if err != nil {
		return nil, err
	}
	info, err := w.describe(ctx, f, found, append(f.warnings(), found.warnings...))
	if err != nil {
		return nil, err
	}
	info.FitSeconds = seconds
	w.at.stage("write")
	written, outcome, err := artifact.WriteFinal(ctx, w.store, w.claim, *info, fileOf(f.model))
	if err != nil {
		return nil, err
	}
	action := Train
	if outcome == artifact.Found {
		action = Reuse
	}
	return w.finish(ctx, action, written)
}

// load is the job of fitting all rows.
func (w *finalWork) load(ctx context.Context) (*job, error) {
	run := w.admission.Run
	model, err := run.Spec.Model(w.claim.Model)
	if err != nil {
		return nil, err
	}
	table, err := w.tables.get(ctx, w.store, run.Data.File)
	if err != nil {
		return nil, err
	}
	return &job{spec: run.Spec, model: model, table: table, fold: wholeTable(run, table), tau: tauOf(run), seed: w.admission.Seed}, nil
}

// wholeTable is the "fold" that trains on all rows.
func wholeTable(run *artifact.Run, table *dataset.Table) artifact.FoldData {
	all := artifact.FoldData{Train: make([]int, table.Rows()), Times: run.Grid.Times}
	for i := range all.Train {
		all.Train[i] = i
	}
	if run.Grid.PerFold {
		all.Times = metric.Burk80(table.Outcome)
	}
	return all
}

// describe is model.json as far as the fit knows it.
func (w *finalWork) describe(ctx context.Context, f *fitted, found *inference, warnings []survival.Warning) (*artifact.ModelInfo, error) {
	report := f.report
	pipeline, err := json.Marshal(f.pipeline)
	if err != nil {
		return nil, fmt.Errorf("encode preprocessing: %w", err)
	}
	return &artifact.ModelInfo{
		Rows: f.y.Len(), Events: f.y.Events(), Times: stepTimes(f.y), Columns: f.model.Columns(), Preprocess: pipeline,
		Coefficients: found.coefficients, ModelTests: found.tests, PHTests: found.ph,
		Converged: report.Converged, Iterations: report.Iterations, FinishedAt: time.Now().UnixMilli(),
		OutOfBag: outOfBag(report), Warnings: storedWarnings(warnings),
		Attempt: int(activity.GetInfo(ctx).Attempt), Worker: w.Worker, Build: w.Build,
	}, nil
}

// stepTimes are the distinct event times, thinned, and the last observed time.
func stepTimes(y survival.Outcome) artifact.StepTimes {
	var events []float64
	for i, t := range y.Time {
		if y.Event[i] {
			events = append(events, t)
		}
	}
	slices.Sort(events)
	return artifact.StepTimes{Events: forecast.Thin(slices.Compact(events)), Last: slices.Max(y.Time)}
}

// fileOf streams the model file; models too large to hold a second time write it themselves.
func fileOf(m survival.Model) func(io.Writer) error {
	if large, ok := m.(io.WriterTo); ok {
		return func(w io.Writer) error {
			_, err := large.WriteTo(w)
			return err
		}
	}
	return func(w io.Writer) error {
		file, err := m.MarshalBinary()
		if err == nil {
			_, err = w.Write(file)
		}
		return err
	}
}

// finish writes what lies beside the model and the tests of proportional hazards, and keeps the
// scalars.
func (w *finalWork) finish(ctx context.Context, action Action, info *artifact.ModelInfo) (*FitFinalResult, error) {
	if err := w.writeCompanions(ctx, info); err != nil {
		return nil, err
	}
	if len(info.PHTests) > 0 {
		if err := artifact.PublishPHTests(ctx, w.store, w.admission.Run, &w.cache); err != nil {
			return nil, err
		}
	}
	if action == Train {
		logWarnings(ctx, info.Warnings)
	}
	logging.From(ctx).Info("final model "+past[action], "duration_seconds", info.FitSeconds, "rows", info.Rows, "bytes", info.File.Bytes)
	return &FitFinalResult{Model: info.Model, Action: action, Seconds: info.FitSeconds,
		Attempt: int(activity.GetInfo(ctx).Attempt), Info: info.SHA256, Warnings: len(info.Warnings)}, nil
}
