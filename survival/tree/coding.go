package tree

import "math/bits"

// coding says what the codes of a stretch of rows stand for. At the root codes are those
// of the Matrix; where a node has fewer rows than codes, its subtree is recoded to dense
// ranks, so that loops over codes stay short.
type coding struct {
	columns []local
	most    int // slots of the widest column
	level   int // how often it has been recoded
}

// local is a stored column in one coding.
type local struct {
	codes int
	extra bool // code number codes may occur
	home  int
	back  []uint32 // local code → code of the Matrix; nil: the same
}

func (c *local) slots() int {
	if c.extra {
		return c.codes + 1
	}
	return c.codes
}

func (c *local) global(code int) uint32 {
	if c.back == nil {
		return uint32(code)
	}
	return c.back[code]
}

// coding resets c to that of the root.
func (m *Matrix) coding(c *coding) {
	c.columns, c.most, c.level = resize(c.columns, len(m.columns)), 0, 0
	for k := range m.columns {
		s := &m.columns[k]
		c.columns[k] = local{codes: s.codes, extra: s.extra, home: s.home}
		c.most = max(c.most, s.slots())
	}
}

// level is the coding of a recoding depth.
func (g *Grower) level(k int) *coding {
	for len(g.codings) <= k {
		g.codings = append(g.codings, &coding{})
	}
	return g.codings[k]
}

// fewRows is up to how many rows a subtree of wide codes is moved into bytes.
const fewRows = 255

// narrow recodes a node to dense ranks where that shortens the loops over codes: where it
// has fewer than half as many rows as the widest column has codes. Codes keep their order,
// so splits and ties stay the same.
func (g *Grower) narrow(n *node) {
	m := n.hi - n.lo
	wide := n.rows.width > 8
	if wide && m > fewRows || !wide && 2*m >= n.coding.most && !(m <= smallRows && n.coding.most > smallRows) {
		return
	}
	from := n.coding
	to := g.level(from.level + 1)
	to.level, to.most = from.level+1, 0
	to.columns = resize(to.columns, len(from.columns))
	if wide {
		g.few.width = 8
		g.few.words = resize(g.few.words, (len(from.columns)+7)/8)
		for q := range g.few.words {
			g.few.words[q] = resize(g.few.words[q], m)
			clear(g.few.words[q])
		}
		g.few.tags = append(g.few.tags[:0], n.tags()...)
		g.few.spare, g.few.side = resize(g.few.spare, m), resize(g.few.side, m)
	}
	for k := range from.columns {
		codes := g.dense.read(n, k)
		if g.m.columns[k].numeric >= 0 {
			g.dense.rank(&from.columns[k], &to.columns[k], codes)
		} else {
			to.columns[k] = from.columns[k]
		}
		to.most = max(to.most, to.columns[k].slots())
		if wide {
			put(g.few.words[k/8], uint(k%8)*8, codes)
		} else {
			replace(n.rows.words[k/8][n.lo:n.hi], uint(k%8)*8, codes)
		}
	}
	n.coding = to
	if wide {
		n.rows, n.lo, n.hi = &g.few, 0, m
	}
}

func put(word []uint64, shift uint, codes []uint32) {
	for i, c := range codes {
		word[i] |= uint64(c) << (shift & 63)
	}
}

func replace(word []uint64, shift uint, codes []uint32) {
	shift &= 63
	for i, c := range codes {
		word[i] = word[i]&^(0xff<<shift) | uint64(c)<<shift
	}
}

// denser turns codes into ranks among those present.
type denser struct {
	codes  []uint32
	bitmap []uint64
	ranks  []uint32 // by old code
}

// read unpacks the codes of a column.
func (d *denser) read(n *node, k int) []uint32 {
	d.codes = resize(d.codes, n.hi-n.lo)
	word, shift, mask := n.rows.at(k)
	for i, x := range word[n.lo:n.hi] {
		d.codes[i] = uint32(x >> (shift & 63) & mask)
	}
	return d.codes
}

// rank replaces codes by ranks and describes them in to. The code that extra rows count as
// is kept where there are any.
func (d *denser) rank(from, to *local, codes []uint32) {
	extra := uint32(from.codes)
	d.bitmap, d.ranks = resize(d.bitmap, from.codes/64+1), resize(d.ranks, from.codes+1)
	clear(d.bitmap)
	for _, c := range codes {
		d.bitmap[c>>6] |= 1 << (c & 63)
	}
	has := from.extra && d.bitmap[extra>>6]>>(extra&63)&1 != 0
	if has {
		d.bitmap[extra>>6] &^= 1 << (extra & 63)
		if from.home >= 0 {
			d.bitmap[from.home>>6] |= 1 << (from.home & 63)
		}
	}
	*to = local{home: -1, extra: has, back: to.back[:0]}
	for q, b := range d.bitmap {
		for ; b != 0; b &= b - 1 {
			c := q<<6 | bits.TrailingZeros64(b)
			d.ranks[c] = uint32(len(to.back))
			to.back = append(to.back, from.global(c))
		}
	}
	to.codes = len(to.back)
	if has {
		d.ranks[extra] = uint32(to.codes)
		if from.home >= 0 {
			to.home = int(d.ranks[from.home])
		}
	}
	for i, c := range codes {
		codes[i] = d.ranks[c]
	}
}
