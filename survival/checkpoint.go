package survival

import "context"

// Checkpoints keeps the states of one unfinished fit, so that a new attempt goes on where
// an earlier one was lost. They belong to one fit: equal data, settings and seed. A fit
// that goes on from any of its states ends with the bytes of an undisturbed one.
//
// States are named by piece: a fit whose work is one sequence has one piece and replaces
// its state; one that works on several things at a time, or whose states would grow without
// bound, has a piece for each. Names are lower-case letters, digits, "-", "_" and "/".
//
// A checkpoint never fails a fit. What cannot be saved is lost; a state that does not
// decode, or not to what the fit needs, is to be ignored, as if there were none.
// Implementations are safe for concurrent use.
type Checkpoints interface {
	// Due says whether what was done for the piece since its last Save is worth another: some
	// seconds of work, more where saving is slow. On a cancelled ctx any work is worth it.
	// "a" also stands for the series of pieces "a/0", "a/1" and so on, and is then about the
	// last Save of any of them. It is cheap; ask where Check is called, before it.
	Due(ctx context.Context, piece string) bool
	// Save keeps a state in place of the piece's last one. It is on its way to safety, not
	// always safe, when Save returns; the bytes must not change any more.
	Save(ctx context.Context, piece string, state []byte)
	// Load gives the state of the piece that an earlier attempt saved last. Only complete
	// states that pass a digest are given.
	Load(ctx context.Context, piece string) (state []byte, ok bool)
}

// Keep saves the state of a piece where that is due; encode is called only then.
// c may be nil: nothing is kept.
func Keep(ctx context.Context, c Checkpoints, piece string, encode func() []byte) {
	if c != nil && c.Due(ctx, piece) {
		c.Save(ctx, piece, encode())
	}
}

// Kept is Load of a c that may be nil.
func Kept(ctx context.Context, c Checkpoints, piece string) (state []byte, ok bool) {
	if c == nil {
		return nil, false
	}
	return c.Load(ctx, piece)
}

// Within is the checkpoints of a fit within a fit, such as a base model of a stack: its
// pieces are kept as "part/piece" and meet none of another part. Within(nil, …) is nil.
func Within(c Checkpoints, part string) Checkpoints {
	if c == nil {
		return nil
	}
	return within{c, part + "/"}
}

type within struct {
	whole  Checkpoints
	prefix string
}

func (w within) Due(ctx context.Context, piece string) bool { return w.whole.Due(ctx, w.prefix+piece) }

func (w within) Save(ctx context.Context, piece string, state []byte) {
	w.whole.Save(ctx, w.prefix+piece, state)
}

func (w within) Load(ctx context.Context, piece string) ([]byte, bool) {
	return w.whole.Load(ctx, w.prefix+piece)
}
