package linear

import (
	"math"

	"everfold/survival"
)

// Columns describes standardised covariates: column j is (x_j − Mean_j)/Scale_j.
type Columns struct {
	N, P     int
	Names    []string
	Mean     []float64 // m_j; the value itself where the column is constant
	Scale    []float64 // s_j; 1 where the column is constant
	Range    []float64 // (max − min)/s_j: the widest contrast of the standardised column
	Constant []bool    // the column has one value in all rows
}

func newColumns(x *survival.Design, n int) Columns {
	p := len(x.Columns)
	return Columns{N: n, P: p, Names: x.Names(),
		Mean: make([]float64, p), Scale: make([]float64, p), Range: make([]float64, p), Constant: make([]bool, p)}
}

// read copies the given rows of column j and measures them. A value that is not finite is a
// *survival.DataError.
func (m *Columns) read(dst []float64, x *survival.Design, j int, rows []int) error {
	source := x.Columns[j].Values
	for r, i := range rows {
		v := source[i]
		if v-v != 0 { // NaN or infinite
			return &survival.DataError{Row: i, Column: x.Columns[j].Name, Problem: "must be finite"}
		}
		dst[r] = v
	}
	m.measure(j, dst)
	return nil
}

// measure finds mean, scale and range of column j.
func (m *Columns) measure(j int, column []float64) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range column { // all finite: comparisons do what min and max would
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	m.Scale[j] = 1
	if len(column) > 0 {
		m.Mean[j] = lo
	}
	mean, sd := moments(column, 1)
	unit := 1.0
	if lo < hi && (!(sd > 0) || math.IsInf(sd, 0)) { // squares left float64
		unit = max(-lo, hi)
		mean, sd = moments(column, unit)
	}
	// Rounding alone may hide the spread of a column that is all but constant.
	if !(lo < hi && sd > 0) {
		m.Constant[j] = true
		return
	}
	m.Mean[j], m.Scale[j] = mean*unit, sd*unit
	m.Range[j] = (hi/unit - lo/unit) / sd
}

// moments are mean and population standard deviation in units of unit.
func moments(column []float64, unit float64) (mean, sd float64) {
	if unit != 1 {
		scaled := make([]float64, len(column))
		for i, v := range column {
			scaled[i] = v / unit
		}
		column = scaled
	}
	n, square := float64(len(column)), 0.0
	for _, v := range column {
		mean += v
	}
	mean /= n
	for _, v := range column {
		d := v - mean
		square += float64(d * d)
	}
	return mean, math.Sqrt(square / n)
}
