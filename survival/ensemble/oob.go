package ensemble

import (
	"context"

	"everfold/survival"
	"everfold/survival/metric"
)

const (
	// oobRows is how many rows at most enter the out-of-bag error: so many leave it a
	// standard error of about .003, and cost less than a hundredth of growing.
	oobRows = 20_000
	// oobCells bounds their covariates where columns are many.
	oobCells = 1 << 24
)

// bags say which rows each tree left out.
type bags struct {
	stride int        // every so many-th row, in the order of time, is looked at
	rows   int        // number of these
	out    [][]uint64 // by tree, one bit a row; nil: not known
}

func newBags(rows, columns, trees int) *bags {
	most := min(oobRows, max(1000, oobCells/max(1, columns)))
	stride := (rows + most - 1) / most
	return &bags{stride: stride, rows: (rows + stride - 1) / stride, out: make([][]uint64, trees)}
}

// note keeps the rows that tree b left out.
func (g *bags) note(b int, count []uint32) {
	set := make([]uint64, (g.rows+63)/64)
	for k := range g.rows {
		if count[k*g.stride] == 0 {
			set[k/64] |= 1 << (k % 64)
		}
	}
	g.out[b] = set
}

func (g *bags) leftOut(b, k int) bool { return g.out[b][k/64]>>(k%64)&1 != 0 }

// outOfBag is the out-of-bag error: 1 − Harrell's C of every row's risk averaged over the
// trees that did not draw it (Breiman 2001, Machine Learning 45:5; Ishwaran et al. 2008). Of
// more than oobRows rows every k-th enters, in the order of time. Rows that every tree drew
// are left out, ties are scikit-survival's, case weights do not count. It is not defined
// where no tree leaves rows out, or no pair of rows can be compared.
func (p *plan) outOfBag(ctx context.Context, m *Model, x *survival.Design, s *Sample) (survival.OutOfBag, error) {
	if !p.opt.resampled() {
		return survival.OutOfBag{}, nil
	}
	y := survival.Outcome{}
	var risk []float64
	sum, trees, err := p.leftOutRisks(ctx, m, x, s)
	if err != nil {
		return survival.OutOfBag{}, err
	}
	for k, n := range trees {
		if n > 0 {
			i := k * p.bags.stride
			risk = append(risk, sum[k]/n)
			y.Time = append(y.Time, s.times[s.Outcome.Rank[i]])
			y.Event = append(y.Event, s.Outcome.Event[i])
		}
	}
	c, err := metric.Harrell(y, risk, metric.ScikitSurvival).Index()
	if err != nil {
		return survival.OutOfBag{}, nil // nothing to compare is no failure of the fit
	}
	return survival.OutOfBag{Error: 1 - c, Rows: len(risk)}, nil
}

// leftOutRisks adds, by row looked at, the risks from trees that did not draw it, in the
// order of trees, and counts these trees.
func (p *plan) leftOutRisks(ctx context.Context, m *Model, x *survival.Design, s *Sample) (sum, trees []float64, err error) {
	columns := len(x.Columns)
	values := make([]float64, p.bags.rows*columns)
	for j, c := range x.Columns {
		for k := range p.bags.rows {
			values[k*columns+j] = c.Values[s.Rows[k*p.bags.stride]]
		}
	}
	sum, trees = make([]float64, p.bags.rows), make([]float64, p.bags.rows)
	steps, count := m.laterEvents(), make([]uint32, p.rows)
	var risks []float64
	for b, t := range m.trees {
		if err := survival.Check(ctx, float64(p.opt.Trees), float64(p.opt.Trees)); err != nil {
			return nil, nil, err
		}
		if p.bags.out[b] == nil { // grown by an earlier attempt
			p.draw(count, b)
			p.bags.note(b, count)
		}
		risks = leafRisks(risks[:0], m.leaves[b], steps)
		for k := range p.bags.rows {
			if p.bags.leftOut(b, k) {
				sum[k] += risks[t.Leaf(values[k*columns:(k+1)*columns])]
				trees[k]++
			}
		}
	}
	return sum, trees, nil
}
