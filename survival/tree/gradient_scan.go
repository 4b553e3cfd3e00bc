package tree

// search walks the candidates of every column.
func (c *Gradient) search(g *Grower, n *node) chosen {
	best := chosen{split: split{feature: -1}}
	s := gainScan{c: c, g: g, n: n, best: &best}
	wide := n.rows.width > 8
	if wide {
		s.total = c.gather(n)
	} else {
		if n.sums != nil && n.sums.coding != n.coding {
			c.release(n) // the node has been recoded
		}
		if n.sums == nil {
			n.sums = c.sum(g, n)
		}
		s.total = n.sums.total
	}
	for k := range g.m.columns {
		switch {
		case !n.tries(&g.m.columns[k]):
		case wide:
			one, two := g.hist.column(n, k, c.v1, c.v2)
			s.column(k, one, two)
		case n.sums.packed:
			s.packed(k)
		default:
			s.column(k, n.sums.first[k/8][k%8][:], n.sums.second[k/8][k%8][:])
		}
	}
	return best
}

// score is G²/(H+λ), in units that make gains comparable from tree to tree: smallest is
// relative.
func (c *Gradient) score(s sums) float64 {
	g, h := float64(int64(s.g))*c.unitG, float64(float64(s.h>>countBits)*c.unitH)
	if h+c.lambda <= 0 {
		return 0
	}
	return g * g / (h + c.lambda) * c.perUnit
}

// gainScan walks the candidates of a node.
type gainScan struct {
	c        *Gradient
	g        *Grower
	n        *node
	total    sums
	best     *chosen
	one, two [256]uint64
}

func (s *gainScan) offer(l sums, at split) {
	r := sums{s.total.g - l.g, s.total.h - l.h}
	least := uint64(s.g.opt.MinLeaf)
	if l.h&countMask < least || r.h&countMask < least {
		return
	}
	s.best.offer(s.c.score(l)+s.c.score(r)-s.c.score(s.total), at)
}

// packed unpacks a column. Where rows were not counted each code present counts as one: the
// least number of a leaf is 1 then.
func (s *gainScan) packed(k int) {
	h := s.n.sums
	slots := s.n.coding.columns[k].slots()
	s.total = sums{}
	for code, v := range h.first[k/8][k%8][:slots] {
		count := min(1, uint64(uint32(v)))
		if len(h.second) > 0 {
			count = h.second[k/8][k%8][code]
		}
		u := unpack(v, count)
		s.one[code], s.two[code] = u.g, u.h
		s.total = s.total.plus(u.g, u.h)
	}
	s.column(k, s.one[:slots], s.two[:slots])
}

func (s *gainScan) column(k int, one, two []uint64) {
	c, in := &s.g.m.columns[k], &s.n.coding.columns[k]
	for class, feature := range c.classes {
		if feature >= 0 && s.n.allows(feature) {
			s.offer(sums{one[class], two[class]}, split{feature: feature, column: k})
		}
	}
	if c.numeric < 0 {
		return
	}
	var extra sums
	if in.extra {
		extra = sums{one[in.codes], two[in.codes]}
	}
	if c.indicator >= 0 && s.n.allows(c.indicator) {
		s.offer(extra, split{feature: c.indicator, column: k})
	}
	if !s.n.allows(c.numeric) {
		return
	}
	var home sums // extra rows count as a code
	if in.home >= 0 {
		home, extra = extra, sums{}
	}
	var l sums
	for code := range in.codes {
		here := sums{one[code], two[code]}
		if code == in.home {
			here = here.plus(home.g, home.h)
		}
		if here.h == 0 {
			continue
		}
		l = l.plus(here.g, here.h)
		s.offer(l, split{feature: c.numeric, column: k, code: code})
		if extra.h != 0 {
			s.offer(l.plus(extra.g, extra.h), split{feature: c.numeric, column: k, code: code, gapLeft: true})
		}
	}
}
