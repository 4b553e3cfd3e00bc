package tree

import "math"

// orderedScan bounds the thresholds of one ordered column. Positions are codes in their
// order; where missing values go left they are position 0 and codes follow.
//
// U and V are those of either side, so each threshold is bounded from the side with the
// smaller A, where the bound is tighter: prefixes up to the switch position, suffixes from
// there on.
type orderedScan struct {
	b      *bounds
	g      *Grower
	n      *node
	split  split
	first  *[256]uint64
	word   int
	at     int // column within the word
	length int // positions
}

func (s *orderedScan) block(k int) *[256]uint64 { return &s.b.second[s.word][k][s.at] }

// join adds one code's sums to another's.
func (s *orderedScan) join(from, to int) {
	s.first[to] += s.first[from]
	for k := range s.b.blocks {
		h := s.block(k)
		h[to] += h[from]
	}
}

// rotate brings the last position to the front.
func (s *orderedScan) rotate() {
	turn := func(h []uint64) {
		last := h[len(h)-1]
		copy(h[1:], h)
		h[0] = last
	}
	turn(s.first[:s.length])
	for k := range s.b.blocks {
		turn(s.block(k)[:s.length])
	}
}

// run bounds every threshold: position p stands for the left side 0…p.
func (s *orderedScan) run() {
	if s.length < 2 {
		return
	}
	turn := s.turn()
	b := s.b
	clear(b.after[:s.length])
	clear(b.quad[:s.length])
	for k := len(b.blocks) - 1; k >= 0; k-- {
		s.add(s.block(k), b.blocks[k].e, b.blocks[k].unit, turn)
	}
	s.prefixes(turn)
	s.suffixes(turn)
}

// turn is the first threshold to be bounded from the right: A of its prefix is above half.
func (s *orderedScan) turn() int {
	half := uint64(s.b.total / s.b.unitA / 2)
	var run uint64
	for p := range s.length - 1 {
		run += s.first[p]
		if run&math.MaxUint32 > half {
			return p
		}
	}
	return s.length - 1
}

// add extends rows and the bound on Q by one block of time, from the last to the first.
func (s *orderedScan) add(h *[256]uint64, e, unit float64, turn int) {
	after, quad := s.b.after[:256], s.b.quad[:256]
	var run uint64
	for p := range turn {
		run += h[p&255]
		y := after[p&255]
		next := y + float64(int64(run&countMask))
		quad[p&255] += y*y*e + (y+next)*(float64(int64(run>>countBits))*unit)
		after[p&255] = next
	}
	run = 0
	for p := s.length - 2; p >= turn; p-- {
		run += h[(p+1)&255]
		y := after[p&255]
		next := y + float64(int64(run&countMask))
		quad[p&255] += y*y*e + (y+next)*(float64(int64(run>>countBits))*unit)
		after[p&255] = next
	}
}

// prefixes offers the thresholds below turn, suffixes the others. Thresholds at codes that
// the node does not have repeat another one.
func (s *orderedScan) prefixes(turn int) {
	b := s.b
	least, most := float64(s.g.opt.MinLeaf), float64(s.n.size-s.g.opt.MinLeaf)
	var run uint64
	before := 0.0
	for p := range turn {
		run += s.first[p]
		y := b.after[p]
		if y != before && y >= least && y <= most {
			s.offer(p, run)
		}
		before = y
	}
}

func (s *orderedScan) suffixes(turn int) {
	b := s.b
	least, size := float64(s.g.opt.MinLeaf), float64(s.n.size)
	before := func(p int) float64 { // rows right of threshold p − 1
		switch {
		case p > turn:
			return b.after[p-1]
		case p > 0:
			return size - b.after[p-1]
		}
		return size
	}
	var run uint64
	for p := s.length - 2; p >= turn; p-- {
		run += s.first[p+1]
		y := b.after[p]
		if y >= least && size-y >= least && before(p) != y {
			s.offer(p, run)
		}
	}
}

// offer passes a threshold on unless its bound is below a statistic already certain.
func (s *orderedScan) offer(p int, sum uint64) {
	b := s.b
	up := math.Abs(float64(int32(sum>>32)))*b.unitU + b.errU
	if a := float64(uint32(sum)) * b.unitA; up*up < b.best*((a-b.errA)*(1-1e-9)-b.quad[p]*(1+1e-9))*(1-2*tie) {
		return
	}
	at := s.split
	at.code = p
	if at.gapLeft {
		if p == 0 {
			return // missing values alone: the last threshold of the other order
		}
		at.code = p - 1
	}
	b.consider(at, sum, b.quad[p])
}
