package tree

import (
	"cmp"
	"slices"

	"everfold/survival"
)

// joint is a Matrix of bytes once more, for sums over many rows: stored columns of few codes
// share a column where no more than 256 combinations of their codes occur. Sums by
// combination, added up, are those by code of each, exactly, as they are of integers; a row
// costs fewer additions and fewer bytes are read.
type joint struct {
	columns [][]uint8  // by row
	words   [][]uint64 // the same, eight columns a word; a ninth and last one is read by itself
	slots   []int      // by joint column: combinations
	members []member   // by stored column
}

// member is where a stored column has gone.
type member struct {
	column int
	codes  []uint8 // by combination
}

// mostSlots is how many combinations a byte can tell apart.
const mostSlots = 1 << 8

// attempts is how many joint columns a stored one tries to join.
const attempts = 4

// joined is a joint column while it is put together.
type joined struct {
	codes   []uint8 // by row
	columns []int   // stored columns
	tables  [][]uint8
}

// newJoint joins the columns of a matrix of bytes, those of most codes first.
func newJoint(m *Matrix, threads int) *joint {
	order := make([]int, len(m.columns))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.columns[b].slots(), m.columns[a].slots()) })
	var all []*joined
	for _, k := range order {
		codes := m.bytes(k)
		joins := func(c *joined) bool { return c.join(k, codes) }
		if !slices.ContainsFunc(all[max(0, len(all)-attempts):], joins) {
			all = append(all, newJoined(k, codes, m.columns[k].slots()))
		}
	}
	j := &joint{members: make([]member, len(m.columns))}
	for at, c := range all {
		j.columns, j.slots = append(j.columns, c.codes), append(j.slots, len(c.tables[0]))
		for i, k := range c.columns {
			j.members[k] = member{at, c.tables[i]}
		}
	}
	j.pack(m.rows, threads)
	return j
}

// bytes are the codes of a stored column.
func (m *Matrix) bytes(k int) []uint8 {
	codes := make([]uint8, m.rows)
	word, shift := m.words[k/8], uint(k%8)*8
	for i, x := range word {
		codes[i] = uint8(x >> (shift & 63))
	}
	return codes
}

// newJoined is a column that none has joined yet.
func newJoined(k int, codes []uint8, slots int) *joined {
	table := make([]uint8, slots)
	for c := range table {
		table[c] = uint8(c)
	}
	return &joined{codes: codes, columns: []int{k}, tables: [][]uint8{table}}
}

// join adds a stored column, unless that makes too many combinations.
func (c *joined) join(k int, codes []uint8) bool {
	var number [1 << 16]uint16 // of a combination, from 1 on
	var pairs []uint16
	for i, a := range c.codes {
		pair := uint16(a)<<8 | uint16(codes[i])
		if number[pair] > 0 {
			continue
		}
		if len(pairs) == mostSlots {
			return false
		}
		pairs = append(pairs, pair)
		number[pair] = uint16(len(pairs))
	}
	for i, a := range c.codes {
		c.codes[i] = uint8(number[uint16(a)<<8|uint16(codes[i])] - 1)
	}
	table := make([]uint8, len(pairs))
	for i, old := range c.tables {
		now := make([]uint8, len(pairs))
		for at, pair := range pairs {
			now[at], table[at] = old[pair>>8], uint8(pair)
		}
		c.tables[i] = now
	}
	c.columns, c.tables = append(c.columns, k), append(c.tables, table)
	return true
}

// pack fills the words.
func (j *joint) pack(rows, threads int) {
	columns := len(j.columns)
	if columns%8 == 1 && columns > 1 {
		columns--
	}
	j.words = make([][]uint64, (columns+7)/8)
	for q := range j.words {
		j.words[q] = make([]uint64, rows)
	}
	survival.Each(chunks(rows), threads, func(part int) {
		from, to := part*chunk, min((part+1)*chunk, rows)
		for k, codes := range j.columns[:columns] {
			word, shift := j.words[k/8][from:to], uint(k%8)*8
			for i, code := range codes[from:to] {
				word[i] |= uint64(code) << (shift & 63)
			}
		}
	})
}

// tally adds rows of the stretch that begins at from to the sums by combination.
func (j *joint) tally(h []block, from, to int, rows []uint16, v []uint64) {
	v = v[from:to]
	left := len(j.columns)
	for q := 0; left > 0; q, left = q+1, left-8 {
		word := j.words[q][from:to]
		switch {
		case left == 9:
			tallyNine(&h[q], &h[q+1][0], word, j.columns[len(j.columns)-1][from:to], rows, v)
			return
		case left > 8 && left <= 12:
			tallyTwelve(&h[q], &h[q+1], word, j.words[q+1][from:to], rows, v)
			return
		case left > 4:
			tallyEight(&h[q], word, rows, v)
		default:
			tallyFour(&h[q], word, rows, v)
		}
	}
}

// count counts rows by combination.
func (j *joint) count(h []block, from, to int, rows []uint16) {
	for k, codes := range j.columns {
		b := &h[k/8][k%8]
		codes := codes[from:to]
		for _, row := range rows {
			b[codes[row]]++
		}
	}
}

// packedSums are the sums of a node by joint column and combination: g above h in one word,
// and the number of rows, if it matters.
type packedSums struct {
	joint *joint
	first []block
	count []block
}

// clear empties the sums.
func (p *packedSums) clear(j *joint, counted bool) {
	p.joint = j
	p.first, p.count = resize(p.first, (len(j.columns)+7)/8), p.count[:0]
	if counted {
		p.count = resize(p.count, len(p.first))
	}
	p.each(func(b *[256]uint64, slots int) { clear(b[:slots]) })
	// Columns that a word does not have collect what tallies add for code 0.
}

func (p *packedSums) each(do func(b *[256]uint64, slots int)) {
	for k, slots := range p.joint.slots {
		do(&p.first[k/8][k%8], slots)
		if len(p.count) > 0 {
			do(&p.count[k/8][k%8], slots)
		}
	}
}

// combine adds the sums of other rows, or takes them away.
func (p *packedSums) combine(o *packedSums, how func(a, b []uint64)) {
	for k, slots := range p.joint.slots {
		how(p.first[k/8][k%8][:slots], o.first[k/8][k%8][:slots])
		if len(p.count) > 0 {
			how(p.count[k/8][k%8][:slots], o.count[k/8][k%8][:slots])
		}
	}
}

// column adds up the packed sums, and the counts, of a stored column by its own code. Where
// rows were not counted each code present counts as one: the least number of a leaf is 1 then.
func (p *packedSums) column(k int, sum, count []uint64) {
	in := &p.joint.members[k]
	clear(sum)
	for at, v := range p.first[in.column/8][in.column%8][:len(in.codes)] {
		sum[in.codes[at]] += v
	}
	if len(p.count) == 0 {
		for code, v := range sum {
			count[code] = min(1, uint64(uint32(v)))
		}
		return
	}
	clear(count)
	for at, v := range p.count[in.column/8][in.column%8][:len(in.codes)] {
		count[in.codes[at]] += v
	}
}

// next is nextSeen: every row has a curvature in packed sums.
func (p *packedSums) next(in *local, s split) (next int, gaps bool) {
	var sum, count [256]uint64
	var seen [256]bool
	slots := in.slots()
	p.column(s.column, sum[:slots], count[:slots])
	for code, v := range sum[:slots] {
		seen[code] = uint32(v) > 0
	}
	return nextSeen(&seen, in, s.code)
}
