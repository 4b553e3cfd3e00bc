package activities

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

// PublishMetrics brings model_metrics.csv in line with the manifests. Any number of calls
// may race: the last one written has seen every manifest that was there.
func (a *Activities) PublishMetrics(ctx context.Context, in PublishInput) (*PublishResult, error) {
	ctx, _, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	rows, err := a.publish(ctx, in)
	if err := a.fail(ctx, "publish metrics", err); err != nil {
		return nil, err
	}
	return &PublishResult{Rows: rows}, nil
}

func (a *Activities) publish(ctx context.Context, in PublishInput) (int, error) {
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return 0, err
	}
	return artifact.PublishMetrics(ctx, s, in.SpecDigest, &a.cache)
}

// Summarize verifies every manifest and every file, writes model_metrics.csv, the tables of
// further scores and model_summary.csv, and names the folds that are not complete. Where none
// is, it compares the models.
func (a *Activities) Summarize(ctx context.Context, in SummarizeInput) (*SummarizeResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	at.stage("verify")
	out, err := a.summarize(ctx, in)
	return out, a.fail(ctx, "summarize", err)
}

func (a *Activities) summarize(ctx context.Context, in SummarizeInput) (*SummarizeResult, error) {
	leave, err := longPlaces.enter(ctx, maxLongWait)
	if err != nil {
		return nil, err
	}
	defer leave()
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	run, err := artifact.ReadCurrent(ctx, s, in.SpecDigest, &a.cache)
	if err != nil {
		return nil, err
	}
	g := guardOf(s, summaryStep, run.Spec, "start the run again with a larger worker, or one with fewer slots: what is complete is reused")
	return guarded(ctx, g, func(ctx context.Context) (*SummarizeResult, error) { return a.summarizeRun(ctx, s, in) })
}

// summaryStep names the step under checkpoints/, which it sweeps itself.
const summaryStep = "summary"

func (a *Activities) summarizeRun(ctx context.Context, s store.Store, in SummarizeInput) (*SummarizeResult, error) {
	excused := make([]artifact.Task, len(in.Excused))
	for i, f := range in.Excused {
		excused[i] = artifact.Task{Model: f.Model, Fold: f.Fold}
	}
	summary, err := artifact.Summarize(ctx, s, artifact.SummarizeOptions{SpecDigest: in.SpecDigest, Excused: excused})
	if err != nil {
		return nil, err
	}
	out := &SummarizeResult{Leaderboard: summary.Standings}
	for _, f := range summary.Incomplete {
		logging.From(ctx).Warn("fold is not complete: "+f.Reason, logging.CategoryStorage.Attr(),
			logging.KeyModel, f.Model, logging.KeyFold, f.Fold)
		out.Incomplete = append(out.Incomplete, Incomplete{Model: f.Model, Fold: f.Fold, Reason: Briefly(len(out.Incomplete), f.Reason)})
	}
	for _, m := range summary.Run.Spec.AllModels() {
		excused = append(excused, artifact.Task{Model: m.Name, Fold: artifact.FinalFold}) // FitFinal removes its own
	}
	sweep(ctx, s, summary.Incomplete, append(excused, artifact.StepTask(summaryStep)))
	if len(out.Incomplete) == 0 {
		if err := a.compare(ctx, s, summary); err != nil {
			return nil, fmt.Errorf("compare models: %w", err)
		}
		logModels(ctx, summary.Standings, summary.Metrics)
		out.chooseFinals(summary.Run)
	}
	return out, nil
}

// Reasons beyond maxReasons are cut to briefReason bytes in a result, or an answer to a query, which has to
// hold one a fold; logs have them whole.
const (
	maxReasons  = 50
	briefReason = 100
)

// Briefly is the nth reason of a list, from 0.
func Briefly(nth int, reason string) string {
	if nth < maxReasons {
		return reason
	}
	return Cut(reason, briefReason)
}

// Cut is a text of at most so many bytes, with a mark behind it where it was longer.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " …"
}

// chooseFinals says which models are fitted on all rows next.
func (r *SummarizeResult) chooseFinals(run *artifact.Run) {
	var incomplete []string
	r.Finals, incomplete = run.FinalModels(r.Leaderboard)
	switch {
	case len(incomplete) > 0:
		r.Warnings = append(r.Warnings, fmt.Sprintf("no final model of %s: not every planned fold is complete", strings.Join(incomplete, ", ")))
	case len(r.Finals) == 0:
		r.Warnings = append(r.Warnings, fmt.Sprintf("no final model: no model is ranked by %s", run.Spec.Final.Select))
	}
}

// sweep removes what workers that were killed after a manifest left under checkpoints/; a
// store that refuses is only warned about. Folds without a result keep theirs.
func sweep(ctx context.Context, s store.Store, incomplete []artifact.Incomplete, excused []artifact.Task) {
	unfinished := slices.Clone(excused)
	for _, f := range incomplete {
		unfinished = append(unfinished, f.Task)
	}
	if err := artifact.SweepCheckpoints(ctx, s, unfinished); err != nil {
		logging.From(ctx).Warn("could not remove checkpoints", logging.CategoryStorage.Attr(), "error", err)
	}
}

// logModels writes one performance record a model; its duration is the sum over folds.
func logModels(ctx context.Context, leaderboard []Standing, rows []artifact.MetricsRow) {
	for _, st := range leaderboard {
		seconds := 0.0
		for _, r := range rows {
			if r.Model == st.Model {
				seconds += r.FitSeconds + r.PredictSeconds
			}
		}
		logging.Performance{
			Duration:  time.Duration(seconds * float64(time.Second)),
			AvgCIndex: orNaN(st.CIndexMean), AvgIBS: orNaN(st.IBSMean), Folds: st.Folds,
		}.Log(logging.With(ctx, slog.String(logging.KeyModel, st.Model)), "model summarized")
	}
}
