package tree

import "everfold/survival/modelfile"

// PackedLeaves are Leaves as forests keep them: where every number is small, as in a deep tree
// without case weights, an entry takes 4 bytes in place of 12. They are immutable.
type PackedLeaves struct {
	offset []int32
	small  []uint32 // rank, events and rows at risk; nil: wide has them
	wide   Leaves
}

// The parts of a small entry.
const (
	smallBits = 8
	smallMost = 1<<smallBits - 1
	rankShift = 2 * smallBits
	rankMost  = 1<<(32-rankShift) - 1
)

// Pack copies the leaves of a tree into their packed form.
func (l *Leaves) Pack() *PackedLeaves {
	p := &PackedLeaves{offset: append([]int32(nil), l.Offset...)}
	p.small = make([]uint32, len(l.Rank))
	for e, rank := range l.Rank {
		events, atRisk := l.Events[e], l.AtRisk[e]
		if rank > rankMost || atRisk > smallMost || float32(uint8(events)) != events || float32(uint8(atRisk)) != atRisk {
			p.small = nil
			p.wide = Leaves{Rank: append([]int32(nil), l.Rank...),
				Events: append([]float32(nil), l.Events...), AtRisk: append([]float32(nil), l.AtRisk...)}
			return p
		}
		p.small[e] = uint32(rank)<<rankShift | uint32(events)<<smallBits | uint32(atRisk)
	}
	return p
}

// Unpack gives the leaves as they were packed.
func (p *PackedLeaves) Unpack() *Leaves {
	if p.small == nil {
		return &Leaves{Offset: p.offset, Rank: p.wide.Rank, Events: p.wide.Events, AtRisk: p.wide.AtRisk}
	}
	n := len(p.small)
	l := &Leaves{Offset: p.offset, Rank: make([]int32, n), Events: make([]float32, n), AtRisk: make([]float32, n)}
	for e, v := range p.small {
		l.Rank[e] = int32(v >> rankShift)
		l.Events[e], l.AtRisk[e] = float32(v>>smallBits&smallMost), float32(v&smallMost)
	}
	return l
}

// Len is the number of leaves.
func (p *PackedLeaves) Len() int { return len(p.offset) - 1 }

// Entries are those of a leaf, first ≤ e < end.
func (p *PackedLeaves) Entries(leaf int) (first, end int) {
	return int(p.offset[leaf]), int(p.offset[leaf+1])
}

// Entry is the rank of an event time and the step d/Y of the Nelson–Aalen estimate there.
func (p *PackedLeaves) Entry(e int) (rank int32, hazard float64) {
	if p.small != nil {
		v := p.small[e]
		return int32(v >> rankShift), float64(v>>smallBits&smallMost) / float64(v&smallMost)
	}
	return p.wide.Rank[e], p.wide.Hazard(e)
}

// Write appends the leaves to a model file, as Leaves.Write does.
func (p *PackedLeaves) Write(w *modelfile.Writer) { p.Unpack().Write(w) }

// ReadPackedLeaves reads the outcomes of so many leaves over so many distinct times. What is
// not that is a failure of r, and the result is then nil.
func ReadPackedLeaves(r *modelfile.Reader, leaves, times int) *PackedLeaves {
	l := ReadLeaves(r, leaves, times)
	if l == nil {
		return nil
	}
	return l.Pack()
}

// Keep appends the leaves to the state of an unfinished forest as they are in memory, at a third of what
// Write makes of them.
func (p *PackedLeaves) Keep(w *modelfile.Writer) {
	w.Int32s(p.offset)
	w.Bool(p.small != nil)
	if p.small != nil {
		w.Uint32s(p.small)
	} else {
		w.Int32s(p.wide.Rank)
		w.Float32s(p.wide.Events)
		w.Float32s(p.wide.AtRisk)
	}
}

// ReadKeptLeaves is ReadPackedLeaves of what Keep has written.
func ReadKeptLeaves(r *modelfile.Reader, leaves, times int) *PackedLeaves {
	p := &PackedLeaves{offset: r.Int32s()}
	if r.Bool() {
		if p.small = r.Uint32s(); p.small == nil {
			p.small = []uint32{} // there are none, which are small
		}
	} else {
		p.wide = Leaves{Rank: r.Int32s(), Events: r.Float32s(), AtRisk: r.Float32s()}
	}
	if !p.Unpack().valid(leaves, times) {
		r.Fail("the leaves of a tree are not those of its times")
		return nil
	}
	return p
}
