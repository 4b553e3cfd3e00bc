package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"everfold/store"
)

// Checkpoint names one piece of the state of an unfinished fit (see survival.Checkpoints).
type Checkpoint struct {
	Task
	Fit   string // the fit fingerprint
	Piece string
}

func (c Checkpoint) key() string { return CheckpointKey(c.Model, c.Fold, c.Fit, c.Piece) }

// digest is over fingerprint, piece and state: neither another fit's state nor another
// piece's verifies.
func (c Checkpoint) digest(state []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s%d:%s", len(c.Fit), c.Fit, len(c.Piece), c.Piece)
	h.Write(state)
	return h.Sum(nil)
}

// maxCheckpoint bounds a state: scores of the most rows that trees take, twice over.
const maxCheckpoint = 1 << 30

// PutCheckpoint puts a state in place of the piece's last one.
func PutCheckpoint(ctx context.Context, s store.Store, c Checkpoint, state []byte) error {
	content := append(c.digest(state), state...)
	if _, err := store.PutBytes(ctx, s, c.key(), content, store.Condition{}); err != nil {
		return fmt.Errorf("save checkpoint %s of %s: %w", c.Piece, c.Task, err)
	}
	return nil
}

// ReadCheckpoint gives the last state of a piece, verified. store.ErrNotFound where there is
// none; one that does not verify wraps ErrDamaged.
func ReadCheckpoint(ctx context.Context, s store.Store, c Checkpoint) ([]byte, error) {
	content, _, err := store.ReadAll(ctx, s, c.key(), maxCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s of %s: %w", c.Piece, c.Task, err)
	}
	if len(content) < sha256.Size || !bytes.Equal(content[:sha256.Size], c.digest(content[sha256.Size:])) {
		return nil, fmt.Errorf("read checkpoint %s of %s: %w: its digest does not match its bytes", c.Piece, c.Task, ErrDamaged)
	}
	return content[sha256.Size:], nil
}
