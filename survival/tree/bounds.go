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
	blocks []timeBlock
	v1, v2 []uint64  // by row: U above A, and W within the block above the count
	second [][]block // by word and time block

	unitU, unitA float64 // value of one unit of U and of A; each draw's is off by at most half of it
	total        float64 // Σ c
	size, least  float64 // rows of the node as drawn; fewest rows of a side
	repeats      float64 // draws of rows beyond the first
	most         float64 // draws of one row

	after []float64 // by position: rows of S after the time block
	quad  []float64 // by position: the bound on Q so far

	tried []int // columns of the word at hand that may be split on
	found []candidate
	best  float64 // the largest lower bound so far
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
func blockCount(m int) int { return min(maxBlocks, max(3, int(0.6*math.Cbrt(float64(m))))) }

// limit is the number of rows at risk at which block g of count ends. The error of the
// bound is Σ_b n_b²·E_b, least for steps of Y in proportion to Y^⅔: a cube.
func limit(n float64, g, count int) float64 {
	f := 1 - float64(g)/float64(count)
	return n * f * f * f
}

func (b *bounds) search(g *Grower, n *node, p *pass, found []candidate) []candidate {
	b.found, b.best, b.total = found, 0, p.total
	b.size, b.least, b.repeats = float64(n.size), float64(g.opt.MinLeaf), float64(n.size-(n.hi-n.lo))
	b.pack(n, p)
	h := &g.hist
	words := n.rows.words
	h.first = resize(h.first, len(words))
	for len(b.second) < len(words) {
		b.second = append(b.second, make([]block, maxBlocks))
	}
	b.after, b.quad = resize(b.after, 257), resize(b.quad, 257)
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
		for _, k := range b.tried {
			b.column(g, n, first+k, &h.first[q][k], q)
		}
	}
	return b.found
}

// pack turns the rows' terms into integers and cuts time into blocks.
//
// |U| ≤ n for any set of rows, A ≤ Σc ≤ n; Σ c/Y² over a block whose Y stay above r is at
// most 2/r. So no sum overflows its half: U 31 bits and sign, A 32, W·count 40, count 24.
func (b *bounds) pack(n *node, p *pass) {
	size := float64(n.size)
	scaleU, scaleA := math.Floor((1<<29)/size), (1<<31)/size
	b.unitU, b.unitA = 1/scaleU, 1/scaleA
	event := uint64(int64(scaleU)) << 32
	tags := n.tags()
	b.v1, b.v2 = resize(b.v1, len(tags)), resize(b.v2, len(tags))
	if len(tags) < manyRows {
		p.rows = resize(p.rows, len(tags))
	}
	b.blocks = b.blocks[:0]
	most := uint64(0)
	count := blockCount(len(tags))
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
		base := uint64(-int64(t.l*scaleU+0.5))<<32 + uint64(t.a*scaleA+0.5)
		within := uint64((t.w-w0)*scaleW+1)<<countBits | 1 // rounded up: the bound stays one
		end := p.end(k, len(tags))
		v1, v2 := b.v1[t.start:end], b.v2[t.start:end]
		for i, tag := range tags[t.start:end] {
			w := tag & tagDraws >> 1
			most = max(most, w)
			v1[i] = w * (base + event&-(tag&1))
			v2[i] = w * within
			if len(p.rows) > 0 {
				p.rows[t.start+i] = term{float64(int64(tag&1)) - t.l, t.a, t.w, float64(int64(w))}
			}
		}
	}
	b.blocks[len(b.blocks)-1].e = p.times[len(p.times)-1].w - w0
	b.most = float64(most)
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
	s := orderedScan{b: b, split: split{feature: c.numeric, column: k}, first: first, word: q, at: at, length: in.slots()}
	switch {
	case !in.extra:
		s.run()
	case in.home >= 0:
		s.length--
		s.join(in.codes, in.home)
		s.run()
	default:
		s.run()
		s.rotate()
		s.split.gapLeft = true
		s.run()
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
	if y >= b.least && b.size-y >= b.least {
		b.consider(s, sum, quad, y)
	}
}

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
	lower := 0.0
	// Histograms count rows as drawn. Where a side may have too few distinct rows, the
	// candidate must not rule out others.
	if down := u - errU; down > 0 && b.enough(min(y, b.size-y)) {
		// Jensen: V = Σ c·q(1−q) ≤ A − A²/Σc, with A = Σ c·q.
		least := max(a-errA, 0)
		if high := a + errA - least*least/b.total*(1-1e-9); high > negligible {
			lower = down * down / high
		}
	}
	b.found = append(b.found, candidate{split: s, upper: upper, lower: lower})
	b.best = max(b.best, lower)
}
