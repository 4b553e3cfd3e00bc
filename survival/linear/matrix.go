package linear

import "everfold/survival"

// Matrix holds standardised covariates by row: row r of column j is X[r·P+j].
type Matrix struct {
	Columns
	X []float64
}

// panel is how many columns are standardised at a time: their elements of one row then
// fill a cache line, which is written once.
const panel = 8

// NewMatrix standardises the given rows of a design, in the given order. The mean and
// standard deviation are those of exactly these rows, unweighted. A value that is not
// finite is a *survival.DataError.
func NewMatrix(x *survival.Design, rows []int) (*Matrix, error) {
	n, p := len(rows), len(x.Columns)
	m := &Matrix{Columns: newColumns(x, n), X: make([]float64, n*p)}
	values := make([]float64, n*min(panel, p)) // a panel's columns, one after the other
	for first := 0; first < p; first += panel {
		last := min(first+panel, p)
		for j := first; j < last; j++ {
			if err := m.read(values[(j-first)*n:(j-first+1)*n], x, j, rows); err != nil {
				return nil, err
			}
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
