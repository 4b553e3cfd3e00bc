package artifact

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"everfold/config"
	"everfold/store"
)

// FinalFold is the Fold of a Task that is not a fold: the fit on all rows.
const FinalFold = -1

// Task is one (model, fold), or the final fit of a model.
type Task struct {
	Model string `json:"model"`
	Fold  int    `json:"fold"`
}

// stepMark begins the names of steps, and no model's.
const stepMark = "_"

// StepTask names a step of a run beside its fits, such as "report": what is kept under checkpoints/ for it
// lies where that of no model does, whose names begin with a letter.
func StepTask(step string) Task { return Task{Model: stepMark + step, Fold: FinalFold} }

// String is such as "rsf fold 3", "rsf final fit" or "report".
func (t Task) String() string {
	if step, is := strings.CutPrefix(t.Model, stepMark); is {
		return step
	}
	if t.Fold == FinalFold {
		return t.Model + " final fit"
	}
	return fmt.Sprintf("%s fold %d", t.Model, t.Fold)
}

// Action is what is to be done about a task.
type Action string

// The actions.
const (
	Train   Action = "train"   // fit, score, write
	Rescore Action = "rescore" // the fit stands, metrics are computed anew from its files
	Reuse   Action = "reuse"   // complete: nothing to do
)

// FoldPlan is the plan of one task.
type FoldPlan struct {
	Task
	Action Action `json:"action"`
	Reason string `json:"reason"` // which check failed, for people
	// Changed: a whole result of other inputs is in place, and training would replace it.
	Changed bool `json:"changed,omitempty"`
	// Force is the digest of the complete manifest that a forced fit may replace.
	Force string `json:"force,omitempty"`
	// Missing: there is no manifest at all.
	Missing bool `json:"-"`
	// Manifest is the one in place, verified; nil where there is none that verifies.
	Manifest *Manifest `json:"-"`
}

// FinalPlan is what a start would do about the fit of a model on all rows.
type FinalPlan struct {
	Model  string `json:"model"`
	Action Action `json:"action"` // Train or Reuse
	Reason string `json:"reason"`
}

// Plan is what a start of a run would do.
type Plan struct {
	Folds []FoldPlan `json:"folds"` // in the order of Run.Tasks
	Left  []Task     `json:"left"`  // with OnlyFailed: not planned before, so left alone
	// Finals are the final models; nil where only the scores of folds still to be fitted tell
	// which these are.
	Finals []FinalPlan `json:"finals"`
}

// PlanOptions are the wishes of a start.
type PlanOptions struct {
	Request  config.Request // Force and OnlyFailed act here; RetrainChanged on Check
	Former   *Run           // run.json before this start; nil where there was none
	Parallel int            // manifests verified at a time; 0 means 4
}

const defaultParallel = 4

// BuildPlan verifies every manifest and every file of the run and says what is to be done
// about each task under run, which need not be stored yet. Errors are the store's, or
// *config.Error for a force entry that names nothing.
func BuildPlan(ctx context.Context, s store.Store, run *Run, opt PlanOptions) (*Plan, error) {
	forced, err := forcedTasks(run, opt.Request)
	if err != nil {
		return nil, err
	}
	before := map[Task]bool{}
	if opt.Former != nil {
		for _, task := range opt.Former.Tasks() {
			before[task] = true
		}
	}
	plan := &Plan{}
	for _, task := range run.Tasks() {
		if opt.Request.OnlyFailed && !before[task] {
			plan.Left = append(plan.Left, task)
			continue
		}
		plan.Folds = append(plan.Folds, FoldPlan{Task: task})
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(parallel(opt.Parallel))
	for i := range plan.Folds {
		group.Go(func() error {
			f := &plan.Folds[i]
			e, err := examine(together, s, run, f.Task)
			if err != nil {
				return fmt.Errorf("plan %s: %w", f.Task, err)
			}
			if err := e.verify(together, s); err != nil {
				return fmt.Errorf("plan %s: %w", f.Task, err)
			}
			e.decide(f, forced[f.Task])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	plan.Finals, err = planFinals(ctx, s, run, plan)
	return plan, err
}

// planFinals examines the models that final.models means: by the scores in the manifests
// where every fold is to be reused, by name where names are given.
func planFinals(ctx context.Context, s store.Store, run *Run, plan *Plan) ([]FinalPlan, error) {
	var manifests []*Manifest
	for _, f := range plan.Folds {
		if f.Action == Reuse {
			manifests = append(manifests, f.Manifest)
		}
	}
	names := run.namedFinals()
	if len(manifests) == len(run.Tasks()) {
		standings, err := Standings(FormatMetrics(rowsOf(manifests)), run.SummaryPlan())
		if err != nil {
			return nil, fmt.Errorf("plan final models: %w", err)
		}
		names, _ = run.FinalModels(standings)
	}
	var finals []FinalPlan
	for _, model := range names {
		state, err := ExamineFinal(ctx, s, run, model)
		if err != nil {
			return nil, fmt.Errorf("plan final models: %w", err)
		}
		finals = append(finals, FinalPlan{Model: model, Action: state.Action(), Reason: state.Reason})
	}
	return finals, nil
}

func parallel(n int) int {
	if n <= 0 {
		return defaultParallel
	}
	return n
}

// ChangedError lists complete folds that a start would train again because their inputs
// changed, which it does only on request.
type ChangedError struct{ Folds []FoldPlan }

// Error names up to ten folds with what changed.
func (e *ChangedError) Error() string {
	const shown = 10
	var b strings.Builder
	fmt.Fprintf(&b, "%d complete folds were fitted from other inputs; nothing was started. Use --retrain-changed to fit them again, or another run id:", len(e.Folds))
	for i, f := range e.Folds {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Folds)-shown)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s", f.Task, f.Reason)
	}
	return b.String()
}

// Check returns a *ChangedError where the plan would replace complete folds whose inputs
// changed, unless that is asked for.
func (p *Plan) Check(request config.Request) error {
	var changed []FoldPlan
	for _, f := range p.Folds {
		if f.Changed {
			changed = append(changed, f)
		}
	}
	if len(changed) == 0 || request.RetrainChanged {
		return nil
	}
	return &ChangedError{Folds: changed}
}

// forcedTasks expands the force entries, "model" or "model:fold".
func forcedTasks(run *Run, request config.Request) (map[Task]bool, error) {
	if err := request.Check(run.Spec); err != nil {
		return nil, err
	}
	forced := map[Task]bool{}
	for i, entry := range request.Force {
		model, number, one := strings.Cut(entry, ":")
		found := false
		for _, f := range run.Folds {
			if !one || number == strconv.Itoa(f.Index) {
				forced[Task{model, f.Index}] = true
				found = true
			}
		}
		if !found {
			return nil, &config.Error{Problems: []config.Problem{{
				Path: fmt.Sprintf("request.force[%d]", i),
				Text: fmt.Sprintf("no fold %s; the run has %d folds", number, len(run.Folds)),
			}}}
		}
	}
	return forced, nil
}

// examined is what the store holds for a task, beside what is wanted.
type examined struct {
	want     fingerprints
	manifest *Manifest // nil where fault is set by inPlace
	etag     string    // of whatever has the manifest's key; "" where nothing has
	fault    error     // why what is in place does not count; wraps ErrNotFound or ErrDamaged
}

// examine reads the manifest of a task, not its files. The error is the store's, or that
// the run does not have this task.
func examine(ctx context.Context, s store.Store, run *Run, task Task) (*examined, error) {
	want, err := run.fingerprints(task.Model, task.Fold)
	if err != nil {
		return nil, err
	}
	e, err := inPlace(ctx, s, task)
	if err != nil {
		return nil, err
	}
	e.want = want
	return e, nil
}

// inPlace is what the store holds for a task; what is wanted is not known yet.
func inPlace(ctx context.Context, s store.Store, task Task) (e *examined, err error) {
	e = &examined{}
	e.manifest, e.etag, err = ReadManifest(ctx, s, task.Model, task.Fold)
	switch {
	case errors.Is(err, store.ErrNotFound):
		e.fault = fmt.Errorf("no manifest: %w", err)
	case errors.Is(err, ErrDamaged):
		e.fault = err
	case err != nil:
		return nil, err
	}
	return e, nil
}

// verify hashes the files of the manifest; damage becomes the fault, other errors are the
// store's.
func (e *examined) verify(ctx context.Context, s store.Store) error {
	if e.fault != nil {
		return nil
	}
	err := Verify(ctx, s, e.manifest)
	if errors.Is(err, ErrDamaged) {
		e.fault = err
		return nil
	}
	return err
}

// action is what to do where nothing is forced, given what verify found.
func (e *examined) action() Action {
	switch {
	case e.fault != nil, e.manifest.FitFingerprint != e.want.fit:
		return Train
	case e.manifest.ScoreFingerprint != e.want.score:
		return Rescore
	default:
		return Reuse
	}
}

func (e *examined) decide(f *FoldPlan, forced bool) {
	f.Action = e.action()
	if e.fault == nil {
		f.Manifest = e.manifest
	}
	switch {
	case errors.Is(e.fault, ErrDamaged):
		f.Reason = e.fault.Error()
	case e.fault != nil:
		f.Missing, f.Reason = true, "no manifest"
	case f.Action == Train: // forced, too: force repeats a fit, it does not allow another one
		f.Changed, f.Reason = true, "fitted from other inputs: "+e.want.explain(e.manifest)
	case forced:
		f.Action, f.Force, f.Reason = Train, e.manifest.SHA256, "forced"
	case f.Action == Rescore:
		f.Reason = "metric settings changed"
	default:
		f.Reason = "complete"
	}
}
