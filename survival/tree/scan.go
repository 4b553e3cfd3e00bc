package tree

import (
	"math"
	"math/bits"
)

// stretches is into how many stretches of positions an ordered column is divided, at most.
const stretches = 32

// orderedScan bounds the thresholds of one ordered column. Positions are codes in their
// order; where missing values go left they are position 0 and codes follow.
//
// U and V are those of either side, so each threshold is bounded from the side with the
// smaller A, where the bound is tighter: prefixes in the stretches before turn, suffixes in
// those from it on.
//
// U and A of every threshold take one addition; Q takes some for each block of time. But the
// sides grow from threshold to threshold, and Q with them, so that the largest side of a
// stretch of thresholds bounds Q of all. Stretches in which a threshold survives that bound
// are bounded threshold by threshold.
type orderedScan struct {
	split  split
	first  *[256]uint64
	second []block // by time block
	at     int     // column within the word
	length int     // positions
	twice  bool    // missing values are tried on both sides

	shift uint // a stretch has 2^shift positions
	count int  // stretches
	turn  int

	sums [stretches]uint64 // U above A of a stretch
	// Of the largest side of the thresholds of a stretch, which has all of it: rows, the
	// bound on Q, and by time block W above the count.
	rows, quad [stretches]float64
	part       [maxBlocks][stretches]uint64
	// Of the sides of one stretch, in the order in which they grow.
	ownRows, ownQuad [8]float64
}

func (s *orderedScan) block(k int) *[256]uint64 { return &s.second[k][s.at] }

// join adds one code's sums to another's.
func (s *orderedScan) join(from, to int) {
	s.first[to] += s.first[from]
	for k := range s.second {
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
	for k := range s.second {
		turn(s.block(k)[:s.length])
	}
	s.split.gapLeft = true
}

// outline bounds Q of every stretch, and raises the best lower bound by their largest sides.
func (s *orderedScan) outline(b *bounds) {
	s.shift = uint(max(0, bits.Len(uint(s.length-1))-5))
	s.count = (s.length-1)>>s.shift + 1
	s.fold(s.first, &s.sums)
	for k := range s.second {
		s.fold(s.block(k), &s.part[k])
	}
	s.turn = s.count - 1
	half := uint64(b.total / b.unitA / 2)
	var run uint64
	for j, sum := range s.sums[:s.count-1] {
		run += sum
		if run&math.MaxUint32 > half {
			s.turn = j
			break
		}
	}
	clear(s.rows[:s.count])
	clear(s.quad[:s.count])
	left, right := walk{0, s.turn, 1}, walk{s.count - 1, s.turn - 1, -1}
	s.sum(b, left)
	s.sum(b, right)
	s.raise(b, left)
	s.raise(b, right)
}

// fold adds up the positions of stretches.
func (s *orderedScan) fold(h *[256]uint64, to *[stretches]uint64) {
	full := s.length >> s.shift // stretches without a gap at the end
	switch s.shift {
	case 0:
		copy(to[:full], h[:])
	case 1:
		for j := range to[:full] {
			p := h[2*j&255:][:2]
			to[j] = p[0] + p[1]
		}
	case 2:
		for j := range to[:full] {
			p := h[4*j&255:][:4]
			to[j] = p[0] + p[1] + p[2] + p[3]
		}
	default:
		for j := range to[:full] {
			p := h[8*j&255:][:8]
			to[j] = p[0] + p[1] + p[2] + p[3] + p[4] + p[5] + p[6] + p[7]
		}
	}
	if full < s.count {
		var sum uint64
		for _, v := range h[full<<s.shift : s.length] {
			sum += v
		}
		to[full] = sum
	}
}

// walk is the stretches from, from + step, … before to.
type walk struct{ from, to, step int }

// sum fills rows and the bound on Q of the stretches of a walk, block by block of time from
// the last.
func (s *orderedScan) sum(b *bounds, w walk) {
	k := len(b.blocks) - 1
	for ; k >= 2; k -= 3 {
		s.addThree(b.blocks[k-2:k+1], k, w)
	}
	for ; k >= 0; k-- {
		s.add(&b.blocks[k], k, w)
	}
}

// add extends rows and the bound on Q by block k.
func (s *orderedScan) add(t *timeBlock, k int, w walk) {
	part, e, unit := &s.part[k], t.e, t.unit
	var run uint64
	for j := w.from; j != w.to; j += w.step {
		at := j & (stretches - 1)
		run += part[at]
		part[at] = run
		y := s.rows[at]
		y1 := y + float64(int64(run&countMask))
		s.quad[at] += y*y*e + (y+y1)*(float64(int64(run>>countBits))*unit)
		s.rows[at] = y1
	}
}

// addThree does so for block k and the two before it, in one walk.
func (s *orderedScan) addThree(t []timeBlock, k int, w walk) {
	part1, e1, unit1 := &s.part[k], t[2].e, t[2].unit
	part2, e2, unit2 := &s.part[k-1], t[1].e, t[1].unit
	part3, e3, unit3 := &s.part[k-2], t[0].e, t[0].unit
	var run1, run2, run3 uint64
	for j := w.from; j != w.to; j += w.step {
		at := j & (stretches - 1)
		run1 += part1[at]
		run2 += part2[at]
		run3 += part3[at]
		part1[at], part2[at], part3[at] = run1, run2, run3
		y := s.rows[at]
		y1 := y + float64(int64(run1&countMask))
		q := y*y*e1 + (y+y1)*(float64(int64(run1>>countBits))*unit1)
		y2 := y1 + float64(int64(run2&countMask))
		q += y1*y1*e2 + (y1+y2)*(float64(int64(run2>>countBits))*unit2)
		y3 := y2 + float64(int64(run3&countMask))
		q += y2*y2*e3 + (y2+y3)*(float64(int64(run3>>countBits))*unit3)
		s.quad[at] += q
		s.rows[at] = y3
	}
}

// raise raises the best lower bound by the largest sides of stretches.
func (s *orderedScan) raise(b *bounds, w walk) {
	var run uint64
	for j := w.from; j != w.to; j += w.step {
		at := j & (stretches - 1)
		run += s.sums[at]
		if y := s.rows[at]; b.allowed(y) {
			b.raise(b.lower(run, y))
		}
	}
}

// detail offers the thresholds of every stretch, those of a larger side after one another.
func (s *orderedScan) detail(b *bounds) {
	var run uint64
	for j := range s.turn {
		lo := j << s.shift
		s.offer(b, run, j, walk{lo, lo + 1<<s.shift, 1})
		run += s.sums[j]
	}
	run = 0
	for j := s.count - 1; j >= s.turn; j-- {
		lo, hi := j<<s.shift, min((j+1)<<s.shift, s.length)
		if j == s.turn {
			lo++ // the stretch before has this side
		}
		s.offer(b, run, j, walk{hi - 1, lo - 1, -1})
		run += s.sums[j]
	}
}

// offer offers the sides of stretch j that have the positions of a walk one after the other,
// and sums run before it, if one of them survives the bound on Q of all.
func (s *orderedScan) offer(b *bounds, run uint64, j int, w walk) {
	l, bar, sum := b.needs(s.quad[j], s.rows[j]), b.bar, run
	promising := false
	for p := w.from; p != w.to && !promising; p += w.step {
		sum += s.first[p&255]
		promising = !hopeless(sum, l, bar)
	}
	if !promising {
		return
	}
	s.own(b, j, w)
	k := 0
	for p := w.from; p != w.to; p += w.step {
		run += s.first[p&255]
		y, quad := s.ownRows[k&7], s.ownQuad[k&7]
		k++
		threshold := p + (w.step-1)/2
		if !b.allowed(y) || hopeless(run, b.needs(quad, y), b.bar) || s.absent(threshold) {
			continue
		}
		at := s.split
		at.code = threshold
		if at.gapLeft {
			if threshold == 0 {
				continue // missing values alone: the last threshold of the other order
			}
			at.code--
		}
		b.consider(at, run, quad, y)
	}
}

// own fills rows and the bound on Q of the sides that have the positions of a walk one after
// the other, and the largest side of the stretch before.
func (s *orderedScan) own(b *bounds, j int, w walk) {
	before := j - w.step
	clear(s.ownRows[:])
	clear(s.ownQuad[:])
	for k := len(b.blocks) - 1; k >= 0; k-- {
		h, e, unit := s.block(k), b.blocks[k].e, b.blocks[k].unit
		var run uint64
		if before >= 0 && before < s.count {
			run = s.part[k][before&(stretches-1)]
		}
		at := 0
		for p := w.from; p != w.to; p += w.step {
			run += h[p&255]
			y := s.ownRows[at&7]
			y1 := y + float64(int64(run&countMask))
			s.ownQuad[at&7] += y*y*e + (y+y1)*(float64(int64(run>>countBits))*unit)
			s.ownRows[at&7] = y1
			at++
		}
	}
}

// absent says that no row has position p: its threshold repeats another one.
func (s *orderedScan) absent(p int) bool {
	for k := range s.second {
		if s.block(k)[p]&countMask > 0 {
			return false
		}
	}
	return true
}
