package coxnet

import (
	"context"
	"slices"
	"sync"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// piece names the state of the inner folds among a fit's checkpoints, and stateType marks it.
const (
	piece     = "inner"
	stateType = Type + " inner folds"
)

// finished are the inner folds that are done, for this attempt and for another one. The path
// itself is fitted again.
type finished struct {
	to     survival.Checkpoints
	alphas []float64

	mu    sync.Mutex
	folds []*leftOut // nil: not done
}

// resume begins with what an earlier attempt has done. A state that is not of this path and
// number of folds is ignored.
func resume(ctx context.Context, to survival.Checkpoints, alphas []float64, folds int) *finished {
	f := &finished{to: to, alphas: alphas, folds: make([]*leftOut, folds)}
	state, ok := survival.Kept(ctx, to, piece)
	if !ok {
		return f
	}
	r, err := modelfile.Open(state, stateType, Version)
	if err != nil || r.Version != Version || !slices.Equal(r.Floats(), alphas) || r.Int() != folds {
		return f
	}
	kept := make([]*leftOut, folds)
	for k := range kept {
		if !r.Bool() {
			continue
		}
		if kept[k] = (&leftOut{r.Floats(), r.Bool()}); len(kept[k].deviance) != len(alphas) {
			return f
		}
	}
	if r.Close() == nil {
		f.folds = kept
	}
	return f
}

// of is fold k as it was done before; nil where it was not.
func (f *finished) of(k int) *leftOut {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.folds[k]
}

// add notes that fold k is done, and saves all that are where that is due.
func (f *finished) add(ctx context.Context, k int, out leftOut) {
	f.mu.Lock()
	f.folds[k] = &out
	f.mu.Unlock()
	f.keep(ctx)
}

// keep saves all folds that are done, where that is due.
func (f *finished) keep(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.folds, func(fold *leftOut) bool { return fold != nil }) {
		return
	}
	survival.Keep(ctx, f.to, piece, func() []byte {
		w := modelfile.NewWriter(stateType, Version)
		w.Floats(f.alphas)
		w.Int(len(f.folds))
		for _, fold := range f.folds {
			w.Bool(fold != nil)
			if fold != nil {
				w.Floats(fold.deviance)
				w.Bool(fold.converged)
			}
		}
		return w.Bytes()
	})
}
