package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"

	"everfold/store"
)

// Checkpoint names one piece of the state of an unfinished fit (see survival.Checkpoints).
type Checkpoint struct {
	Task
	Fit   string // the fit fingerprint
	Piece string
}

func (c Checkpoint) key() string { return CheckpointKey(c.Model, c.Fold, c.Fit, c.Piece) }

// castagnoli is the polynomial that processors have an instruction for: states of a forest are
// some gigabytes a run. A checksum tells damage; nobody else writes here.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// digest is over fingerprint, piece, and length and checksum of the state: neither another fit's
// state nor another piece's verifies.
func (c Checkpoint) digest(state []byte) []byte {
	text := fmt.Sprintf("%d:%s%d:%s%d:%08x", len(c.Fit), c.Fit, len(c.Piece), c.Piece, len(state), crc32.Checksum(state, castagnoli))
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// maxCheckpoint bounds a state: scores of the most rows that trees take, twice over.
const maxCheckpoint = 1 << 30

// PutCheckpoint puts a state in place of the piece's last one.
func PutCheckpoint(ctx context.Context, s store.Store, c Checkpoint, state []byte) error {
	content := io.MultiReader(bytes.NewReader(c.digest(state)), bytes.NewReader(state))
	if _, err := s.Put(ctx, c.key(), content, store.Condition{}); err != nil {
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
