package ensemble

import (
	"context"
	"sync"

	"everfold/survival"
	"everfold/survival/metric"
)

// oobCells bounds the covariates laid out row by row at a time.
const oobCells = 1 << 23

// outOfBag is the out-of-bag error: 1 − Harrell's C of every row's risk averaged over the
// trees that did not draw it (Breiman 2001, Machine Learning 45:5; Ishwaran et al. 2008). Rows
// that every tree drew are left out, ties are scikit-survival's, case weights do not count.
// It is not defined where no tree leaves rows out, or no pair of rows can be compared.
func (p *plan) outOfBag(ctx context.Context, m *Model, x *survival.Design, s *Sample) (survival.OutOfBag, error) {
	if !p.opt.resampled() {
		return survival.OutOfBag{}, nil
	}
	risk, trees := make([]float64, p.rows), make([]float64, p.rows)
	block := max(1, oobCells/max(1, len(x.Columns)))
	for from := 0; from < p.rows; from += block {
		if err := p.leftOut(ctx, m, x, s, span{from, min(from+block, p.rows)}, risk, trees); err != nil {
			return survival.OutOfBag{}, err
		}
	}
	y := survival.Outcome{}
	kept := risk[:0]
	for i, n := range trees {
		if n > 0 {
			kept = append(kept, risk[i]/n)
			y.Time = append(y.Time, s.times[s.Outcome.Rank[i]])
			y.Event = append(y.Event, s.Outcome.Event[i])
		}
	}
	c, err := metric.Harrell(y, kept, metric.ScikitSurvival).Index()
	if err != nil {
		return survival.OutOfBag{}, nil // nothing to compare is no failure of the fit
	}
	return survival.OutOfBag{Error: 1 - c, Rows: len(kept)}, nil
}

// span is the rows from ≤ i < to.
type span struct{ from, to int }

// leftOut adds, for rows of a span, the risks from trees that did not draw them, in the
// order of trees, and counts these trees.
func (p *plan) leftOut(ctx context.Context, m *Model, x *survival.Design, s *Sample, rows span, risk, trees []float64) error {
	columns := len(x.Columns)
	values := make([]float64, (rows.to-rows.from)*columns)
	for j, c := range x.Columns {
		for i, row := range s.Rows[rows.from:rows.to] {
			values[i*columns+j] = c.Values[row]
		}
	}
	steps, count := m.laterEvents(), make([]uint32, p.rows)
	var risks []float64
	for b, t := range m.trees {
		if err := survival.Check(ctx, float64(p.opt.Trees), float64(p.opt.Trees)); err != nil {
			return err
		}
		p.draw(count, b)
		risks = leafRisks(risks[:0], m.leaves[b], steps)
		p.share(rows, func(part span) {
			for i := part.from; i < part.to; i++ {
				if count[i] == 0 {
					at := (i - rows.from) * columns
					risk[i] += risks[t.Leaf(values[at:at+columns])]
					trees[i]++
				}
			}
		})
	}
	return nil
}

// share divides rows among the goroutines of the fit.
func (p *plan) share(rows span, do func(part span)) {
	threads := max(1, min(p.opt.Threads, (rows.to-rows.from)/1024))
	var group sync.WaitGroup
	for k := range threads {
		part := span{rows.from + k*(rows.to-rows.from)/threads, rows.from + (k+1)*(rows.to-rows.from)/threads}
		if k == threads-1 {
			do(part)
			break
		}
		group.Go(func() { do(part) })
	}
	group.Wait()
}
