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
	b := s.b
	clear(b.after[:s.length])
	clear(b.quad[:s.length])
	k := len(b.blocks) - 1
	for ; k >= 1; k -= 2 {
		s.addTwo(k, turn)
	}
	if k == 0 {
		s.add(turn)
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

// add extends rows and the bound on Q by the first block of time.
func (s *orderedScan) add(turn int) {
	after, quad := s.b.after[:256], s.b.quad[:256]
	h, e, unit := s.block(0), s.b.blocks[0].e, s.b.blocks[0].unit
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

// addTwo does so for block k and the one before it, in one walk over the positions.
func (s *orderedScan) addTwo(k, turn int) {
	after, quad := s.b.after[:256], s.b.quad[:256]
	h1, e1, unit1 := s.block(k), s.b.blocks[k].e, s.b.blocks[k].unit
	h2, e2, unit2 := s.block(k-1), s.b.blocks[k-1].e, s.b.blocks[k-1].unit
	var run1, run2 uint64
	for p := range turn {
		run1 += h1[p&255]
		run2 += h2[p&255]
		y := after[p&255]
		y1 := y + float64(int64(run1&countMask))
		y2 := y1 + float64(int64(run2&countMask))
		quad[p&255] += y*y*e1 + (y+y1)*(float64(int64(run1>>countBits))*unit1) +
			y1*y1*e2 + (y1+y2)*(float64(int64(run2>>countBits))*unit2)
		after[p&255] = y2
	}
	run1, run2 = 0, 0
	for p := s.length - 2; p >= turn; p-- {
		run1 += h1[(p+1)&255]
		run2 += h2[(p+1)&255]
		y := after[p&255]
		y1 := y + float64(int64(run1&countMask))
		y2 := y1 + float64(int64(run2&countMask))
		quad[p&255] += y*y*e1 + (y+y1)*(float64(int64(run1>>countBits))*unit1) +
			y1*y1*e2 + (y1+y2)*(float64(int64(run2>>countBits))*unit2)
		after[p&255] = y2
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
		if b.hopeless(run, b.quad[p]) || y == before || y < least || y > most {
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
		if b.hopeless(run, b.quad[p]) || y < least || size-y < least || before(p) == y {
			continue
		}
		s.offer(p, run)
	}
}

// hopeless is consider's first test without a division: the upper bound is below a
// statistic that is already certain.
func (b *bounds) hopeless(sum uint64, quad float64) bool {
	up := math.Abs(float64(int32(sum>>32)))*b.unitU + b.errU
	return up*up < b.best*((float64(uint32(sum))*b.unitA-b.errA)*(1-1e-9)-quad*(1+1e-9))*(1-2*tie)
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
