package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"everfold/store"
)

// tombstone is pruned.json: it stands in a folder from the moment its removal begins until
// nothing else is left, or a start has written run.json. A run.json of another digest is that of a
// later start, which the removal does not concern.
type tombstone struct {
	RunSHA256 string    `json:"run_sha256"` // of the run.json that was removed; "" once a start has called it off
	Reason    string    `json:"reason"`
	Begun     time.Time `json:"begun"`
	// CalledOff is when a start took over the folder: the removal goes no further. Where run.json is
	// missing the start was cut off before it wrote that, and what is there is nobody's.
	CalledOff time.Time `json:"called_off,omitzero"`
}

// isCalledOff says whether there is one, and a start took over.
func (t *tombstone) isCalledOff() bool { return t != nil && !t.CalledOff.IsZero() }

// interrupted says what a folder without run.json is the rest of.
func (t *tombstone) interrupted() string {
	if t.isCalledOff() {
		return "its removal was interrupted, and so was a start of it"
	}
	return "its removal was interrupted"
}

func (t *tombstone) put(ctx context.Context, s store.Store, cond store.Condition) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err == nil {
		_, err = store.PutReconciled(ctx, s, PrunedKey, append(text, '\n'), cond)
	}
	return err
}

// readTombstone returns the tombstone that holds for a folder: nil where there is none or it
// is of an earlier run of the name.
func readTombstone(ctx context.Context, s store.Store, run *Run) (*tombstone, error) {
	content, _, err := store.ReadAll(ctx, s, PrunedKey, maxJSON)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &tombstone{}
	if err := json.Unmarshal(content, t); run != nil && (err != nil || t.RunSHA256 != run.SHA256) {
		return nil, nil
	}
	return t, nil
}

// calledOff says whether the tombstone is gone, or a start's: that puts files in place of those that
// are still to be removed.
func calledOff(ctx context.Context, s store.Store) (bool, error) {
	t, err := readTombstone(ctx, s, nil)
	return err == nil && (t == nil || t.isCalledOff()), err
}

// CallOff ends a removal that has taken run.json, for a run that is wanted after all: what is left
// of it stays. The tombstone says so until EndRemoval, which follows once run.json is there again:
// without either nobody would know the folder for a run's. Without a tombstone it does nothing.
func CallOff(ctx context.Context, s store.Store) error {
	t, err := readTombstone(ctx, s, nil)
	if err == nil && t != nil {
		t = &tombstone{Reason: t.Reason, Begun: t.Begun, CalledOff: time.Now().UTC()}
		err = t.put(ctx, s, store.Condition{})
	}
	if err != nil {
		return fmt.Errorf("call off the removal: %w", err)
	}
	return nil
}

// EndRemoval ends a removal whose run.json is there. Without one it does nothing.
func EndRemoval(ctx context.Context, s store.Store) error {
	if err := s.Delete(ctx, PrunedKey); err != nil {
		return fmt.Errorf("end the removal: %w", err)
	}
	return nil
}

// Condemned says whether a removal of the folder's run has begun.
func Condemned(ctx context.Context, s store.Store, run *Run) (bool, error) {
	t, err := readTombstone(ctx, s, run)
	return t != nil, err
}
