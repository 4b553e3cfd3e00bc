package cox

import (
	"context"

	"everfold/survival/linear"
	"everfold/survival/riskset"
)

// riskSums follows R_k = Σ w e^η and its vector Σ w e^η x over the risk sets and turns
// each event time into its terms of the likelihood.
type riskSums struct {
	l      *Likelihood
	total  riskset.Sum
	vector []float64
	loglik float64   // −Σ_k Σ_l m log φ
	grad   []float64 // loses Σ_k Σ_l m z

	mean, tiedMean []float64 // vector/R and the events' share of it: work space
}

func (s *riskSums) Clear() {
	s.total = riskset.Sum{}
	clear(s.vector)
}

func (s *riskSums) Add(start, end int) {
	risk := s.l.risk[start:end]
	for _, r := range risk {
		s.total.Add(r)
	}
	s.l.Matrix.AddRows(s.vector, start, risk)
}

func (s *riskSums) Remove(p int) {
	r := -s.l.risk[p]
	s.total.Add(r)
	s.l.Matrix.AddRows(s.vector, p, []float64{r})
}

func (s *riskSums) At(k int) {
	l, g := s.l, &s.l.Order.Groups[k]
	if g.Events == 0 {
		l.step[k], l.tied[k] = 0, 0
		return
	}
	total, tied := s.total.Value(), 0.0
	if g.Events > 1 && l.ties == riskset.Efron {
		for _, r := range l.risk[g.Start : g.Start+g.Events] {
			tied += r
		}
	}
	inc := l.ties.At(total, tied, l.eventWeight[k], g.Events)
	s.loglik -= inc.Log
	l.step[k], l.tied[k] = inc.Hazard, inc.Tied
	for j, v := range s.vector { // Σ_l m z_l = V·Σ_l m/φ_l − T·Σ_l m a_l/φ_l
		s.grad[j] -= float64(v * inc.Hazard)
	}
	if tied == 0 {
		l.curvature.subtract(inc.SS, s.vector, 1/total)
		return
	}
	clear(s.tiedMean)
	l.Matrix.AddRows(s.tiedMean, g.Start, l.risk[g.Start:g.Start+g.Events])
	for j, v := range s.vector {
		s.grad[j] += float64(s.tiedMean[j] * (inc.Hazard - inc.Tied))
		s.mean[j] = v / total
		s.tiedMean[j] /= total
	}
	l.curvature.subtractTied(inc, s.mean, s.tiedMean)
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

// flush sends the block through the kernel.
func (c *curvature) flush() {
	if c.err == nil {
		c.err = linear.RankUpdate(c.ctx, c.info, linear.Weighted{P: c.p, X: c.rows, W: c.weight}, 1)
	}
	c.rows, c.weight = c.rows[:0], c.weight[:0]
}
