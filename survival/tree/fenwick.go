package tree

import "math"

// fenwick is the search for any weights and any width of codes, O(m log M) a column. Rows
// enter the left side in order of their codes. With terms A, W as in pass, adding row i
// to the set S changes V by
//
//	w_i·A_i − [w_i²·W_i + 2·w_i·Σ_{j∈S} w_j·W(min(t_i, t_j))],
//
// where the sum, split at t_i, takes two prefix sums of a Fenwick (1994) tree over the
// event times.
type fenwick struct {
	tree  []prefix
	group []int32 // by row: event times up to its own, 0 before the first
	at    []int32 // rows by code
	end   []int32 // of each code's rows in at
	code  []uint32
}

// prefix is a node of the tree: the weight of rows, and their sum of w·W.
type prefix struct{ weight, sum float64 }

// left is the growing left side.
type left struct {
	u, a, q, weight float64
	scale           float64 // Σ |terms of U|
	size            int
}

func (f *fenwick) search(g *Grower, n *node, p *pass, found []candidate) (survivors []candidate, best float64) {
	f.tree, f.group = resize(f.tree, len(p.times)), resize(f.group, n.hi-n.lo)
	for k, t := range p.times {
		end := len(f.group)
		if k+1 < len(p.times) {
			end = p.times[k+1].start
		}
		for i := t.start; i < end; i++ {
			f.group[i] = int32(k)
		}
	}
	m := float64(n.hi - n.lo)
	s := scan{f: f, p: p, n: n, found: found, least: float64(g.opt.MinLeaf), most: m - float64(g.opt.MinLeaf)}
	for k := range g.m.columns {
		c := &g.m.columns[k]
		if !n.tries(c) {
			continue
		}
		f.sort(n, k)
		s.column(c, &n.coding.columns[k], k)
	}
	return s.found, s.bound
}

// sort orders the rows by code, by counting: narrow keeps codes from outnumbering rows.
func (f *fenwick) sort(n *node, k int) {
	m := n.hi - n.lo
	slots := n.coding.columns[k].codes + 1
	word, shift, mask := n.rows.at(k)
	word = word[n.lo:n.hi]
	f.at, f.code = resize(f.at, m), resize(f.code, m)
	f.end = resize(f.end, slots+1)
	clear(f.end)
	for _, x := range word {
		f.end[x>>(shift&63)&mask+1]++
	}
	for c := range slots {
		f.end[c+1] += f.end[c]
	}
	for i, x := range word {
		c := x >> (shift & 63) & mask
		f.at[f.end[c]], f.code[f.end[c]] = int32(i), uint32(c)
		f.end[c]++
	}
}

// scan walks the candidates of the columns of a node.
type scan struct {
	f           *fenwick
	p           *pass
	n           *node
	found       []candidate
	least, most float64 // rows of a side
	bound       float64 // the best lower bound so far
}

func (s *scan) column(c *column, in *local, k int) {
	f := s.f
	m := len(f.at)
	body := m // rows of ordered codes, then those of the extra code
	for body > 0 && c.numeric >= 0 && f.code[body-1] == uint32(in.codes) {
		body--
	}
	for j := 0; c.numeric < 0 && j < m; {
		end := j + run(f.code[j:])
		if class := c.classes[f.code[j]]; class >= 0 && s.n.allows(class) {
			s.single(split{feature: class, column: k}, f.at[j:end])
		}
		j = end
	}
	if body < m && c.indicator >= 0 && s.n.allows(c.indicator) {
		s.single(split{feature: c.indicator, column: k}, f.at[body:])
	}
	if c.numeric < 0 || !s.n.allows(c.numeric) {
		return
	}
	s.ordered(split{feature: c.numeric, column: k}, body, nil, in)
	if body < m && in.home < 0 {
		s.ordered(split{feature: c.numeric, column: k, gapLeft: true}, body, f.at[body:], in)
	}
}

// run is how many equal codes a slice begins with.
func run(codes []uint32) int {
	j := 1
	for j < len(codes) && codes[j] == codes[0] {
		j++
	}
	return j
}

// ordered offers every threshold between codes; first are rows that are left from the
// beginning. Extra rows with a home enter together with that code.
func (s *scan) ordered(at split, body int, first []int32, in *local) {
	f := s.f
	clear(f.tree)
	var l left
	s.add(&l, first)
	home := in.home
	if body == len(f.at) {
		home = -1
	}
	for j := 0; j < body || home >= 0; {
		code := in.codes
		if j < body {
			code = int(f.code[j])
		}
		if home >= 0 && home <= code {
			code = home
			s.add(&l, f.at[body:])
			home = -1
		}
		if j < body && int(f.code[j]) == code {
			end := j + run(f.code[j:body])
			s.add(&l, f.at[j:end])
			j = end
		}
		at.code = code
		if float64(l.size) > s.most {
			return
		}
		s.offer(at, &l)
	}
}

// single offers one code against the rest.
func (s *scan) single(at split, rows []int32) {
	clear(s.f.tree)
	var l left
	s.add(&l, rows)
	if float64(l.size) <= s.most {
		s.offer(at, &l)
	}
}

func (s *scan) offer(at split, l *left) {
	if float64(l.size) < s.least {
		return
	}
	// The same without a division: most candidates end here.
	if up := math.Abs(l.u) + 1e-12*l.scale; up*up < s.bound*(1-2*tie)*(l.a-l.q-1e-12*(l.a+l.q)) {
		return
	}
	upper, lower := bracket(l.u, l.a-l.q, l.scale, l.a+l.q)
	if upper < s.bound*(1-tie) {
		return
	}
	s.bound = max(s.bound, lower)
	s.found = append(s.found, candidate{at, upper})
}

// add moves rows to the left side.
func (s *scan) add(l *left, rows []int32) {
	tree, p := s.f.tree, s.p
	for _, i := range rows {
		t := &p.rows[i]
		l.u += t.weight * t.residual
		l.scale += t.weight * math.Abs(t.residual)
		l.a += t.weight * t.a
		l.size++
		k := int(s.f.group[i])
		if k == 0 { // before the first event time: W = 0, and not among the later rows either
			continue
		}
		var before prefix
		for j := k; j > 0; j &= j - 1 {
			before.weight += tree[j].weight
			before.sum += tree[j].sum
		}
		v := t.weight * t.w
		l.q += t.weight*v + 2*(t.weight*before.sum+v*(l.weight-before.weight))
		l.weight += t.weight
		for j := k; j < len(tree); j += j & -j {
			tree[j].weight += t.weight
			tree[j].sum += v
		}
	}
}
