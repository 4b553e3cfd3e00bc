package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

const (
	maxTable     = 512 << 20 // bytes of a CSV file: calibration curves of 10⁵ fits are 200 MB
	publishTries = 200       // conflicts in a row before the call is given back to its caller's retry
)

// PublishMetrics brings model_metrics.csv in line with the manifests and returns its
// number of rows: every fold whose manifest verifies against its own digest and has both
// fingerprints of run.json. Payloads are not read; Summarize does that. ErrSuperseded
// where run.json is that of another spec. cache may be nil.
//
// Writers may race: each reads the file's ETag first, then the manifests, and puts
// If-Match, so the last one has seen every manifest that was there when the one before it
// wrote.
func PublishMetrics(ctx context.Context, s store.Store, specDigest string, cache *Cache) (rows int, err error) {
	if cache == nil {
		cache = &Cache{}
	}
	err = swapTable(ctx, s, MetricsKey, func() ([]byte, error) {
		run, err := readCurrent(ctx, s, specDigest, cache)
		if err != nil {
			return nil, err
		}
		manifests, err := listed(ctx, s, run, cache)
		rows = len(manifests)
		return FormatMetrics(rowsOf(manifests)), err
	})
	if err != nil {
		return 0, fmt.Errorf("publish metrics: %w", err)
	}
	return rows, nil
}

// swapTable replaces a table by what project makes, by compare-and-swap: the ETag is read
// before project reads what the table is made of. On conflict everything starts over.
func swapTable(ctx context.Context, s store.Store, key string, project func() ([]byte, error)) error {
	var err error
	for range publishTries {
		former, info, readErr := store.ReadAll(ctx, s, key, maxTable)
		if readErr != nil && !errors.Is(readErr, store.ErrNotFound) {
			return readErr
		}
		content, projectErr := project()
		if projectErr != nil {
			return projectErr
		}
		if readErr == nil && bytes.Equal(former, content) {
			return nil
		}
		cond := store.Condition{Absent: readErr != nil, ETag: info.ETag}
		_, err = store.PutBytes(ctx, s, key, content, cond)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}

// listed are the manifests that a listing shows and that have both fingerprints of the run,
// in the order of the tasks.
func listed(ctx context.Context, s store.Store, run *Run, cache *Cache) ([]*Manifest, error) {
	infos, err := s.List(ctx, ArtifactsPrefix)
	if err != nil {
		return nil, err
	}
	etags := map[Task]string{}
	for _, info := range infos {
		if model, fold, ok := ManifestOf(info.Key); ok {
			etags[Task{model, fold}] = info.ETag
		}
	}
	var found []*Manifest
	for _, task := range run.Tasks() {
		etag, present := etags[task]
		if !present {
			continue
		}
		m, err := cachedManifest(ctx, s, task, etag, cache)
		if errors.Is(err, ErrDamaged) || errors.Is(err, store.ErrNotFound) {
			continue // not there, then: Summarize names it and the fold is fitted again
		}
		if err != nil {
			return nil, err
		}
		current, err := isCurrent(s, run, m, cache)
		if err != nil {
			return nil, err
		}
		if current {
			found = append(found, m)
		}
	}
	return found, nil
}

// isCurrent says whether a manifest has both fingerprints of the run. Those that had are not
// compared again: a large run is listed hundreds of times.
func isCurrent(s store.Store, run *Run, m *Manifest, cache *Cache) (bool, error) {
	key := ManifestKey(m.Model, m.Fold)
	if cache.isCurrent(s, key, m, run) {
		return true, nil
	}
	want, err := run.fingerprints(m.Model, m.Fold)
	if err != nil || m.FitFingerprint != want.fit || m.ScoreFingerprint != want.score {
		return false, err
	}
	cache.setCurrent(s, key, m, run)
	return true, nil
}

func cachedManifest(ctx context.Context, s store.Store, task Task, etag string, cache *Cache) (*Manifest, error) {
	key := ManifestKey(task.Model, task.Fold)
	if m := cache.get(s, key, etag); m != nil {
		return m, nil
	}
	m, etag, err := ReadManifest(ctx, s, task.Model, task.Fold)
	if err != nil {
		return nil, err
	}
	cache.put(s, key, etag, m)
	return m, nil
}

// SummarizeOptions are the settings of Summarize.
type SummarizeOptions struct {
	SpecDigest string
	Excused    []Task // failed or skipped: their absence is expected
	Parallel   int    // manifests verified at a time; 0 means 4
}

// Incomplete is a task without a result that verifies, and why.
type Incomplete struct {
	Task
	Reason string `json:"reason"`
}

// Summary is the end of a run.
type Summary struct {
	Standings  []Standing
	Incomplete []Incomplete // in the order of Run.Tasks, without the excused
	Metrics    []MetricsRow // of model_metrics.csv
	Run        *Run
	Complete   []*Manifest // of the folds that verify, in the order of Run.Tasks
}

// Summarize verifies every manifest and every file, writes model_metrics.csv, the tables of
// projections and model_summary.csv of what is complete, and names what is not.
func Summarize(ctx context.Context, s store.Store, opt SummarizeOptions) (*Summary, error) {
	summary := &Summary{}
	err := swapTable(ctx, s, MetricsKey, func() ([]byte, error) {
		run, err := readCurrent(ctx, s, opt.SpecDigest, nil)
		if err != nil {
			return nil, err
		}
		summary.Run = run
		summary.Complete, summary.Incomplete, err = verified(ctx, s, run, opt)
		summary.Metrics = rowsOf(summary.Complete)
		return FormatMetrics(summary.Metrics), err
	})
	if err == nil {
		err = writeProjections(ctx, s, summary.Run, summary.Complete)
	}
	if err != nil {
		return nil, fmt.Errorf("summarize: %w", err)
	}
	if summary.Standings, err = writeSummary(ctx, s, summary.Run.SummaryPlan()); err != nil {
		return nil, fmt.Errorf("summarize: %w", err)
	}
	return summary, nil
}

// verified are the manifests of all folds that verify to the last byte, in the order of the
// tasks, and what is incomplete.
func verified(ctx context.Context, s store.Store, run *Run, opt SummarizeOptions) ([]*Manifest, []Incomplete, error) {
	tasks := run.Tasks()
	plans := make([]FoldPlan, len(tasks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel(opt.Parallel))
	for i, task := range tasks {
		group.Go(func() error {
			e, err := examine(ctx, s, run, task)
			if err == nil {
				err = e.verify(ctx, s)
			}
			if err != nil {
				return fmt.Errorf("verify %s: %w", task, err)
			}
			plans[i].Task = task
			e.decide(&plans[i], false)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var complete []*Manifest
	var incomplete []Incomplete
	for _, p := range plans {
		switch {
		case p.Action == Reuse:
			complete = append(complete, p.Manifest)
		case !slices.Contains(opt.Excused, p.Task):
			incomplete = append(incomplete, Incomplete{p.Task, p.Reason})
		}
	}
	return complete, incomplete, nil
}

func rowsOf(manifests []*Manifest) []MetricsRow {
	var rows []MetricsRow
	for _, m := range manifests {
		rows = append(rows, m.Row())
	}
	return rows
}

// RebuildSummary writes model_summary.csv anew from model_metrics.csv, which must exist
// (else ErrNotFound), and returns the leaderboard. run.json, where it is readable, adds
// planned models and folds that have no row; then the tables of projections are rebuilt,
// too, from the manifests that verify against their own digests.
func RebuildSummary(ctx context.Context, s store.Store) ([]Standing, error) {
	var plan *SummaryPlan
	run, _, err := ReadRun(ctx, s)
	switch {
	case err == nil:
		plan = run.SummaryPlan()
	case !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrDamaged):
		return nil, fmt.Errorf("rebuild summary: %w", err)
	}
	standings, err := writeSummary(ctx, s, plan)
	if err == nil && run != nil {
		err = rebuildProjections(ctx, s, run)
	}
	if err != nil {
		return nil, fmt.Errorf("rebuild summary: %w", err)
	}
	return standings, nil
}

func rebuildProjections(ctx context.Context, s store.Store, run *Run) error {
	manifests, err := listed(ctx, s, run, &Cache{})
	if err != nil {
		return err
	}
	return writeProjections(ctx, s, run, manifests)
}

func writeSummary(ctx context.Context, s store.Store, plan *SummaryPlan) (standings []Standing, err error) {
	err = swapTable(ctx, s, SummaryKey, func() ([]byte, error) {
		metrics, _, err := store.ReadAll(ctx, s, MetricsKey, maxTable)
		if err != nil {
			return nil, err
		}
		if standings, err = Standings(metrics, plan); err != nil {
			return nil, fmt.Errorf("%s: %w", MetricsKey, err)
		}
		return FormatSummary(standings), nil
	})
	return standings, err
}
