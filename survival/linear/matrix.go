package linear

import (
	"math"

	"everfold/survival"
)

// Matrix holds standardised covariates by row: row r of column j is X[r·P+j].
type Matrix struct {
	N, P     int
	X        []float64
	Names    []string
	Mean     []float64 // m_j; the value itself where the column is constant
	Scale    []float64 // s_j; 1 where the column is constant
	Range    []float64 // (max − min)/s_j: the widest contrast of the standardised column
	Constant []bool    // the column has one value in all rows
}

// panel is how many rows are gathered at a time, so that their block stays in cache.
const panel = 256

// NewMatrix standardises the given rows of a design, in the given order. The mean and
// standard deviation are those of exactly these rows, unweighted. A value that is not
// finite is a *survival.DataError.
func NewMatrix(x *survival.Design, rows []int) (*Matrix, error) {
	n, p := len(rows), len(x.Columns)
	m := &Matrix{N: n, P: p, X: make([]float64, n*p), Names: x.Names(),
		Mean: make([]float64, p), Scale: make([]float64, p), Range: make([]float64, p), Constant: make([]bool, p)}
	for j, c := range x.Columns {
		if err := m.measure(j, c, rows); err != nil {
			return nil, err
		}
	}
	for start := 0; start < n; start += panel {
		block := rows[start:min(start+panel, n)]
		for j, c := range x.Columns {
			mean, scale := m.Mean[j], m.Scale[j]
			at := start*p + j
			for _, i := range block {
				m.X[at] = (c.Values[i] - mean) / scale
				at += p
			}
		}
	}
	return m, nil
}

// measure finds mean, scale and range of column j. Sums are scaled by the largest
// absolute value, so that no finite column overflows.
func (m *Matrix) measure(j int, c survival.Column, rows []int) error {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, i := range rows {
		v := c.Values[i]
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &survival.DataError{Row: i, Column: c.Name, Problem: "must be finite"}
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	m.Scale[j] = 1
	if !(lo < hi) {
		m.Constant[j] = true
		if len(rows) > 0 {
			m.Mean[j] = lo
		}
		return nil
	}
	unit, n := max(-lo, hi), float64(len(rows))
	mean, square := 0.0, 0.0
	for _, i := range rows {
		mean += c.Values[i] / unit
	}
	mean /= n
	for _, i := range rows {
		d := c.Values[i]/unit - mean
		square += float64(d * d)
	}
	sd := math.Sqrt(square / n)
	// Rounding alone may hide the spread of a column that is all but constant.
	if !(sd > 0) {
		m.Constant[j], m.Mean[j] = true, lo
		return nil
	}
	m.Mean[j], m.Scale[j] = mean*unit, sd*unit
	m.Range[j] = (hi/unit - lo/unit) / sd
	return nil
}

// Row is the standardised row r, a view.
func (m *Matrix) Row(r int) []float64 { return m.X[r*m.P : (r+1)*m.P] }

// Product adds X·gamma to dst, which has one element a row.
func (m *Matrix) Product(dst, gamma []float64) {
	for r := range dst {
		row := m.X[r*m.P : (r+1)*m.P]
		sum := dst[r]
		for j, z := range row {
			sum += float64(z * gamma[j])
		}
		dst[r] = sum
	}
}

// AddTransposed adds Xᵀ·v to dst, which has one element a column.
func (m *Matrix) AddTransposed(dst, v []float64) {
	for r, a := range v {
		row := m.X[r*m.P : (r+1)*m.P]
		for j, z := range row {
			dst[j] += float64(a * z)
		}
	}
}
