package stack

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// A state is that of one fitted base, or the curves of one that left no model; they are framed as
// model files.
const (
	stateType  = Type + " base"
	curvesType = Type + " curves"
)

// keep saves a fitted base for another attempt, where that is due.
func (s *stacking) keep(ctx context.Context, b int, p part, m survival.Model) error {
	c, piece := s.fit.Checkpoints, s.piece(b, p)
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

// keepCurves saves the curves of a base for another attempt, where that is due.
func (s *stacking) keepCurves(ctx context.Context, b int, p part, curves []float64) {
	survival.Keep(ctx, s.fit.Checkpoints, s.piece(b, p), func() []byte {
		w := modelfile.NewWriter(curvesType, Version)
		w.Int(p.y.Len())
		w.Floats(curves)
		return w.Bytes()
	})
}

// kept is base b as an earlier attempt has fitted it to the part; nil where there is none
// that decodes.
func (s *stacking) kept(ctx context.Context, b int, p part) survival.Model {
	r := s.open(ctx, b, p, stateType)
	if r == nil {
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
	if _, err := p.x.Align(m.Columns()); err != nil {
		return nil // of other data
	}
	return m
}

// keptCurves are so many values of an earlier attempt; nil where there are none.
func (s *stacking) keptCurves(ctx context.Context, b int, p part, cells int) []float64 {
	r := s.open(ctx, b, p, curvesType)
	if r == nil {
		return nil
	}
	curves := r.Floats()
	if r.Close() != nil || len(curves) != cells {
		return nil
	}
	return curves
}

// open reads the head of a state; nil where there is none of this type and number of rows.
func (s *stacking) open(ctx context.Context, b int, p part, typ string) *modelfile.Reader {
	state, ok := survival.Kept(ctx, s.fit.Checkpoints, s.piece(b, p))
	if !ok {
		return nil
	}
	r, err := modelfile.Open(state, typ, Version)
	if err != nil || r.Version != Version || r.Int() != p.y.Len() {
		return nil
	}
	return r
}

func (s *stacking) piece(b int, p part) string { return "fitted/" + s.place(b, p) }
