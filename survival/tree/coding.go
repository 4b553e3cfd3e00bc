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

// narrow recodes a node to dense ranks where that shortens the loops over codes: where
// codes much outnumber rows. Rows of wide codes move into bytes once they are few. Codes
// keep their order, so splits and ties stay the same.
func (g *Grower) narrow(n *node) {
	m, most := n.hi-n.lo, n.coding.most
	wide := n.rows.width > 8
	if wide && m > fewRows && 4*m >= most || !wide && 2*m >= most && !(m <= smallRows && most > smallRows) {
		return
	}
	to := g.level(n.coding.level + 1)
	to.level, to.most = n.coding.level+1, 0
	to.columns = resize(to.columns, len(n.coding.columns))
	switch {
	case !wide:
		g.dense.bytes(g, n, to)
	case m > fewRows:
		g.dense.wide(g, n, to, n.rows, n.lo)
	default:
		g.few.empty(len(to.columns), n.tags())
		g.dense.wide(g, n, to, &g.few, 0)
		n.rows, n.lo, n.hi = &g.few, 0, m
	}
	for k := range to.columns {
		to.most = max(to.most, to.columns[k].slots())
	}
	n.coding = to
}

// empty makes r rows of bytes, all 0, with these tags.
func (r *rowSet) empty(columns int, tags []uint64) {
	m := len(tags)
	r.width = 8
	r.words = resize(r.words, (columns+7)/8)
	for q := range r.words {
		r.words[q] = resize(r.words[q], m)
		clear(r.words[q])
	}
	r.tags = append(r.tags[:0], tags...)
	r.buffers(m)
}

// denser turns codes into ranks among those present.
type denser struct {
	codes  []uint32
	bitmap []uint64
	ranks  []uint32 // by old code

	present   [8][4]uint64 // of the columns of a word
	byteRanks [8][257]uint32
}

// wide recodes rows of wide codes into the rows of dst from at on.
func (d *denser) wide(g *Grower, n *node, to *coding, dst *rowSet, at int) {
	for k := range n.coding.columns {
		from := &n.coding.columns[k]
		codes := d.read(n, k)
		if g.m.columns[k].numeric >= 0 {
			d.bitmap, d.ranks = resize(d.bitmap, from.codes/64+1), resize(d.ranks, from.codes+1)
			clear(d.bitmap)
			for _, c := range codes {
				d.bitmap[c>>6] |= 1 << (c & 63)
			}
			rank(from, &to.columns[k], d.bitmap, d.ranks)
			for i, c := range codes {
				codes[i] = d.ranks[c]
			}
		} else {
			to.columns[k] = *from
		}
		word, shift, mask := dst.at(k)
		word = word[at : at+len(codes)]
		for i, c := range codes {
			word[i] = word[i]&^(mask<<(shift&63)) | uint64(c)<<(shift&63)
		}
	}
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

// bytes recodes rows of bytes in place, a word of eight columns at a time.
func (d *denser) bytes(g *Grower, n *node, to *coding) {
	for q, word := range n.rows.words {
		word = word[n.lo:n.hi]
		d.collect(word)
		first, last := wordColumns(q, len(to.columns))
		for k := first; k < last; k++ {
			from, ranks := &n.coding.columns[k], d.byteRanks[k-first][:]
			if g.m.columns[k].numeric >= 0 {
				rank(from, &to.columns[k], d.present[k-first][:], ranks)
				continue
			}
			to.columns[k] = *from
			for c := range from.codes {
				ranks[c] = uint32(c)
			}
		}
		for k := last - first; k < 8; k++ {
			d.byteRanks[k][0] = 0
		}
		d.replace(word)
	}
}

// collect marks the codes of each column of a word.
func (d *denser) collect(word []uint64) {
	p := &d.present
	clear(p[:])
	for _, x := range word {
		p[0][x>>6&3] |= 1 << (x & 63)
		p[1][x>>14&3] |= 1 << (x >> 8 & 63)
		p[2][x>>22&3] |= 1 << (x >> 16 & 63)
		p[3][x>>30&3] |= 1 << (x >> 24 & 63)
		p[4][x>>38&3] |= 1 << (x >> 32 & 63)
		p[5][x>>46&3] |= 1 << (x >> 40 & 63)
		p[6][x>>54&3] |= 1 << (x >> 48 & 63)
		p[7][x>>62] |= 1 << (x >> 56 & 63)
	}
}

// replace puts ranks in the place of codes.
func (d *denser) replace(word []uint64) {
	r := &d.byteRanks
	for i, x := range word {
		word[i] = uint64(r[0][uint8(x)]) | uint64(r[1][uint8(x>>8)])<<8 |
			uint64(r[2][uint8(x>>16)])<<16 | uint64(r[3][uint8(x>>24)])<<24 |
			uint64(r[4][uint8(x>>32)])<<32 | uint64(r[5][uint8(x>>40)])<<40 |
			uint64(r[6][uint8(x>>48)])<<48 | uint64(r[7][uint8(x>>56)])<<56
	}
}

// rank gives the codes present, a bitmap that it changes, their ranks and describes these
// in to. The code that extra rows count as is kept where there are any.
func rank(from, to *local, present []uint64, ranks []uint32) {
	extra := uint32(from.codes)
	has := from.extra && present[extra>>6]>>(extra&63)&1 != 0
	if has {
		present[extra>>6] &^= 1 << (extra & 63)
		if from.home >= 0 {
			present[from.home>>6] |= 1 << (from.home & 63)
		}
	}
	*to = local{home: -1, extra: has, back: to.back[:0]}
	for q, b := range present {
		for ; b != 0; b &= b - 1 {
			c := q<<6 | bits.TrailingZeros64(b)
			ranks[c] = uint32(len(to.back))
			to.back = append(to.back, from.global(c))
		}
	}
	to.codes = len(to.back)
	if has {
		ranks[extra] = uint32(to.codes)
		if from.home >= 0 {
			to.home = int(ranks[from.home])
		}
	}
}
