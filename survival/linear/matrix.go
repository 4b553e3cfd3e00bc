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

// panel is how many columns are standardised at a time: their elements of one row then
// fill a cache line, which is written once.
const panel = 8

// NewMatrix standardises the given rows of a design, in the given order. The mean and
// standard deviation are those of exactly these rows, unweighted. A value that is not
// finite is a *survival.DataError.
func NewMatrix(x *survival.Design, rows []int) (*Matrix, error) {
	n, p := len(rows), len(x.Columns)
	m := &Matrix{N: n, P: p, X: make([]float64, n*p), Names: x.Names(),
		Mean: make([]float64, p), Scale: make([]float64, p), Range: make([]float64, p), Constant: make([]bool, p)}
	values := make([]float64, n*min(panel, p)) // a panel's columns, one after the other
	for first := 0; first < p; first += panel {
		last := min(first+panel, p)
		for j := first; j < last; j++ {
			column, source := values[(j-first)*n:(j-first+1)*n], x.Columns[j].Values
			for r, i := range rows {
				v := source[i]
				if v-v != 0 { // NaN or infinite
					return nil, &survival.DataError{Row: i, Column: x.Columns[j].Name, Problem: "must be finite"}
				}
				column[r] = v
			}
			m.measure(j, column)
		}
		mean, scale := m.Mean[first:last], m.Scale[first:last]
		for r := range n {
			row := m.X[r*p+first : r*p+last]
			for j := range row {
				row[j] = (values[j*n+r] - mean[j]) / scale[j]
			}
		}
	}
	return m, nil
}

// measure finds mean, scale and range of column j.
func (m *Matrix) measure(j int, column []float64) {
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

// Row is the standardised row r, a view.
func (m *Matrix) Row(r int) []float64 { return m.X[r*m.P : (r+1)*m.P] }

// Product adds X·gamma to dst, which has one element a row. Four rows go through at once,
// each summed in column order, so that no addition waits for the one before.
func (m *Matrix) Product(dst, gamma []float64) {
	p, x := m.P, m.X
	for len(dst) >= 4 {
		a, b, c, d := x[:len(gamma)], x[p:][:len(gamma)], x[2*p:][:len(gamma)], x[3*p:][:len(gamma)]
		sa, sb, sc, sd := dst[0], dst[1], dst[2], dst[3]
		for j, g := range gamma {
			sa += float64(a[j] * g)
			sb += float64(b[j] * g)
			sc += float64(c[j] * g)
			sd += float64(d[j] * g)
		}
		dst[0], dst[1], dst[2], dst[3] = sa, sb, sc, sd
		x, dst = x[4*p:], dst[4:]
	}
	for r := range dst {
		row := x[r*p : (r+1)*p]
		sum := dst[r]
		for j, z := range row {
			sum += float64(z * gamma[j])
		}
		dst[r] = sum
	}
}

// AddTransposed adds Xᵀ·v to dst, which has one element a column.
func (m *Matrix) AddTransposed(dst, v []float64) { m.AddRows(dst, 0, v) }

// AddRows adds Σ_k v_k·(row start+k) to dst, four rows at a time, so that each element of
// dst is loaded and stored once for four products.
func (m *Matrix) AddRows(dst []float64, start int, v []float64) {
	p := m.P
	x := m.X[start*p : (start+len(v))*p]
	for len(v) >= 4 {
		a, b, c, d := x[:len(dst)], x[p:][:len(dst)], x[2*p:][:len(dst)], x[3*p:][:len(dst)]
		va, vb, vc, vd := v[0], v[1], v[2], v[3]
		for j := range dst {
			dst[j] += (float64(va*a[j]) + float64(vb*b[j])) + (float64(vc*c[j]) + float64(vd*d[j]))
		}
		x, v = x[4*p:], v[4:]
	}
	for r, a := range v {
		for j, z := range x[r*p : (r+1)*p] {
			dst[j] += float64(a * z)
		}
	}
}
