package tree

// search walks the candidates of every column.
func (c *Gradient) search(g *Grower, n *node) chosen {
	best := chosen{split: split{feature: -1}}
	s := gainScan{c: c, g: g, n: n, best: &best}
	if n.packed != nil {
		for k := range g.m.columns {
			if n.tries(&g.m.columns[k]) {
				s.packed(k)
			}
		}
		return best
	}
	wide := n.rows.width > 8
	if wide {
		s.consider(c.gather(n))
	} else {
		if n.sums != nil && n.sums.coding != n.coding {
			c.release(n) // the node has been recoded
		}
		if n.sums == nil {
			n.sums = c.sum(g, n)
		}
		s.consider(n.sums.total)
	}
	for k := range g.m.columns {
		switch {
		case !n.tries(&g.m.columns[k]):
		case wide:
			one, two := g.hist.column(n, k, c.v1, c.v2)
			s.column(k, one, two)
		default:
			s.column(k, n.sums.first[k/8][k%8][:], n.sums.second[k/8][k%8][:])
		}
	}
	return best
}

// parts are G and H+λ of a side.
func (c *Gradient) parts(s sums) (g, h float64) {
	return float64(int64(s.g)) * c.unitG, float64(float64(int64(s.h>>countBits))*c.unitH) + c.lambda
}

// score is G²/(H+λ), in units that make gains comparable from tree to tree: smallest is
// relative.
func (c *Gradient) score(s sums) float64 {
	g, h := c.parts(s)
	if h <= 0 {
		return 0
	}
	return g * g / h * c.perUnit
}

// gainScan walks the candidates of a node.
type gainScan struct {
	c        *Gradient
	g        *Grower
	n        *node
	total    sums
	whole    float64 // its score
	least    float64 // see aim
	best     *chosen
	one, two [256]uint64
}

func (s *gainScan) offer(l sums, at split) {
	r := sums{s.total.g - l.g, s.total.h - l.h}
	least := uint64(s.g.opt.MinLeaf)
	if l.h&countMask < least || r.h&countMask < least {
		return
	}
	lg, lh := s.c.parts(l)
	rg, rh := s.c.parts(r)
	if float64(lg*lg*rh)+float64(rg*rg*lh) < s.least*lh*rh {
		return
	}
	s.best.offer(s.c.score(l)+s.c.score(r)-s.whole, at)
	s.aim()
}

// aim says what the scores of both sides, without their unit, must add up to for a candidate
// to matter, with a margin for rounding: most candidates are dismissed without a division.
func (s *gainScan) aim() {
	const margin = 1e-12
	need := smallest
	if s.best.feature >= 0 {
		need = max(need, s.best.score*(1-tie))
	}
	s.least = (need + s.whole) / s.c.perUnit * (1 - margin)
}

// consider prepares for candidates of a node with these sums.
func (s *gainScan) consider(total sums) {
	s.total, s.whole = total, s.c.score(total)
	s.aim()
}

// packed unpacks a column.
func (s *gainScan) packed(k int) {
	slots := s.n.coding.columns[k].slots()
	one, two := s.one[:slots], s.two[:slots]
	s.n.packed.column(k, one, two)
	var total sums
	for code, v := range one {
		u := unpack(v, two[code])
		one[code], two[code] = u.g, u.h
		total = total.plus(u.g, u.h)
	}
	s.consider(total)
	s.column(k, one, two)
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
