package boost

import (
	"context"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// piece names the state of the rounds among a fit's checkpoints.
const piece = "rounds"

// stateType marks states; they are framed, versioned and sealed as model files are.
const stateType = Type + " rounds"

// keep saves the trees so far and F, where that is due.
func (b *booster) keep(ctx context.Context) {
	if len(b.trees) == b.kept {
		return
	}
	survival.Keep(ctx, b.fit.Checkpoints, piece, func() []byte {
		b.kept = len(b.trees)
		return b.encode()
	})
}

// encode gives the state. Exponentials are kept beside F: their rounding depends on the
// path, and a resumed fit must have the same bits.
func (b *booster) encode() []byte {
	w := modelfile.NewWriter(stateType, Version)
	w.Int(b.matrix.Rows())
	w.Float(b.start)
	writeTrees(w, b.trees, b.values)
	b.loss.write(w)
	w.Bool(b.held != nil)
	if b.held != nil {
		b.held.loss.write(w)
		w.Float(b.held.best)
		w.Int(b.held.bestAt)
	}
	return w.Bytes()
}

// resume takes up a kept state. What is not one of this fit is ignored.
func (b *booster) resume(ctx context.Context) {
	data, ok := survival.Kept(ctx, b.fit.Checkpoints, piece)
	if !ok {
		return
	}
	r, err := modelfile.Open(data, stateType, Version)
	if err != nil || r.Version != Version || r.Int() != b.matrix.Rows() || r.Float() != b.start {
		return
	}
	trees, values := readTrees(r, b.matrix.Columns())
	own := readScores(r, b.loss)
	held := scores{}
	best, bestAt := 0.0, 0
	if r.Bool() && b.held != nil {
		held, best, bestAt = readScores(r, b.held.loss), r.Float(), r.Int()
	}
	if r.Close() != nil || len(trees) > b.opt.Trees || own.f == nil || (b.held != nil) != (held.f != nil) || bestAt > len(trees) {
		return
	}
	b.trees, b.values, b.kept = trees, values, len(trees)
	own.restore(b.loss)
	if b.held != nil {
		held.restore(b.held.loss)
		b.held.best, b.held.bestAt = best, max(0, bestAt)
	}
}

func writeTrees(w *modelfile.Writer, trees []*tree.Tree, values [][]float64) {
	for t := range trees {
		w.Bool(true)
		trees[t].Write(w)
		w.Floats(values[t])
	}
	w.Bool(false)
}

func readTrees(r *modelfile.Reader, columns int) (trees []*tree.Tree, values [][]float64) {
	for r.Bool() {
		t, v := tree.Read(r, columns), r.Floats()
		if t == nil || len(v) != t.Leaves {
			r.Fail("a tree has not one value a leaf")
			return nil, nil
		}
		trees, values = append(trees, t), append(values, v)
	}
	return trees, values
}

// scores are what a loss has summed up.
type scores struct {
	f, e         []float64
	shift, moved float64
}

func (l *loss) write(w *modelfile.Writer) {
	w.Floats(l.f)
	w.Floats(l.e)
	w.Float(l.shift)
	w.Float(l.moved)
}

// readScores reads scores as long as those of l, else none.
func readScores(r *modelfile.Reader, l *loss) scores {
	s := scores{r.Floats(), r.Floats(), r.Float(), r.Float()}
	bad := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	if len(s.f) != len(l.f) || len(s.e) != len(l.e) || slices.ContainsFunc(s.f, bad) || slices.ContainsFunc(s.e, bad) {
		return scores{}
	}
	return s
}

func (s scores) restore(l *loss) {
	copy(l.f, s.f)
	copy(l.e, s.e)
	l.shift, l.moved = s.shift, s.moved
	l.each(l.sum)
}
