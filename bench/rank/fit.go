package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// fingerprintDigits of a fit fingerprint are kept: enough to tell a changed setting.
const fingerprintDigits = 16

// pending is a task whose result is missing, failed, or was fitted from other inputs.
type pending struct {
	task
	run         *activities.InProcess
	fingerprint string
	rows        int
}

// plan prepares every set and lists what is to be fitted: the entry's folds first, the
// largest sets first within a model, which keeps all threads busy to the end.
func plan(ctx context.Context, specs map[string]*config.Spec, have map[task]result) ([]pending, error) {
	var todo []pending
	order := map[string]int{}
	for _, set := range slices.Sorted(maps.Keys(specs)) {
		run, err := activities.NewInProcess(ctx, app.Data{}.Open, specs[set])
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", set, err)
		}
		for i, model := range specs[set].AllModels() {
			order[model.Name] = i
		}
		for _, t := range run.Run.Tasks() {
			inputs, err := run.Run.FitInputs(t.Model, t.Fold)
			if err != nil {
				return nil, err
			}
			p := pending{task: task{Set: set, Model: t.Model, Fold: t.Fold}, run: run,
				fingerprint: inputs.Fingerprint()[:fingerprintDigits], rows: run.Run.Data.Rows}
			if former := have[p.task]; former.Fingerprint != p.fingerprint || former.Reason != "" {
				todo = append(todo, p)
			}
		}
	}
	slices.SortStableFunc(todo, func(a, b pending) int {
		if c := order[a.Model] - order[b.Model]; c != 0 {
			return c
		}
		return b.rows - a.rows
	})
	return todo, nil
}

// only keeps the tasks of the named models.
func only(todo []pending, models []string) []pending {
	return slices.DeleteFunc(todo, func(p pending) bool { return !slices.Contains(models, p.Model) })
}

// fitAll fits and scores what is pending, workers at a time, and journals every result.
func fitAll(ctx context.Context, todo []pending, workers int, journal *journal) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	var one sync.Mutex
	done := 0
	for _, p := range todo {
		group.Go(func() error {
			r, err := p.fit(ctx)
			if err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			done++
			slog.Info("scored", "model", r.Model, "set", r.Set, "fold", r.Fold, "seconds", r.Seconds,
				"harrell", optional(r.Harrell), "ibs", optional(r.IBS), "done", done, "of", len(todo))
			return journal.add(r)
		})
	}
	return group.Wait()
}

// fit is the result of one task on one thread. A model that cannot be fitted is a result,
// too; only the end of ctx is an error.
func (p pending) fit(ctx context.Context) (result, error) {
	r := result{task: p.task, Fingerprint: p.fingerprint}
	if err := ctx.Err(); err != nil {
		return r, err
	}
	s, err := p.run.Score(ctx, artifact.Task{Model: p.Model, Fold: p.Fold}, 1)
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil {
		r.Reason = err.Error()
		return r, nil
	}
	r.Harrell, r.IBS, r.Seconds = s.CHarrell, s.IBS, s.FitSeconds+s.PredictSeconds
	return r, nil
}
