package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// Start names one attempt at a fold: the execution that asked for it (a workflow run id)
// and the number of the attempt in it.
type Start struct {
	Task
	Execution string
	Attempt   int
}

func (st Start) prefix() string { return startsPrefix(st.Model, st.Fold) + st.Execution + "." }

func (st Start) key() string { return fmt.Sprintf("%s%d.json", st.prefix(), st.Attempt) }

// RecordStart notes that an attempt starts and returns how many earlier attempts of the
// same execution started and neither stopped cleanly (ClearStart) nor made progress
// (ClearStarts) since: workers that vanished, as an out-of-memory kill makes them. A new
// execution starts from zero, so an operator who helped may try again. Recording the same
// attempt again counts once. Execution must be a key element (see store.CheckKey).
func RecordStart(ctx context.Context, s store.Store, st Start) (lost int, err error) {
	content, err := json.Marshal(map[string]any{"execution": st.Execution, "attempt": st.Attempt})
	if err != nil {
		return 0, fmt.Errorf("record start of %s: %w", st.Task, err)
	}
	var infos []store.Info
	group, together := errgroup.WithContext(ctx) // the list is asked for the others' records alone
	group.Go(func() error {
		// A machine that loses power has not been killed by this fold: no wait for the disk.
		_, err := store.PutBytes(store.Fleeting(together), s, st.key(), content, store.Condition{})
		return err
	})
	group.Go(func() (err error) {
		infos, err = s.List(together, st.prefix())
		return err
	})
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("record start of %s: %w", st.Task, err)
	}
	for _, info := range infos {
		if info.Key != st.key() {
			lost++
		}
	}
	return lost, nil
}

// ClearStart removes the record of an attempt that stops cleanly: with a result, with an
// error, or because its worker shuts down.
func ClearStart(ctx context.Context, s store.Store, st Start) error {
	if err := s.Delete(store.Fleeting(ctx), st.key()); err != nil {
		return fmt.Errorf("clear start of %s: %w", st.Task, err)
	}
	return nil
}

// ClearStarts removes the records of all attempts at a task, once a checkpoint shows that
// they lead somewhere.
func ClearStarts(ctx context.Context, s store.Store, task Task) error {
	return deleteAll(ctx, s, startsPrefix(task.Model, task.Fold))
}

// ClearCheckpoints removes everything kept under checkpoints/ for a task. Call it when its
// manifest exists.
func ClearCheckpoints(ctx context.Context, s store.Store, task Task) error {
	return deleteAll(ctx, s, CheckpointPrefix(task.Model, task.Fold))
}

// SweepCheckpoints removes everything under checkpoints/ but what is kept for the tasks
// without a result: that of attempts which were killed after their manifest.
func SweepCheckpoints(ctx context.Context, s store.Store, unfinished []Task) error {
	infos, err := s.List(ctx, CheckpointsPrefix)
	if err != nil {
		return fmt.Errorf("sweep checkpoints: %w", err)
	}
	for _, info := range infos {
		kept := slices.ContainsFunc(unfinished, func(t Task) bool {
			return strings.HasPrefix(info.Key, CheckpointPrefix(t.Model, t.Fold))
		})
		if kept {
			continue
		}
		if err := s.Delete(ctx, info.Key); err != nil {
			return fmt.Errorf("sweep checkpoints: %w", err)
		}
	}
	return nil
}

// deletesAtOnce are on their way to the store.
const deletesAtOnce = 8

func deleteAll(ctx context.Context, s store.Store, prefix string) error {
	infos, err := s.List(ctx, prefix)
	if err != nil {
		return fmt.Errorf("delete %s: %w", prefix, err)
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(deletesAtOnce)
	for _, info := range infos {
		group.Go(func() error { return s.Delete(together, info.Key) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("delete %s: %w", prefix, err)
	}
	return nil
}
