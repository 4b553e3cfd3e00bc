package tree

import "math"

// bounds is the search for large nodes of unweighted rows: histograms of packed integers
// give every candidate an interval that surely holds its statistic; few survive to be
// evaluated. docs/METHODS.md derives the bounds.
//
// With terms as in pass, S the left side and Y_S(k) its rows at risk at event time k,
//
//	U = Σ_S w·(δ − L),   A = Σ_S w·A,   V = A − Q,   Q = Σ_k (c_k/Y_k²)·Y_S(k)².
//
// U and A are sums over rows, hence histograms. Q is not; it is bounded by splitting time
// into blocks. Within block b, whose c/Y² sum to E, let y be the rows of S that outlive the
// block, y' = y + n those at risk at its start, and W_i what c/Y² has summed to within the
// block when row i leaves it, Σ = Σ w·W_i over the n rows. Then
//
//	Q_b = Σ_k (c_k/Y_k²)·(y + n_k)² = y²E + 2yΣ + P,   P = Σ_k (c_k/Y_k²)·n_k²
//
// (n_k of the block's rows being at risk at time k), and n_k ≤ n gives P ≤ nΣ. So
// Q_b ≤ y²E + (y + y')Σ, from a histogram of (Σ, n) by block.
type bounds struct {
	blocks           []timeBlock
	units, timeUnits []packed  // by distinct time, by event time
	v1, v2           []uint64  // by row: U above A, and W within the block above the count
	second           [][]block // by word and time block

	unitU, unitA float64 // value of one unit of U and of A; each draw's is off by at most half of it
	unitZ        float64 // units of A by which U² in its units is divided for a statistic of 1
	perA         float64 // units of A in 1, rounded up
	jensen       float64 // 1/Σc for A in its units, rounded down
	total        float64 // Σ c
	size, least  float64 // rows of the node as drawn; fewest rows of a side
	repeats      float64 // draws of rows beyond the first
	most         float64 // draws of one row

	scans   [8]orderedScan // of the word at hand
	ordered int            // how many of them

	tried []int // columns of the word at hand that may be split on
	found []candidate
	best  float64 // the largest lower bound so far
	bar   float64 // the same for U² in its units over V in those of A, rounded down
}

// timeBlock is a stretch of rows.
type timeBlock struct {
	start int
	e     float64 // Σ c/Y² over the block's event times
	unit  float64 // value of one unit of W within the block
}

// maxBlocks bounds the memory of the histograms.
const maxBlocks = 32

// manyRows is from how many rows on exact evaluations sum by event time, not by row.
const manyRows = 1024

// blockCount is the number of blocks of m rows: more of them cost more sums, and spare
// exact evaluations.
func blockCount(m int) int { return min(maxBlocks, max(4, int(0.8*math.Cbrt(float64(m))))) }

// limit is the number of rows at risk at which block g of count ends. The error of the
// bound is Σ_b n_b²·E_b, least for steps of Y in proportion to Y^⅔: a cube.
func limit(n float64, g, count int) float64 {
	f := 1 - float64(g)/float64(count)
	return n * f * f * f
}

func (b *bounds) search(g *Grower, n *node, p *pass, found []candidate) (survivors []candidate, best float64) {
	b.found, b.best, b.total = found, 0, p.total
	b.size, b.least, b.repeats = float64(n.size), float64(g.opt.MinLeaf), float64(n.size-(n.hi-n.lo))
	b.pack(n, p)
	h := &g.hist
	words := n.rows.words
	h.first = resize(h.first, len(words))
	for len(b.second) < len(words) {
		b.second = append(b.second, make([]block, maxBlocks))
	}
	for q, word := range words {
		first, last := wordColumns(q, len(g.m.columns))
		b.tried = b.tried[:0]
		for k := first; k < last; k++ {
			if n.tries(&g.m.columns[k]) {
				b.tried = append(b.tried, k-first)
			}
		}
		if len(b.tried) == 0 {
			continue
		}
		b.tally(n, q, word[n.lo:n.hi], &h.first[q], n.coding.columns[first:last])
		b.ordered = 0
		for _, k := range b.tried {
			b.column(g, n, first+k, &h.first[q][k], q)
		}
		for k := range b.scans[:b.ordered] {
			s := &b.scans[k]
			s.detail(b)
			if s.twice {
				s.rotate()
				s.outline(b)
				s.detail(b)
			}
		}
	}
	return b.found, b.best
}

// pack turns the rows' terms into integers and cuts time into blocks.
//
// |U| ≤ n for any set of rows, A ≤ Σc ≤ n; Σ c/Y² over a block whose Y stay above r is at
// most 2/r. So no sum overflows its half: U 31 bits and sign, A 32, W·count 40, count 24.
func (b *bounds) pack(n *node, p *pass) {
	size := float64(n.size)
	scaleU, scaleA := math.Floor((1<<29)/size), (1<<31)/size
	b.unitU, b.unitA = 1/scaleU, 1/scaleA
	b.bar, b.unitZ, b.perA, b.jensen = 0, b.unitA*scaleU*scaleU, scaleA*(1+1e-8), b.unitA/b.total*(1-1e-9)
	event := uint64(int64(scaleU)) << 32
	tags := n.tags()
	b.v1, b.v2 = resize(b.v1, len(tags)), resize(b.v2, len(tags))
	if len(tags) < manyRows {
		p.rows = resize(p.rows, len(tags))
	}
	b.cut(p, size, scaleU, scaleA)
	v1, v2, groupOf := b.v1[:len(tags)], b.v2[:len(tags)], p.groupOf[:len(tags)]
	units := b.units
	most := uint64(0)
	for i, tag := range tags {
		u := &units[groupOf[i]]
		w := tag & tagDraws >> 1
		most = max(most, w)
		v1[i] = w * (u.base + event&-(tag&1))
		v2[i] = w * u.within
	}
	b.most = float64(most)
	for i := range p.rows {
		tag, t := tags[i], &p.times[p.timeOf[groupOf[i]]]
		p.rows[i] = term{float64(int64(tag&1)) - t.l, t.a, t.w, float64(int64(tag & tagDraws >> 1))}
	}
}

// packed is the integers of a row drawn once, but for its event.
type packed struct{ base, within uint64 }

// cut cuts time into blocks and gives the integers of each event time.
func (b *bounds) cut(p *pass, size, scaleU, scaleA float64) {
	b.blocks = b.blocks[:0]
	b.units, b.timeUnits = resize(b.units, len(p.timeOf)), resize(b.timeUnits, len(p.times))
	count := blockCount(len(p.groupOf))
	cut, next, w0, scaleW := 0, math.Inf(1), 0.0, 0.0
	for k := range p.times {
		t := &p.times[k]
		if t.risk <= next {
			if k > 0 {
				b.blocks[len(b.blocks)-1].e = p.times[k-1].w - w0
				w0 = p.times[k-1].w
			}
			for cut < count && t.risk <= next {
				cut++
				next = limit(size, cut, count)
			}
			if cut == count {
				next = 0
			}
			scaleW = (1 << 37) * max(next, 1) / (3 * t.risk)
			b.blocks = append(b.blocks, timeBlock{start: t.start, unit: 1 / scaleW})
		}
		b.timeUnits[k] = packed{
			base:   uint64(-int64(t.l*scaleU+0.5))<<32 + uint64(int64(t.a*scaleA+0.5)),
			within: uint64(int64((t.w-w0)*scaleW+1))<<countBits | 1, // rounded up: the bound stays one
		}
	}
	b.blocks[len(b.blocks)-1].e = p.times[len(p.times)-1].w - w0
	for i, k := range p.timeOf {
		b.units[i] = b.timeUnits[k]
	}
}

// tally fills the histograms of a word, a block of time after the other.
func (b *bounds) tally(n *node, q int, word []uint64, first *block, columns []local) {
	clearBlock(first, columns)
	end := len(word)
	for k := len(b.blocks) - 1; k >= 0; k-- {
		start := b.blocks[k].start
		second := &b.second[q][k]
		clearBlock(second, columns)
		if 3*len(b.tried) > len(columns) {
			tally(first, second, word[start:end], b.v1[start:end], b.v2[start:end], len(columns))
		} else {
			for _, k := range b.tried { // few of the word's columns: one after the other
				tallyOne(&first[k], &second[k], word[start:end], 8*uint(k), b.v1[start:end], b.v2[start:end])
			}
		}
		end = start
	}
}

// column bounds every candidate of one stored column.
func (b *bounds) column(g *Grower, n *node, k int, first *[256]uint64, q int) {
	c, in := &g.m.columns[k], &n.coding.columns[k]
	at := k % 8
	for class, feature := range c.classes {
		if feature >= 0 && n.allows(feature) {
			b.single(split{feature: feature, column: k}, first[class], q, at, class)
		}
	}
	if c.numeric < 0 {
		return
	}
	if in.extra && c.indicator >= 0 && n.allows(c.indicator) {
		b.single(split{feature: c.indicator, column: k}, first[in.codes], q, at, in.codes)
	}
	if !n.allows(c.numeric) {
		return
	}
	s := &b.scans[b.ordered]
	s.split, s.first, s.second, s.at = split{feature: c.numeric, column: k}, first, b.second[q][:len(b.blocks)], at
	s.length, s.twice = in.slots(), in.extra && in.home < 0
	if in.extra && in.home >= 0 {
		s.length--
		s.join(in.codes, in.home)
	}
	if s.length > 1 {
		b.ordered++
		s.outline(b)
	}
}

// single bounds the candidate of one code against the rest.
func (b *bounds) single(s split, sum uint64, q, at, code int) {
	var y, quad float64
	for k := len(b.blocks) - 1; k >= 0; k-- {
		v := b.second[q][k][at][code]
		rows := float64(v & countMask)
		w := float64(v>>countBits) * b.blocks[k].unit
		quad += y*(y*b.blocks[k].e+2*w) + rows*w
		y += rows
	}
	if b.allowed(y) {
		b.consider(s, sum, quad, y)
	}
}

// allowed says that y draws, and the others, may be enough distinct rows.
func (b *bounds) allowed(y float64) bool { return y >= b.least && b.size-y >= b.least }

// enough says that y draws surely are of enough distinct rows.
func (b *bounds) enough(y float64) bool { return y-b.repeats >= b.least || y >= b.least*b.most }

// consider keeps a candidate if it may be best. sum is U above A, quad a bound on Q, y the
// rows as drawn, all of either side.
func (b *bounds) consider(s split, sum uint64, quad, y float64) {
	u, a := math.Abs(float64(int32(sum>>32)))*b.unitU, float64(uint32(sum))*b.unitA
	errU, errA := y*0.5*b.unitU, y*0.5*b.unitA
	low := (a-errA)*(1-1e-9) - quad*(1+1e-9)
	up := u + errU
	upper := up * up / max(low, negligible)
	if upper < b.best*(1-tie) {
		return
	}
	lower := b.lower(sum, y)
	b.found = append(b.found, candidate{split: s, upper: upper})
	b.raise(lower)
}

// lower is a lower bound on the statistic of a side, or 0 where it is no more than best.
func (b *bounds) lower(sum uint64, y float64) float64 {
	half := y * 0.5
	down := math.Abs(float64(int32(sum>>32))) - half
	// Jensen: V = Σ c·q(1−q) ≤ A − A²/Σc, with A = Σ c·q.
	a := float64(int64(sum & math.MaxUint32))
	least := max(a-half, 0)
	high := a + half - least*least*b.jensen
	// Histograms count rows as drawn. Where a side may have too few distinct rows, the
	// candidate must not rule out others.
	if down <= 0 || down*down <= b.best*b.unitZ*high || !b.enough(min(y, b.size-y)) || high*b.unitA <= negligible {
		return 0
	}
	return down * down / (b.unitZ * high)
}

// raise notes a lower bound.
func (b *bounds) raise(z float64) {
	if z > b.best {
		b.best = z
		b.bar = z * b.unitZ * ((1 - 1e-9) * (1 - 2*tie))
	}
}

// need is what makes hopeless of a side, in the units of U and of A: the error of either,
// and the bound on Q with it.
type need struct{ err, quad float64 }

// needs are those of sides of at most y rows.
func (b *bounds) needs(quad, y float64) need {
	err := y * 0.5
	return need{err, quad*b.perA + err}
}

// hopeless is consider's first test without a division: the upper bound is below a
// statistic that is already certain, or the statistic is 0.
func hopeless(sum uint64, l need, bar float64) bool {
	up := math.Abs(float64(int32(sum>>32))) + l.err
	return up*up <= bar*(float64(int64(sum&math.MaxUint32))-l.quad)
}
