package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// Contents is what a run's folder has to tell, but for its rows: what is missing is nil or
// empty, and what is there but cannot be believed is left out and named in Problems. Equal
// folders give equal contents.
type Contents struct {
	Run         *Run             // nil: run.json is missing or damaged
	Folds       []*Manifest      // complete, in the order of Run.Tasks; without run.json all that verify
	Missing     []Incomplete     // planned, and not complete
	Standings   []Standing       // of Folds; of model_metrics.csv where there is no manifest
	Selection   *Selection       // nil: none was made
	Comparisons []Comparison     // of models, as of the last summary
	Finals      []*ModelInfo     // that belong to the run as it is now, in the order of the spec
	Predictions *PredictionsInfo // nil: none
	Profile     []byte           // data/profile.json
	Problems    []Problem

	store store.Store
	logs  []string // keys
}

// Problem is an artifact that was left out, and why.
type Problem struct{ What, Why string }

// contentsAtOnce is how many manifests are read at a time.
const contentsAtOnce = 8

// ReadContents reads what a run's folder has to tell. Payloads are not read. ErrNotFound where
// there is neither run.json nor a model_metrics.csv; other errors are the store's.
func ReadContents(ctx context.Context, s store.Store) (*Contents, error) {
	c := &Contents{store: s}
	metrics, _, err := store.ReadAll(ctx, s, MetricsKey, maxTable)
	if err := c.optional(MetricsKey, err); err != nil {
		return nil, fmt.Errorf("read contents: %w", err)
	}
	run, _, runErr := ReadRun(ctx, s)
	switch {
	case runErr == nil:
		c.Run = run
	case errors.Is(runErr, store.ErrNotFound) && metrics == nil:
		return nil, fmt.Errorf("read contents: %w", runErr)
	case errors.Is(runErr, store.ErrNotFound):
		c.leave(RunKey, "it is missing")
	case errors.Is(runErr, ErrDamaged):
		c.leave(RunKey, runErr.Error())
	default:
		return nil, fmt.Errorf("read contents: %w", runErr)
	}
	for _, read := range []func(context.Context) error{
		c.folds, func(context.Context) error { return c.standings(metrics) }, c.choice, c.finals, c.rest,
	} {
		if err := read(ctx); err != nil {
			return nil, fmt.Errorf("read contents: %w", err)
		}
	}
	return c, nil
}

// leave names something that is left out.
func (c *Contents) leave(what, why string) {
	why = strings.TrimPrefix(why, what+": ")
	c.Problems = append(c.Problems, Problem{what, why})
}

// optional takes what is missing for nothing, and names what is damaged; other errors stay.
func (c *Contents) optional(key string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case errors.Is(err, ErrDamaged), errors.Is(err, store.ErrTooLarge), errors.Is(err, store.ErrCorrupt):
		c.leave(key, err.Error())
		return nil
	}
	return err
}

// folds reads the manifests: of the run's tasks, without run.json of all that are listed.
func (c *Contents) folds(ctx context.Context) error {
	tasks, err := c.tasks(ctx)
	if err != nil {
		return err
	}
	found := make([]FoldPlan, len(tasks))
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(contentsAtOnce)
	for i, task := range tasks {
		group.Go(func() error {
			if c.Run == nil {
				m, _, err := ReadManifest(together, c.store, task.Model, task.Fold)
				found[i] = FoldPlan{Task: task, Action: Reuse, Manifest: m}
				if errors.Is(err, ErrDamaged) {
					found[i].Action, found[i].Reason = Train, err.Error()
					return nil
				}
				return err
			}
			e, err := examine(together, c.store, c.Run, task)
			if err == nil {
				found[i].Task = task
				e.decide(&found[i], false)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, f := range found {
		if f.Action == Reuse {
			c.Folds = append(c.Folds, f.Manifest)
			continue
		}
		c.Missing = append(c.Missing, Incomplete{f.Task, f.Reason})
	}
	return nil
}

func (c *Contents) tasks(ctx context.Context) ([]Task, error) {
	if c.Run != nil {
		return c.Run.Tasks(), nil
	}
	infos, err := c.store.List(ctx, ArtifactsPrefix)
	if err != nil {
		return nil, err
	}
	var tasks []Task
	for _, info := range infos {
		if model, fold, ok := ManifestOf(info.Key); ok {
			tasks = append(tasks, Task{model, fold})
		}
	}
	return tasks, nil
}

// standings are those of the manifests: they are as fresh as the last fold.
func (c *Contents) standings(metrics []byte) error {
	var plan *SummaryPlan
	if c.Run != nil {
		plan = c.Run.SummaryPlan()
	}
	if metrics != nil {
		if _, err := ParseMetrics(metrics); err != nil {
			c.leave(MetricsKey, err.Error())
			metrics = nil
		}
	}
	if len(c.Folds) > 0 {
		metrics = FormatMetrics(rowsOf(c.Folds))
	}
	if metrics == nil {
		return nil
	}
	var err error
	c.Standings, err = Standings(metrics, plan)
	return err
}

// choice reads what the models' scores were compared to.
func (c *Contents) choice(ctx context.Context) (err error) {
	c.Selection, err = ReadSelection(ctx, c.store)
	if err := c.optional(SelectionKey, err); err != nil {
		return err
	}
	c.Comparisons, err = ReadComparisons(ctx, c.store)
	return c.optional(ComparisonKey, err)
}

func (c *Contents) finals(ctx context.Context) error {
	if c.Run == nil {
		return nil
	}
	for _, m := range c.Run.Spec.AllModels() {
		info, err := ReadFinal(ctx, c.store, m.Name)
		if err != nil {
			if err := c.optional(ModelInfoKey(m.Name), err); err != nil {
				return err
			}
			continue
		}
		inputs, err := c.Run.FinalInputs(m.Name)
		if err != nil {
			return err
		}
		if info.Fingerprint != inputs.Fingerprint() {
			c.leave(ModelInfoKey(m.Name), "it was fitted from other inputs")
			continue
		}
		c.Finals = append(c.Finals, info)
	}
	return nil
}

func (c *Contents) rest(ctx context.Context) error {
	info := &PredictionsInfo{}
	_, err := readSealed(ctx, c.store, PredictionsInfoKey, info)
	if err == nil && info.Format == predictionsFormat {
		c.Predictions = info
	}
	if err := c.optional(PredictionsInfoKey, err); err != nil {
		return err
	}
	c.Profile, _, err = store.ReadAll(ctx, c.store, ProfileKey, maxJSON)
	if err := c.optional(ProfileKey, err); err != nil {
		return err
	}
	infos, err := c.store.List(ctx, LogsPrefix)
	for _, info := range infos {
		c.logs = append(c.logs, info.Key)
	}
	return err
}

// Logs hands the log files of a kind ("main", "performance", "warnings") to use, one after the
// other in the order of their names. One that is gone by now is passed over.
func (c *Contents) Logs(ctx context.Context, kind string, use func(io.Reader) error) error {
	for _, key := range c.logs {
		if !strings.HasPrefix(key, LogsPrefix+kind+"_") {
			continue
		}
		body, _, err := c.store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		err = use(body)
		body.Close()
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
	}
	return nil
}

// OutOfFold hands oof.csv to use as a stream. What use made of it counts only where OutOfFold
// returns nil: the digest is known at the end. Damage wraps ErrDamaged; ErrNotFound where there
// is none.
func (c *Contents) OutOfFold(ctx context.Context, use func(io.Reader) error) error {
	if c.Predictions == nil {
		return fmt.Errorf("read %s: %w", OutOfFoldKey, store.ErrNotFound)
	}
	at := slices.IndexFunc(c.Predictions.Files, func(f File) bool { return f.Key == OutOfFoldKey })
	if at < 0 {
		return fmt.Errorf("read %s: %w", OutOfFoldKey, store.ErrNotFound)
	}
	return readStream(ctx, c.store, c.Predictions.Files[at], use)
}

// TestRows are the test rows of a fold, ascending rows of the prepared table.
func (c *Contents) TestRows(ctx context.Context, fold int) ([]int, error) {
	if c.Run == nil {
		return nil, fmt.Errorf("rows of fold %d: no %s: %w", fold, RunKey, store.ErrNotFound)
	}
	info, err := c.Run.Fold(fold)
	if err != nil {
		return nil, err
	}
	stored, err := GetArray[int64](ctx, c.store, info.Rows)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, fmt.Errorf("rows of fold %d: %w", fold, err)
	}
	return rowNumbers(stored, c.Run.Data.Rows)
}
