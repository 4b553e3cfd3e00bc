package ensemble

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// stateType marks states; they are framed, versioned and sealed as model files are.
func (p *plan) stateType() string { return p.kind.Type + " trees" }

// keep saves the trees grown since the last piece, where that is due. A piece is written
// once: the work of keeping a tree does not grow with the forest.
func (p *plan) keep(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fresh) == 0 {
		return
	}
	survival.Keep(ctx, p.opt.Checkpoints, fmt.Sprintf("trees/%d", p.pieces), func() []byte {
		w := modelfile.NewWriter(p.stateType(), p.kind.Version)
		w.Int(p.rows)
		w.Int(len(p.fresh))
		for _, b := range p.fresh {
			w.Int(b)
			p.trees[b].Write(w)
			p.leaves[b].Write(w)
		}
		p.fresh = p.fresh[:0]
		p.pieces++
		return w.Bytes()
	})
}

// resume takes up the trees that an earlier attempt kept, up to the first piece that is
// missing or not of this fit.
func (p *plan) resume(ctx context.Context) {
	for {
		data, ok := survival.Kept(ctx, p.opt.Checkpoints, fmt.Sprintf("trees/%d", p.pieces))
		if !ok || !p.take(data) {
			return
		}
		p.pieces++
	}
}

// take reads one piece; false where it is not one of this fit.
func (p *plan) take(data []byte) bool {
	r, err := modelfile.Open(data, p.stateType(), p.kind.Version)
	if err != nil || r.Version != p.kind.Version || r.Int() != p.rows {
		return false
	}
	trees, leaves := map[int]Tree{}, map[int]*tree.Leaves{}
	for range r.Int() {
		b := r.Int()
		t, count := p.kind.Read(r, p.columns)
		l := tree.ReadLeaves(r, count, p.times)
		if t == nil || l == nil || b < 0 || b >= len(p.trees) {
			return false
		}
		trees[b], leaves[b] = t, l
	}
	if r.Close() != nil {
		return false
	}
	for b := range trees {
		if p.trees[b] == nil {
			p.done.Add(1)
		}
		p.trees[b], p.leaves[b] = trees[b], leaves[b]
	}
	return true
}
