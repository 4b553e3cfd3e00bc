package stack

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// stateType marks the states of a fit, one a fitted base; they are framed as model files.
const stateType = Type + " base"

// keep saves a fitted base for another attempt, where that is due.
func (s *stacking) keep(ctx context.Context, piece string, m survival.Model, p part) error {
	c := s.fit.Checkpoints
	if c == nil || !c.Due(ctx, piece) {
		return nil
	}
	file, err := m.MarshalBinary()
	if err != nil {
		return fmt.Errorf("encode base: %w", err)
	}
	w := modelfile.NewWriter(stateType, Version)
	w.Int(p.y.Len())
	w.File(file)
	c.Save(ctx, piece, w.Bytes())
	return nil
}

// kept is base b as an earlier attempt has fitted it to the part; nil where there is none
// that decodes.
func (s *stacking) kept(ctx context.Context, piece string, b int, p part) survival.Model {
	state, ok := survival.Kept(ctx, s.fit.Checkpoints, piece)
	if !ok {
		return nil
	}
	r, err := modelfile.Open(state, stateType, Version)
	if err != nil || r.Version != Version || r.Int() != p.y.Len() {
		return nil
	}
	file := r.File()
	if r.Close() != nil {
		return nil
	}
	m, err := s.bases[b].Decode(file)
	if err != nil {
		return nil
	}
	return m
}
