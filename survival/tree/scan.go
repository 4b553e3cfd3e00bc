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
	clear(s.b.after[:s.length])
	clear(s.b.quad[:s.length])
	s.sum(walk{from: 0, to: turn, step: 1})
	s.sum(walk{from: s.length - 2, to: turn - 1, step: -1, side: 1})
	s.prefixes(turn)
	s.suffixes(turn)
}

// walk is the thresholds from, from + step, … before to; threshold p adds position p + side.
type walk struct{ from, to, step, side int }

// sum fills rows and the bound on Q of the thresholds of a walk, block by block of time from
// the last.
func (s *orderedScan) sum(w walk) {
	k := len(s.b.blocks) - 1
	for ; k >= 2; k -= 3 {
		s.addThree(k, w)
	}
	for ; k >= 0; k-- {
		s.add(k, w)
	}
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

// add extends rows and the bound on Q by block k.
func (s *orderedScan) add(k int, w walk) {
	after, quad := s.b.after[:256], s.b.quad[:256]
	h, e, unit := s.block(k), s.b.blocks[k].e, s.b.blocks[k].unit
	var run uint64
	for p := w.from; p != w.to; p += w.step {
		run += h[(p+w.side)&255]
		y := after[p&255]
		y1 := y + float64(int64(run&countMask))
		quad[p&255] += y*y*e + (y+y1)*(float64(int64(run>>countBits))*unit)
		after[p&255] = y1
	}
}

// addThree does so for block k and the two before it, in one walk over the thresholds.
func (s *orderedScan) addThree(k int, w walk) {
	after, quad := s.b.after[:256], s.b.quad[:256]
	h1, e1, unit1 := s.block(k), s.b.blocks[k].e, s.b.blocks[k].unit
	h2, e2, unit2 := s.block(k-1), s.b.blocks[k-1].e, s.b.blocks[k-1].unit
	h3, e3, unit3 := s.block(k-2), s.b.blocks[k-2].e, s.b.blocks[k-2].unit
	var run1, run2, run3 uint64
	for p := w.from; p != w.to; p += w.step {
		at := (p + w.side) & 255
		run1 += h1[at]
		run2 += h2[at]
		run3 += h3[at]
		y := after[p&255]
		y1 := y + float64(int64(run1&countMask))
		q := y*y*e1 + (y+y1)*(float64(int64(run1>>countBits))*unit1)
		y2 := y1 + float64(int64(run2&countMask))
		q += y1*y1*e2 + (y1+y2)*(float64(int64(run2>>countBits))*unit2)
		y3 := y2 + float64(int64(run3&countMask))
		q += y2*y2*e3 + (y2+y3)*(float64(int64(run3>>countBits))*unit3)
		quad[p&255] += q
		after[p&255] = y3
	}
}

// prefixes offers the thresholds below turn, suffixes the others. Thresholds at codes that
// the node does not have repeat another one.
func (s *orderedScan) prefixes(turn int) {
	b := s.b
	least, most := b.least, b.size-b.least
	var run uint64
	before := 0.0
	for p := range turn {
		run += s.first[p&255]
		y := b.after[p]
		if b.hopeless(run, b.quad[p], y) || y == before || y < least || y > most {
			before = y
			continue
		}
		before = y
		s.offer(p, run)
	}
}

func (s *orderedScan) suffixes(turn int) {
	b := s.b
	least, size := b.least, b.size
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
		run += s.first[(p+1)&255]
		y := b.after[p]
		if b.hopeless(run, b.quad[p], y) || y < least || size-y < least || before(p) == y {
			continue
		}
		s.offer(p, run)
	}
}

// hopeless is consider's first test without a division: the upper bound is below a
// statistic that is already certain.
func (b *bounds) hopeless(sum uint64, quad, y float64) bool {
	up := (math.Abs(float64(int32(sum>>32))) + y*0.5) * b.unitU
	return up*up < b.best*((float64(uint32(sum))-y*0.5)*b.unitA*(1-1e-9)-quad*(1+1e-9))*(1-2*tie)
}

func (s *orderedScan) offer(p int, sum uint64) {
	at := s.split
	at.code = p
	if at.gapLeft {
		if p == 0 {
			return // missing values alone: the last threshold of the other order
		}
		at.code = p - 1
	}
	s.b.consider(at, sum, s.b.quad[p], s.b.after[p])
}
