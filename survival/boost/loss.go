package boost

import (
	"math"

	"everfold/survival"
	"everfold/survival/riskset"
)

// loss is Breslow's log partial likelihood with rows in the order of time. Sums over rows
// are those of blocks, added in order: the same bytes on any number of threads.
type loss struct {
	groups  []riskset.Group
	blocks  []block
	weight  []float64 // w; nil: all 1
	events  []float64 // d by group
	threads int

	f      []float64 // F
	e      []float64 // w·e^{F − shift}
	shift  float64
	moved  float64   // bound on how far any F has moved since the shift was chosen
	atRisk []float64 // by group: the sum of e from it to the end of its block
	g, h   []float64 // h is nil where nobody asks for it
}

// block is a stretch of whole groups, first ≤ k < last.
type block struct {
	first, last   int
	at            float64 // Σ e of its rows
	later         float64 // and of the rows of later blocks
	hazard, twice float64 // Σ d/R and Σ d/R² of its groups
}

// fewestRows is how many rows a block has, at least: enough to be worth a goroutine.
const fewestRows = 1 << 14

// newLoss is the loss at F = 0; curvature says whether h is wanted.
func newLoss(order *riskset.Order, y survival.Outcome, curvature bool, threads int) *loss {
	n := y.Len()
	l := &loss{groups: order.Groups, weight: order.Gather(y.Weight), events: make([]float64, len(order.Groups)), threads: threads,
		f: make([]float64, n), e: make([]float64, n), atRisk: make([]float64, len(order.Groups)), g: make([]float64, n)}
	if curvature {
		l.h = make([]float64, n)
	}
	order.EventSums(l.events, l.weight)
	l.divide()
	l.exponentiate()
	return l
}

// divide cuts the rows into blocks.
func (l *loss) divide() {
	start := 0
	for k, grp := range l.groups {
		if k+1 == len(l.groups) || grp.End-l.groups[start].Start >= fewestRows {
			l.blocks = append(l.blocks, block{first: start, last: k + 1})
			start = k + 1
		}
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

// weights are w.
func (l *loss) weights() []float64 {
	if l.weight != nil {
		return l.weight
	}
	ones := make([]float64, len(l.f))
	for i := range ones {
		ones[i] = 1
	}
	return ones
}

// exponentiate computes e afresh, shifted so that the largest F has e^0: gradients do not
// depend on the shift, and nothing overflows.
func (l *loss) exponentiate() {
	l.shift, l.moved = math.Inf(-1), 0
	for _, f := range l.f {
		l.shift = max(l.shift, f)
	}
	l.each(func(b *block) {
		for i := l.groups[b.first].Start; i < l.groups[b.last-1].End; i++ {
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
		from, to := l.groups[b.first].Start, l.groups[b.last-1].End
		leaf, f, e := leaf[from:to], l.f[from:to], l.e[from:to]
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
	sum := 0.0
	for k := b.last - 1; k >= b.first; k-- {
		for _, e := range l.e[l.groups[k].Start:l.groups[k].End] {
			sum += e
		}
		l.atRisk[k] = sum
	}
	b.at = sum
}

// later completes the blocks' sums over later rows.
func (l *loss) later() {
	sum := 0.0
	for k := len(l.blocks) - 1; k >= 0; k-- {
		l.blocks[k].later = sum
		sum += l.blocks[k].at
	}
}

// gradient fills g, and h where it is wanted.
func (l *loss) gradient() {
	l.later()
	l.each(func(b *block) {
		b.hazard, b.twice = 0, 0
		for k := b.first; k < b.last; k++ {
			if q, r := l.hazard(b, k); q > 0 {
				b.hazard += q
				b.twice += float64(q * r)
			}
		}
	})
	hazard, twice := 0.0, 0.0 // Σ d/R and Σ d/R² up to the present time
	for k := range l.blocks {
		b := &l.blocks[k]
		here, alike := b.hazard, b.twice
		b.hazard, b.twice = hazard, twice
		hazard += here
		twice += alike
	}
	l.each(l.fill)
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

// fill computes g and h of a block's rows.
func (l *loss) fill(b *block) {
	first, second := b.hazard, b.twice
	for k := b.first; k < b.last; k++ {
		q, r := l.hazard(b, k)
		first += q
		second += float64(q * r)
		grp := &l.groups[k]
		e, g := l.e[grp.Start:grp.End], l.g[grp.Start:grp.End]
		for i, v := range e {
			g[i] = -float64(v * first)
		}
		for i := range g[:grp.Events] {
			g[i] += l.w(grp.Start + i)
		}
		if l.h == nil {
			continue
		}
		h := l.h[grp.Start:grp.End]
		for i, v := range e {
			h[i] = max(0, v*(first-float64(v*second)))
		}
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
	l.exponentiate()
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
