package tree

// cut is a split still to be made: codes by row, and by code 1 for what goes left.
type cut struct {
	codes []uint8
	table [256]uint8
}

// task is what a pass does with a node: it divides the rows and sums up one side; or, where
// there is nothing more to divide, sums up leaves.
type task struct {
	n   *branch
	cut cut

	mid  []int32 // by stretch: where the right side begins; nil: leaves
	sums int     // the number of the sums
	left bool    // the left side is summed up

	leaves [2]*branch // right and left; both the node where it is a leaf
	table  leafTable
	ends   [][2]leafSum // by stretch
}

// leafTable says by code of a cut where rows go: 1 or 0 for either side, and the leaf's mark.
type leafTable struct {
	right, left [256]float64
	mark        [256]int32
}

func (t *task) fillTable() {
	for code, side := range t.cut.table {
		t.table.left[code], t.table.right[code] = float64(side), float64(1-side)
		t.table.mark[code] = t.leaves[side].mark
	}
}

// divide makes the splits of nodes, and returns the sides that may be split again; last says
// that none may.
func (f *front) divide(level []*branch, last bool) []*branch {
	f.work = f.work[:0]
	var sums []*packedSums
	rows := 0
	for _, n := range level {
		if n.few {
			continue
		}
		rows += n.size
		t := f.plan(n, last)
		if t.mid != nil {
			t.sums, sums = len(sums), append(sums, f.set())
		}
		f.work = append(f.work, t)
	}
	f.pass(rows, sums, f.advance)
	var next []*branch
	for i := range f.work {
		t := &f.work[i]
		if t.mid == nil {
			f.settle(t)
			continue
		}
		f.halve(t, sums[t.sums])
		next = append(next, t.n.left, t.n.right)
	}
	return next
}

// plan says what is to be done with a node.
func (f *front) plan(n *branch, last bool) task {
	t := task{n: n}
	if n.best.feature < 0 {
		t.cut = cut{codes: f.joint.columns[0]}
		t.leaves = [2]*branch{n, n}
		n.mark = f.c.newMark()
	} else {
		t.cut = f.cut(n.best.split)
		n.left, n.right = &branch{}, &branch{}
		if !last {
			t.mid = make([]int32, f.stretches())
			t.left = f.leftIsSmaller(n, &t.cut)
			return t
		}
		f.release(n)
		t.leaves = [2]*branch{n.right, n.left}
		n.left.mark, n.right.mark = f.c.newMark(), f.c.newMark()
	}
	t.ends = make([][2]leafSum, f.stretches())
	t.fillTable()
	return t
}

func (f *front) cut(s split) cut {
	var table [256]uint8 // by code
	coding := f.g.codings[0]
	sides(f.g.m.rule(coding, s), table[:coding.columns[s.column].slots()], 1, 0)
	var c cut
	in := &f.joint.members[s.column]
	c.codes = f.joint.columns[in.column]
	for at, code := range in.codes {
		c.table[at] = table[code]
	}
	return c
}

// leftIsSmaller guesses from some rows which side is the smaller one. Sums are exact either
// way: the guess costs or saves time alone.
func (f *front) leftIsSmaller(n *branch, c *cut) bool {
	const looks, each = 8, 256
	left, all := 0, 0
	step := max(1, f.stretches()/looks)
	for b := step / 2; b < f.stretches(); b += step {
		rows := f.rowsOf(n, b)
		rows = rows[:min(len(rows), each)]
		codes := c.codes[b*Stretch:]
		for _, row := range rows {
			left += int(c.table[codes[row]])
		}
		all += len(rows)
	}
	return 2*left < all
}

// advance does all tasks on one stretch.
func (f *front) advance(b int, spare []uint16, sums []*packedSums) {
	from, to := f.bounds(b)
	for i := range f.work {
		t := &f.work[i]
		if t.mid != nil {
			f.part(t, b, spare, sums)
			continue
		}
		t.ends[b] = t.table.settle(f.rowsOf(t.n, b), f.c.g[from:to], f.c.h[from:to], t.cut.codes[from:to], f.c.mark[from:to])
	}
}

// part divides the rows of a node in one stretch, and sums up those of the smaller side.
func (f *front) part(t *task, b int, spare []uint16, sums []*packedSums) {
	from, to := f.bounds(b)
	rows, index := f.rowsOf(t.n, b), f.index[t.n.lo[b]:t.n.hi[b]]
	k := t.cut.divide(rows, index, spare, t.cut.codes[from:to])
	t.mid[b] = t.n.lo[b] + int32(k)
	if t.left {
		index = index[:k]
	} else {
		index = index[k:]
	}
	f.tally(sums[t.sums], from, to, index)
}

// divide moves rows that go left to the front of to, stably, the others behind them, and
// returns how many go left. rows may be to.
func (c *cut) divide(rows, to, spare []uint16, codes []uint8) int {
	l := 0
	to, spare = to[:len(rows)], spare[:len(rows)]
	table := &c.table
	for i, row := range rows {
		to[l] = row
		spare[i-l] = row
		l += int(table[codes[row]])
	}
	copy(to[l:], spare)
	return l
}

// settle marks the rows of leaves and adds them up: right, and left.
func (l *leafTable) settle(rows []uint16, g, h []float64, codes []uint8, mark []int32) [2]leafSum {
	g, h, mark = g[:len(codes)], h[:len(codes)], mark[:len(codes)]
	var rightG, rightH, leftG, leftH, left float64
	for _, row := range rows {
		code := codes[row]
		in, out, u, v := l.left[code], l.right[code], g[row], h[row]
		rightG += float64(out * u)
		rightH += float64(out * v)
		leftG += float64(in * u)
		leftH += float64(in * v)
		left += in
		mark[row] = l.mark[code]
	}
	n := int(left)
	return [2]leafSum{{rightG, rightH, len(rows) - n}, {leftG, leftH, n}}
}

// settle completes leaves: sums in the order of stretches.
func (f *front) settle(t *task) {
	for k, n := range t.leaves {
		var total leafSum
		for _, ends := range t.ends {
			total.add(ends[k])
		}
		if n != t.n || k == 0 {
			n.value, n.size = f.c.value(total), total.rows
		}
	}
}

// halve completes a split: the larger side has what the smaller one leaves of the node's sums.
func (f *front) halve(t *task, part *packedSums) {
	n, left, right := t.n, t.n.left, t.n.right
	left.lo, left.hi = n.lo, t.mid
	right.lo, right.hi = t.mid, n.hi
	for b := range t.mid {
		left.size += int(left.hi[b] - left.lo[b])
	}
	right.size = n.size - left.size
	n.sums.combine(part, subtract)
	left.sums, right.sums = n.sums, part
	if t.left {
		left.sums, right.sums = part, n.sums
	}
	n.sums = nil
}
