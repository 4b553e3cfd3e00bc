package ensemble

import (
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

// bag is the training rows that are looked at, and the risks that the trees so far that did
// not draw them say.
type bag struct {
	stride int         // every so many-th row, in the order of time, is looked at
	rows   int         // number of these
	values [][]float64 // theirs, by column
	sum    []float64   // of risks
	trees  []float64   // how many are in the sum
}

func newBag(x *survival.Design, s *Sample) *bag {
	g := &bag{}
	g.stride, g.rows = lookedAt(len(s.Rows), len(x.Columns))
	g.sum, g.trees = make([]float64, g.rows), make([]float64, g.rows)
	for _, c := range x.Columns {
		values := make([]float64, g.rows)
		for k := range values {
			values[k] = c.Values[s.Rows[k*g.stride]]
		}
		g.values = append(g.values, values)
	}
	return g
}

// lookedAt bounds the rows: every so many-th, and how many these are.
func lookedAt(rows, columns int) (stride, number int) {
	most := min(oobRows, max(1000, oobCells/max(1, columns)))
	stride = (rows + most - 1) / most
	return stride, (rows + stride - 1) / stride
}

// leftOut appends the rows that a draw left out.
func (g *bag) leftOut(out []int32, count []uint32) []int32 {
	for k := range g.rows {
		if count[k*g.stride] == 0 {
			out = append(out, int32(k))
		}
	}
	return out
}

func (g *bag) add(v *passed) {
	for _, k := range v.out {
		g.sum[k] += v.table.risk[v.inBag[k]]
		g.trees[k]++
	}
}

// outOfBag is the out-of-bag error: 1 − Harrell's C of every row's risk averaged over the
// trees that did not draw it (Breiman 2001, Machine Learning 45:5; Ishwaran et al. 2008). Of
// more than oobRows rows every k-th enters, in the order of time. Rows that every tree drew
// are left out, ties are scikit-survival's, case weights do not count. It is not defined
// where no pair of rows can be compared.
func (g *bag) outOfBag(s *Sample) survival.OutOfBag {
	y := survival.Outcome{}
	var risk []float64
	for k, n := range g.trees {
		if n > 0 {
			i := k * g.stride
			risk = append(risk, g.sum[k]/n)
			y.Time = append(y.Time, s.times[s.Outcome.Rank[i]])
			y.Event = append(y.Event, s.Outcome.Event[i])
		}
	}
	c, err := metric.Harrell(y, risk, metric.ScikitSurvival).Index()
	if err != nil {
		return survival.OutOfBag{} // nothing to compare is no failure of the fit
	}
	return survival.OutOfBag{Error: 1 - c, Rows: len(risk)}
}
