package ensemble

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// stateType marks states; they are framed and versioned as model files are.
func (g *growth) stateType() string { return g.Kind.Type + " trees" }

// series is the name of all pieces together.
const series = "trees"

// pieceKey names a piece.
func pieceKey(k int) string { return fmt.Sprintf("%s/%d", series, k) }

// mostPiece bounds the bytes of trees that wait for a slow store. Trees beyond are not kept.
const mostPiece = 128 << 20

// note writes a tree into the next piece: only its bytes wait for that to be saved.
func (g *growth) note(b int, t Tree, leaves *tree.PackedLeaves) {
	if g.Options.Checkpoints == nil {
		return
	}
	g.state.Lock()
	defer g.state.Unlock()
	if g.piece == nil {
		g.piece = modelfile.NewWriter(g.stateType(), g.Kind.Version)
		g.piece.Grow(g.usual) // a buffer that grew would be copied, and leave a multiple of its size as garbage
		g.piece.Int(len(g.Sample.Rows))
	}
	if g.piece.Len() > mostPiece {
		return
	}
	g.piece.Bool(true)
	g.piece.Int(b)
	t.Write(g.piece)
	leaves.Keep(g.piece)
}

// keep saves the trees grown since the last piece, where that is due. A piece is written
// once: the work of keeping a tree does not grow with the forest.
func (g *growth) keep(ctx context.Context) {
	g.state.Lock()
	defer g.state.Unlock()
	if g.piece == nil || !g.Options.Checkpoints.Due(ctx, series) {
		return
	}
	g.piece.Bool(false)
	state := g.piece.State()
	g.Options.Checkpoints.Save(ctx, pieceKey(g.pieces), state)
	g.piece, g.usual = nil, len(state)+len(state)/8
	g.pieces++
}

// resume takes up the trees that an earlier attempt kept, up to the first piece that is
// missing or not of this fit. It fails only with the cause of ctx.
func (g *growth) resume(ctx context.Context) error {
	count := make([]uint32, len(g.Sample.Rows))
	for {
		data, ok := survival.Kept(ctx, g.Options.Checkpoints, pieceKey(g.pieces))
		if !ok {
			return nil
		}
		whole, err := g.takeUp(ctx, data, count)
		if err != nil || !whole {
			return err
		}
		g.pieces++
	}
}

// takeUp passes the trees of one piece, one after another; whole says that it is a piece of
// this fit to its end.
func (g *growth) takeUp(ctx context.Context, data []byte, count []uint32) (whole bool, err error) {
	r, err := modelfile.OpenState(data, g.stateType(), g.Kind.Version)
	if err != nil || r.Version != g.Kind.Version || r.Int() != len(g.Sample.Rows) {
		return false, nil
	}
	for r.Bool() {
		b := r.Int()
		t, leaves := g.Kind.readKept(r, len(g.Design.Columns), len(g.Sample.times))
		if leaves == nil || b < 0 || b >= g.Options.Trees {
			return false, nil
		}
		if g.grown[b] {
			continue
		}
		if err := survival.Check(ctx, float64(g.done), float64(g.Options.Trees)); err != nil {
			return false, err
		}
		g.draw(count, b)
		if err := g.pass(ctx, b, grownTree{t, leaves}, count); err != nil {
			return false, err
		}
	}
	return r.Close() == nil, nil
}
