package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"everfold/config"
	"everfold/store"
)

// surveyed is a run's folder as it was found, unverified.
type surveyed struct {
	folder
	runType   config.RunType
	run       *Run       // nil: run.json is missing or damaged
	standings []Standing // of a finished run
	grave     *tombstone // nil: nobody has begun to remove it
}

// survey describes the folders of a type whose name matches, by name. What is neither a run
// nor the rest of one is left out: it is not ours.
func survey(ctx context.Context, root store.Store, runType config.RunType, matches func(name string) bool) ([]*surveyed, error) {
	found, err := listFolders(ctx, root, runType)
	if err != nil {
		return nil, err
	}
	var all []*surveyed
	for _, f := range found {
		if !matches(f.name) || !f.has(RunKey) && !f.has(PrunedKey) {
			continue
		}
		v := &surveyed{folder: f, runType: runType}
		if err := v.read(ctx, root); err != nil {
			return nil, fmt.Errorf("look at run %s/%s: %w", runType, v.name, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func (v *surveyed) id() string { return Folder(string(v.runType), v.name) }

// read reads what the documents of the folder say. Errors are the store's.
func (v *surveyed) read(ctx context.Context, root store.Store) error {
	s := store.Prefixed(root, v.id())
	run, _, err := ReadRun(ctx, s)
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrDamaged) {
		return err
	}
	v.run = run
	if errors.Is(err, ErrDamaged) {
		return nil // a removal leaves run.json whole until it deletes it: this damage is another's, and may be mended
	}
	if v.grave, err = readTombstone(ctx, s, v.run); err != nil {
		return err
	}
	if v.run == nil || v.grave != nil || !v.has(SummaryKey) {
		return nil
	}
	metrics, _, err := store.ReadAll(ctx, s, MetricsKey, maxTable)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	standings, err := Standings(metrics, v.run.SummaryPlan())
	if err == nil && len(standings) > 0 && standings[0].Rank > 0 { // a damaged table is none
		v.standings = standings
	}
	return nil
}

// finished says that the run has come to its end, with at least one model that has every
// planned fold; others may have failed.
func (v *surveyed) finished() bool { return v.standings != nil }

// verify hashes everything of a finished run: "", or why it is not good. Folds that failed
// are missing and no fault, final models that are missing are one.
func (v *surveyed) verify(ctx context.Context, root store.Store) (fault string, err error) {
	s := store.Prefixed(root, v.id())
	plan, err := BuildPlan(ctx, s, v.run, PlanOptions{})
	if err != nil {
		return "", fmt.Errorf("verify %s: %w", v.id(), err)
	}
	for _, f := range plan.Folds {
		if f.Action == Train && (v.ranked(f.Model) || v.has(ManifestKey(f.Model, f.Fold))) {
			return fmt.Sprintf("%s: %s", f.Task, f.Reason), nil
		}
	}
	models, _ := v.run.FinalModels(v.standings)
	for _, model := range models {
		final, err := ExamineFinal(ctx, s, v.run, model)
		if err != nil {
			return "", fmt.Errorf("verify %s: %w", v.id(), err)
		}
		if final.Action() == Train {
			return fmt.Sprintf("final model %s: %s", model, final.Reason), nil
		}
	}
	return "", nil
}

func (v *surveyed) ranked(model string) bool {
	return slices.ContainsFunc(v.standings, func(s Standing) bool { return s.Model == model && s.Rank > 0 })
}

// written is when a run last wrote to the folder: a removal's tombstone is none of its, one that a start
// has called off is.
func (v *surveyed) written() time.Time {
	var last time.Time
	for _, o := range v.objects {
		removals := o.Key == PrunedKey && !v.grave.isCalledOff()
		if !removals && o.Modified.After(last) {
			last = o.Modified
		}
	}
	return last
}

// fitting says that a fit has begun and has not ended, unless its worker was lost. What steps keep, such as
// the report, is no fit's.
func (v *surveyed) fitting() bool {
	for key := range v.objects {
		rest, ok := strings.CutPrefix(key, CheckpointsPrefix)
		if ok && !strings.HasPrefix(rest, stepMark) && strings.Contains(rest, "/start.") {
			return true
		}
	}
	return false
}

func (v *surveyed) bytes() (n int64) {
	for _, o := range v.objects {
		n += o.Size
	}
	return n
}

// Best is a run with its best model.
type Best struct {
	Run   string
	Model string
	Score float64 // mean C-index
	// Metric says what the C-index is: runs with another are not to be compared.
	Metric string
}

func (v *surveyed) asBest() *Best {
	if !v.finished() {
		return nil
	}
	m, first := v.run.Spec.Metrics, v.standings[0]
	return &Best{Run: v.name, Model: first.Model, Score: *first.CIndexMean, Metric: m.CIndex + ", " + m.Convention}
}

// BestOf is the best model of a run and, of the finished runs whose names match and come
// before it, that of the last. Names of one run template sort by time. Either is nil where
// there is none: former also where its C-index is another one.
func BestOf(ctx context.Context, root store.Store, runType config.RunType, run string, matches func(string) bool) (now, former *Best, err error) {
	all, err := survey(ctx, root, runType, func(name string) bool { return name == run || name < run && matches(name) })
	if err != nil {
		return nil, nil, err
	}
	for _, v := range all {
		switch {
		case v.name == run:
			now = v.asBest()
		case v.finished():
			former = v.asBest()
		}
	}
	if now == nil || former != nil && former.Metric != now.Metric {
		former = nil
	}
	return now, former, nil
}
