package cox

import (
	"context"

	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// hazardSweep follows R_k = Σ w e^η over the risk sets and finds what each event time adds.
type hazardSweep struct {
	l     *Likelihood
	total riskset.Sum
	log   float64 // Σ_k Σ_l m log φ
}

func (s *hazardSweep) Clear() { s.total = riskset.Sum{} }

func (s *hazardSweep) Add(start, end int) {
	risk := s.l.risk[start:end]
	if s.l.truncated { // rows leave one by one: so must they join, or rounding residues stay
		for _, r := range risk {
			s.total.Add(r)
		}
		return
	}
	sum := 0.0
	for _, r := range risk {
		sum += r
	}
	s.total.Add(sum)
}

func (s *hazardSweep) Remove(p int) { s.total.Add(-s.l.risk[p]) }

func (s *hazardSweep) At(k int) {
	l, g := s.l, &s.l.Order.Groups[k]
	if g.Events == 0 {
		l.step[k], l.tied[k] = 0, 0
		return
	}
	tied := 0.0
	if g.Events > 1 && l.ties == riskset.Efron {
		for _, r := range l.risk[g.Start : g.Start+g.Events] {
			tied += r
		}
	}
	l.totals[k] = s.total.Value()
	l.increments[k] = l.ties.At(l.totals[k], tied, l.eventWeight[k], g.Events)
	inc := &l.increments[k]
	l.step[k], l.tied[k] = inc.Hazard, inc.Tied
	s.log += inc.Log
}

// riskSums follows the vector Σ w e^η x over the risk sets, in inner order, and turns each
// event time, its increment known, into its terms of gradient and information.
type riskSums struct {
	l          *Likelihood
	vector     []float64 // V
	tiedVector []float64 // the events' share of V; 0 where they count in full
	grad       []float64 // loses Σ_k Σ_l m z
	mean       []float64 // V/R: work space
}

func (s *riskSums) Clear() { clear(s.vector) }

// Add does nothing: rows join in At, which needs the sum over the events among them.
func (s *riskSums) Add(int, int) {}

func (s *riskSums) Remove(p int) { s.l.Matrix.AddRows(s.vector, p, []float64{-s.l.risk[p]}) }

// join adds the rows of group k; tied says whether its events do not count in full.
func (s *riskSums) join(k int) (tied bool) {
	l, g := s.l, &s.l.Order.Groups[k]
	if g.Events <= 1 || l.ties != riskset.Efron {
		l.Matrix.AddRows(s.vector, g.Start, l.risk[g.Start:g.End])
		return false
	}
	clear(s.tiedVector)
	l.Matrix.AddRows(s.tiedVector, g.Start, l.risk[g.Start:g.Start+g.Events])
	for j, v := range s.tiedVector {
		s.vector[j] += v
	}
	l.Matrix.AddRows(s.vector, g.Start+g.Events, l.risk[g.Start+g.Events:g.End])
	return true
}

func (s *riskSums) At(k int) {
	l, inc, total := s.l, &s.l.increments[k], s.l.totals[k]
	tied := s.join(k)
	if l.Order.Groups[k].Events == 0 {
		return
	}
	for j, v := range s.vector { // Σ_l m z_l = V·Σ_l m/φ_l − T·Σ_l m a_l/φ_l
		s.grad[j] -= float64(v * inc.Hazard)
	}
	if !tied {
		l.curvature.subtract(inc.SS, s.vector, 1/total)
		return
	}
	for j, v := range s.vector {
		s.grad[j] += float64(s.tiedVector[j] * (inc.Hazard - inc.Tied))
		s.mean[j] = v / total
		s.tiedVector[j] /= total
	}
	l.curvature.subtractTied(*inc, s.mean, s.tiedVector)
}

// curvature collects the rows z of −Σ c·z zᵀ so that they go through the rank-n kernel
// in blocks.
type curvature struct {
	ctx    context.Context // of one evaluation: the sweep's callbacks cannot carry it
	p      int
	info   []float64
	rows   []float64 // up to curvatureRows rows of p
	weight []float64 // −c of each
	err    error     // the context's; ends the collecting
}

const curvatureRows = 128

func newCurvature(p int) curvature {
	return curvature{p: p, rows: make([]float64, 0, curvatureRows*p), weight: make([]float64, 0, curvatureRows)}
}

func (c *curvature) begin(ctx context.Context, info []float64) { c.ctx, c.info, c.err = ctx, info, nil }

// next is the next row of the block, to be filled.
func (c *curvature) next(weight float64) []float64 {
	if len(c.weight) == curvatureRows {
		c.flush()
	}
	at := len(c.rows)
	c.rows = c.rows[:at+c.p]
	c.weight = append(c.weight, -weight)
	return c.rows[at:]
}

// subtract takes weight·z zᵀ away, with z = scale·sum.
func (c *curvature) subtract(weight float64, sum []float64, scale float64) {
	row := c.next(weight)
	for j, v := range sum {
		row[j] = v * scale
	}
}

// subtractTied takes Σ_l m z_l z_lᵀ away, z_l ∝ s − a_l·t with the mean vectors s of the
// risk set and t of its events, both over the same total. Whatever the number of ties
// this quadratic form in (s, t) has rank two: SS·(s − a t)(s − a t)ᵀ + (TT − ST²/SS)·t tᵀ
// with a = ST/SS.
func (c *curvature) subtractTied(inc riskset.Increment, s, t []float64) {
	a := inc.ST / inc.SS
	row := c.next(inc.SS)
	for j, v := range s {
		row[j] = v - float64(a*t[j])
	}
	copy(c.next(inc.TT-float64(a*inc.ST)), t)
}

// flush sends the block through the kernel. It may run beside the goroutine that reports
// progress, so it only looks at the context.
func (c *curvature) flush() {
	if c.err == nil && c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
	}
	if c.err == nil {
		linear.Weighted{P: c.p, X: c.rows, W: c.weight}.AddTo(c.info)
	}
	c.rows, c.weight = c.rows[:0], c.weight[:0]
}
