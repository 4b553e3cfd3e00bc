package boost

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
	"everfold/survival/tree"
)

// loss is Breslow's log partial likelihood with rows in the order of time. Sums over rows
// are those of blocks, added in order: the same bytes on any number of threads.
type loss struct {
	groups    []riskset.Group
	blocks    []block
	start     []int32   // by group: its first row
	died      []int32   // by group: its first row without an event
	weight    []float64 // w; nil: all 1
	events    []float64 // d by group
	curvature bool      // h is the curvature
	threads   int

	f      []float64 // F
	e      []float64 // w·e^{F − shift}
	shift  float64
	moved  float64   // bound on how far any F has moved since the shift was chosen
	atRisk []float64 // by group: the sum of e from it to the end of the block it begins in
	g, h   []float64 // see differentiate
}

// block is the rows from ≤ i < to, and the groups that begin there, first ≤ k < last. Rows
// before the first of these are of the group before.
type block struct {
	from, to      int
	first, last   int
	at            float64 // Σ e of its rows
	later         float64 // and of the rows of later blocks
	hazard, twice float64 // Σ d/R and Σ d/R² of its groups; then of those before
}

// newLoss is the loss at F = 0.
func newLoss(order *riskset.Order, y survival.Outcome, threads int) *loss {
	n := y.Len()
	l := &loss{groups: order.Groups, weight: order.Gather(y.Weight), events: make([]float64, len(order.Groups)),
		threads: threads, f: make([]float64, n), e: make([]float64, n), atRisk: make([]float64, len(order.Groups))}
	l.start, l.died = make([]int32, len(l.groups)), make([]int32, len(l.groups))
	for k, grp := range l.groups {
		l.start[k], l.died[k] = int32(grp.Start), int32(grp.Start+grp.Events)
	}
	order.EventSums(l.events, l.weight)
	l.divide()
	l.exponentiate()
	return l
}

// differentiate makes room for g and h; curvature says whether h is wanted, or w in its place.
func (l *loss) differentiate(curvature bool) {
	l.curvature, l.g, l.h = curvature, make([]float64, len(l.f)), l.weight
	if curvature || l.h == nil {
		l.h = make([]float64, len(l.f))
	}
	for i := range l.h {
		l.h[i] = l.w(i)
	}
}

// divide cuts the rows into blocks: the stretches that trees ask for gradients of.
func (l *loss) divide() {
	k := 0
	for from := 0; from < len(l.f); from += tree.Stretch {
		b := block{from: from, to: min(from+tree.Stretch, len(l.f)), first: k}
		for k < len(l.groups) && l.groups[k].Start < b.to {
			k++
		}
		b.last = k
		l.blocks = append(l.blocks, b)
	}
}

// each works on every block.
func (l *loss) each(do func(*block)) {
	survival.Each(len(l.blocks), l.threads, func(k int) { do(&l.blocks[k]) })
}

func (l *loss) w(i int) float64 {
	if l.weight == nil {
		return 1
	}
	return l.weight[i]
}

// exponentiate computes e afresh, shifted so that the largest F has e^0: gradients do not
// depend on the shift, and nothing overflows.
func (l *loss) exponentiate() {
	l.shift, l.moved = math.Inf(-1), 0
	for _, f := range l.f {
		l.shift = max(l.shift, f)
	}
	l.each(func(b *block) {
		for i := b.from; i < b.to; i++ {
			l.e[i] = l.w(i) * math.Exp(l.f[i]-l.shift)
		}
		l.sum(b)
	})
}

// furthest is how far F may move before e is computed afresh: e^±300 is far from the ends
// of float64, and few products keep rounding small.
const furthest = 300

// add adds the value of its leaf to F of every row.
func (l *loss) add(leaf []int32, values []float64) {
	factor := make([]float64, len(values))
	most := 0.0
	for k, v := range values {
		factor[k] = math.Exp(v)
		most = max(most, math.Abs(v))
	}
	l.moved += most
	l.each(func(b *block) {
		leaf, f, e := leaf[b.from:b.to], l.f[b.from:b.to], l.e[b.from:b.to]
		for i, k := range leaf {
			f[i] += values[k]
			e[i] *= factor[k]
		}
		l.sum(b)
	})
	if l.moved > furthest {
		l.exponentiate()
	}
}

// sum fills atRisk within a block.
func (l *loss) sum(b *block) {
	total, end := 0.0, b.to
	for k := b.last - 1; k >= b.first; k-- {
		start := int(l.start[k])
		total += sum(l.e[start:end])
		l.atRisk[k], end = total, start
	}
	b.at = total + sum(l.e[b.from:end])
}

// sum adds up four rows at a time: one addition need not wait for the last.
func sum(v []float64) float64 {
	if len(v) == 1 {
		return v[0]
	}
	return sumOfMany(v)
}

func sumOfMany(v []float64) float64 {
	var a, b, c, d float64
	for ; len(v) >= 4; v = v[4:] {
		a, b, c, d = a+v[0], b+v[1], c+v[2], d+v[3]
	}
	for _, x := range v {
		a += x
	}
	return (a + b) + (c + d)
}

// later completes the blocks' sums over later rows.
func (l *loss) later() {
	sum := 0.0
	for k := len(l.blocks) - 1; k >= 0; k-- {
		l.blocks[k].later = sum
		sum += l.blocks[k].at
	}
}

// fewGroups is up to how many groups are summed up by one goroutine.
const fewGroups = 1 << 14

// prepare completes the sums that fill needs.
func (l *loss) prepare() {
	l.later()
	threads := l.threads
	if len(l.groups) <= fewGroups {
		threads = 1
	}
	survival.Each(len(l.blocks), threads, func(k int) { l.hazards(&l.blocks[k]) })
	hazard, twice := 0.0, 0.0 // Σ d/R and Σ d/R² up to the present time
	for k := range l.blocks {
		b := &l.blocks[k]
		here, alike := b.hazard, b.twice
		b.hazard, b.twice = hazard, twice
		hazard += here
		twice += alike
	}
}

// hazards sums up those of a block's groups.
func (l *loss) hazards(b *block) {
	b.hazard, b.twice = 0, 0
	for k := b.first; k < b.last; k++ {
		if q, r := l.hazard(b, k); q > 0 {
			b.hazard += q
			b.twice += float64(q * r)
		}
	}
}

// bounds are those of the sums of what fill computes, |g| and h: Σ e·Σ d/R is Σ d, but for
// rounding.
func (l *loss) bounds() (g, h float64) {
	for _, d := range l.events {
		g += d
	}
	h = g
	if !l.curvature {
		h = 0
		for i := range l.e {
			h += l.w(i)
		}
	}
	const rounding = 1e-6
	return 2 * g * (1 + rounding), h * (1 + rounding)
}

// hazard is d/R and 1/R of a group; 0 where nobody dies or R has vanished.
func (l *loss) hazard(b *block, k int) (q, r float64) {
	at := l.atRisk[k] + b.later
	if d := l.events[k]; d > 0 && at > 0 {
		r = 1 / at
		return d * r, r
	}
	return 0, 0
}

// fill computes g, and h where it is wanted, of the rows of the block that begins at from.
func (l *loss) fill(from, to int) {
	b, e, g, h := &l.blocks[from/tree.Stretch], l.e[from:to], l.g[from:to], l.h[from:to]
	first, second := b.hazard, b.twice
	start, end := 0, 0
	for k := b.first - 1; k < b.last; k++ { // the rows before the block's groups are of an earlier one
		if k >= b.first {
			q, r := l.hazard(b, k)
			first += q
			second += float64(q * r)
			start = int(l.start[k]) - from
		}
		if end = len(e); k+1 < b.last {
			end = int(l.start[k+1]) - from
		}
		l.terms(g[start:end], h[start:end], e[start:end], first, second)
		if k >= 0 {
			l.dies(g[start:max(start, min(end, int(l.died[k])-from))], from+start)
		}
	}
}

// dies adds what events add to g; the first of the rows is row i.
func (l *loss) dies(g []float64, i int) {
	if l.weight == nil {
		for k := range g {
			g[k]++
		}
		return
	}
	for k, w := range l.weight[i : i+len(g)] {
		g[k] += w
	}
}

// terms computes g, less what events add, and h where it is wanted.
func (l *loss) terms(g, h, e []float64, first, second float64) {
	g, h = g[:len(e)], h[:len(e)]
	if !l.curvature {
		for i, v := range e {
			g[i] = -float64(v * first)
		}
		return
	}
	for i, v := range e {
		g[i] = -float64(v * first)
		c := v * (first - float64(v*second))
		if c < 0 { // by rounding
			c = 0
		}
		h[i] = c
	}
}

// value is the log partial likelihood.
func (l *loss) value() float64 {
	l.later()
	log := 0.0
	for _, b := range l.blocks {
		for k := b.first; k < b.last; k++ {
			if at := l.atRisk[k] + b.later; l.events[k] > 0 && at > 0 {
				log -= float64(l.events[k] * (math.Log(at) + l.shift))
			}
			grp := &l.groups[k]
			for i := grp.Start; i < grp.Start+grp.Events; i++ {
				log += float64(l.w(i) * l.f[i])
			}
		}
	}
	return log
}

// baseline is H₀ at F − center, center being the largest F.
func (l *loss) baseline() (center float64, h survival.StepFunction) {
	if l.moved > 0 {
		l.exponentiate()
	}
	l.later()
	total := 0.0
	for b := range l.blocks {
		for k := l.blocks[b].first; k < l.blocks[b].last; k++ {
			if q, _ := l.hazard(&l.blocks[b], k); l.events[k] > 0 {
				total += q
				h.Times, h.Values = append(h.Times, l.groups[k].Time), append(h.Values, total)
			}
		}
	}
	return l.shift, h
}
