package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/activity"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/metric"
)

// errVersions: a worker of another release must not fit for this run, its numbers could
// differ from those of the folds that are complete. Another worker can.
var errVersions = errors.New("this worker's algorithm versions are not those of the run: deploy one release to all workers, or start the run again to plan it under the new one")

// FitFold makes one (model, fold) complete: it fits, scores, writes the payload files and,
// last, the manifest. A fold that is complete already is returned as it is; one that is
// scored under other metric settings is rescored from its files. Its bytes depend on
// run.json and the data alone.
func (a *Activities) FitFold(ctx context.Context, in FitFoldInput) (*FitFoldResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, in.Model, in.Fold)
	defer end()
	out, err := a.fitFold(ctx, at, in)
	if err := a.fail(ctx, fmt.Sprintf("%s fold %d", in.Model, in.Fold), err); err != nil {
		at.broken(err)
		return nil, err
	}
	at.fitted(out.Action, out.Seconds)
	return out, nil
}

func (a *Activities) fitFold(ctx context.Context, at *attempt, in FitFoldInput) (*FitFoldResult, error) {
	at.stage("load")
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	w := &foldWork{Activities: a, store: s, at: at,
		claim: artifact.Claim{Task: artifact.Task{Model: in.Model, Fold: in.Fold}, SpecDigest: in.SpecDigest, Force: in.Force, Cache: &a.cache}}
	if w.admission, err = artifact.Admit(ctx, s, w.claim); err != nil {
		return nil, err
	}
	at.learn(w.admission.Run.Spec, in.Model)
	if w.admission.Action != artifact.Reuse && !w.admission.Run.Versions.Equal(versions()) {
		return nil, errVersions
	}
	switch w.admission.Action {
	case artifact.Reuse:
		return w.result(ctx, Reuse, w.admission.Manifest), nil
	case artifact.Rescore:
		return w.rescore(ctx)
	}
	g := guard{store: s, task: w.claim.Task, most: w.admission.Run.Spec.Resources.MaxLostWorkers}
	return guarded(ctx, g, w.train)
}

// foldWork is one attempt at one fold.
type foldWork struct {
	*Activities
	store     store.Store
	at        *attempt
	claim     artifact.Claim
	admission *artifact.Admission
}

// train fits, scores and writes.
func (w *foldWork) train(ctx context.Context) (*FitFoldResult, error) {
	j, err := w.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkMemory(w.claim.String(), j.memory(w.Cores.threads())+j.table.Bytes()); err != nil {
		return nil, err
	}
	states := newCheckpoints(w.store, w.claim.Task, w.admission.FitFingerprint, w.CheckpointEvery)
	j.checkpoints = states
	seat := w.Cores.enter()
	defer seat.leave()
	p, err := j.compute(ctx, w.at.stage, seat.share)
	states.wait()
	if err != nil {
		return nil, err
	}
	w.at.stage("score")
	scores, details, err := j.evaluate(ctx, p.risk, p.surv)
	if err != nil {
		return nil, err
	}
	content := w.manifest(ctx, p, scores)
	content.Details = details
	w.at.stage("write")
	m, outcome, err := artifact.WriteFold(ctx, w.store, w.claim, artifact.Result{Manifest: content, Risk: p.risk, Surv: p.surv})
	if err != nil {
		return nil, err
	}
	action := Train
	if outcome == artifact.Found {
		action = Reuse
	}
	return w.result(ctx, action, m), nil
}

// rescore computes the metrics of a stored fit anew; nothing is fitted.
func (w *foldWork) rescore(ctx context.Context) (*FitFoldResult, error) {
	j, err := w.load(ctx)
	if err != nil {
		return nil, err
	}
	w.at.stage("score")
	risk, surv, err := artifact.ReadResult(ctx, w.store, w.admission.Manifest)
	if err != nil {
		return nil, err
	}
	scores, details, err := j.evaluate(ctx, risk, surv)
	if err != nil {
		return nil, err
	}
	w.at.stage("write")
	m, _, err := artifact.WriteScores(ctx, w.store, w.claim, artifact.Rescored{
		Scores: stored(scores), Reasons: scores.Reasons, Details: details, FinishedAt: time.Now().UnixMilli(), Build: w.Build,
	})
	if err != nil {
		return nil, err
	}
	return w.result(ctx, Rescore, m), nil
}

// load brings together what the fold's result depends on, verified against run.json.
func (w *foldWork) load(ctx context.Context) (*job, error) {
	run := w.admission.Run
	model, err := run.Spec.Model(w.claim.Model)
	if err != nil {
		return nil, err
	}
	table, err := w.tables.get(ctx, w.store, run.Data.File)
	if err != nil {
		return nil, err
	}
	fold, err := artifact.ReadFoldData(ctx, w.store, w.admission.Info, table.Rows())
	if err != nil {
		return nil, err
	}
	return &job{spec: run.Spec, model: model, table: table, fold: fold, tau: tauOf(run), seed: w.admission.Seed}, nil
}

// tauOf is where Uno's C ends; +Inf: nowhere.
func tauOf(run *artifact.Run) float64 {
	if run.Grid.Tau == nil {
		return math.Inf(1)
	}
	return *run.Grid.Tau
}

func (w *foldWork) manifest(ctx context.Context, p *prediction, scores metric.Scores) artifact.Manifest {
	return artifact.Manifest{
		Scores: stored(scores), Reasons: scores.Reasons,
		FitSeconds: p.fitSeconds, PredictSeconds: p.predictSeconds, FinishedAt: time.Now().UnixMilli(),
		Converged: p.report.Converged, Iterations: p.report.Iterations,
		Coefficients: p.inference.coefficients, ModelTests: p.inference.tests, PHTests: p.inference.ph,
		Explanation: p.explanation, OutOfBag: outOfBag(p.report), Warnings: storedWarnings(p.warnings),
		Attempt: int(activity.GetInfo(ctx).Attempt), Worker: w.Worker, Build: w.Build,
	}
}

// outOfBag is the stored out-of-bag error of a fit; nil where it has none.
func outOfBag(r survival.Report) *artifact.OutOfBag {
	if r.OutOfBag.Rows == 0 {
		return nil
	}
	return &artifact.OutOfBag{Error: r.OutOfBag.Error, Rows: r.OutOfBag.Rows}
}

func storedWarnings(found []survival.Warning) []artifact.Warning {
	var out []artifact.Warning
	for _, w := range found {
		out = append(out, artifact.Warning(w))
	}
	return out
}

// logWarnings puts what a fit or its predictions found into the log, by category.
func logWarnings(ctx context.Context, found []artifact.Warning) {
	for _, w := range found {
		logging.From(ctx).Warn(w.Message, logging.KeyCategory, w.Category)
	}
}

func stored(s metric.Scores) artifact.Scores {
	return artifact.Scores{CIndex: s.CIndex, IBS: s.IBS, CIndexHarrell: s.CHarrell,
		CIndexIPCW: s.CIPCW, AUCMean: s.AUCMean, IPA: s.IPA}
}

// result logs how the fold ended and keeps its scalars.
func (w *foldWork) result(ctx context.Context, action Action, m *artifact.Manifest) *FitFoldResult {
	if action == Train {
		logWarnings(ctx, m.Warnings)
	}
	seconds := m.FitSeconds + m.PredictSeconds
	logging.Performance{
		Duration:  time.Duration(seconds * float64(time.Second)),
		AvgCIndex: orNaN(m.Scores.CIndex), AvgIBS: orNaN(m.Scores.IBS), Folds: 1,
	}.Log(ctx, "fold "+past[action])
	return &FitFoldResult{
		Model: m.Model, Fold: m.Fold, Action: action, CIndex: m.Scores.CIndex, IBS: m.Scores.IBS,
		Seconds: seconds, Attempt: int(activity.GetInfo(ctx).Attempt), Manifest: m.SHA256, Warnings: len(m.Warnings),
	}
}

var past = map[Action]string{Train: "trained", Rescore: "rescored", Reuse: "reused"}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
