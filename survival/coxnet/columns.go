package coxnet

import (
	"math"

	"everfold/survival/linear"
)

// columns is a standardised matrix in the form that products with it read fastest. Columns
// of two values, as dummies are, hold one bit a row; those of which no row has two, as the
// dummies of one factor, share a byte that names the one that it has. With z_j = lo_j
// everywhere but in the rows that name it, where it is lo_j + width_j,
//
//	η_i = Σ_j lo_j γ_j + width_c γ_c + (the other columns' part),   c = code_i
type columns struct {
	matrix  *linear.Matrix // all columns, for the Hessian
	plain   *linear.Matrix // those that are not bundled
	plainAt []int          // their numbers
	bundles []bundle
	lo      []float64 // by column; 0 where plain
}

// bundle is a set of two-valued columns.
type bundle struct {
	at    []int     // the column of code c is at[c−1]
	width []float64 // of the column of code c
	code  []uint8   // by row; 0 names none
}

// maxCodes is how many columns a byte can name.
const maxCodes = math.MaxUint8

func newColumns(m *linear.Matrix) *columns {
	c := &columns{matrix: m, lo: make([]float64, m.P)}
	for j := range m.P {
		if lo, hi, ok := twoValues(m, j); ok {
			c.lo[j] = lo
			c.bundle(j, hi-lo)
		} else {
			c.plainAt = append(c.plainAt, j)
		}
	}
	p := len(c.plainAt)
	if c.plain = m; p == m.P {
		return c
	}
	c.plain = &linear.Matrix{N: m.N, P: p, X: make([]float64, m.N*p)}
	for r := range m.N {
		from, to := m.Row(r), c.plain.Row(r)
		for k, j := range c.plainAt {
			to[k] = from[j]
		}
	}
	return c
}

// twoValues says whether column j has exactly two values: the commoner and the rarer one.
func twoValues(m *linear.Matrix, j int) (common, rare float64, ok bool) {
	if m.N == 0 {
		return 0, 0, false
	}
	first := m.X[j]
	other, count := first, 0
	for r := range m.N {
		switch v := m.X[r*m.P+j]; {
		case v == first:
		case count == 0 || v == other:
			other = v
			count++
		default:
			return 0, 0, false
		}
	}
	if count == 0 {
		return 0, 0, false
	}
	if 2*count > m.N {
		first, other = other, first
	}
	return first, other, true
}

// bundle puts column j into the first bundle none of whose columns it shares a row with.
func (c *columns) bundle(j int, width float64) {
	m, lo := c.matrix, c.lo[j]
	fits := func(b *bundle) bool {
		if len(b.at) == maxCodes {
			return false
		}
		for r, code := range b.code {
			if code != 0 && m.X[r*m.P+j] != lo {
				return false
			}
		}
		return true
	}
	var into *bundle
	for k := range c.bundles {
		if fits(&c.bundles[k]) {
			into = &c.bundles[k]
			break
		}
	}
	if into == nil {
		c.bundles = append(c.bundles, bundle{code: make([]uint8, m.N), width: []float64{0}})
		into = &c.bundles[len(c.bundles)-1]
	}
	into.at = append(into.at, j)
	into.width = append(into.width, width)
	for r := range into.code {
		if m.X[r*m.P+j] != lo {
			into.code[r] = uint8(len(into.at))
		}
	}
}

// product is a linear predictor's coefficients in the form of columns.
type product struct {
	c     *columns
	plain []float64
	table []*[256]float64 // by bundle and code
	base  float64
}

func (c *columns) product(gamma []float64) product {
	p := product{c: c, plain: make([]float64, len(c.plainAt))}
	for k, j := range c.plainAt {
		p.plain[k] = gamma[j]
	}
	for j, lo := range c.lo {
		p.base += float64(lo * gamma[j])
	}
	for _, b := range c.bundles {
		t := new([256]float64)
		for k, j := range b.at {
			t[k+1] = float64(b.width[k+1] * gamma[j])
		}
		p.table = append(p.table, t)
	}
	return p
}

// rows writes the linear predictor of the rows from start on into dst.
func (p product) rows(dst []float64, start int) {
	for i := range dst {
		dst[i] = p.base
	}
	for k, t := range p.table {
		for i, code := range p.c.bundles[k].code[start : start+len(dst)] {
			dst[i] += t[code]
		}
	}
	if m := p.c.plain; m.P > 0 {
		part := linear.Matrix{N: len(dst), P: m.P, X: m.X[start*m.P : (start+len(dst))*m.P]}
		part.Product(dst, p.plain)
	}
}

// sums is the length of the partial sums of addRows: Σv, then the plain columns, then the
// codes of the bundles.
func (c *columns) sums() int { return 1 + len(c.plainAt) + 256*len(c.bundles) }

// addRows adds the products of the rows from start on with v to partial sums.
func (c *columns) addRows(sums []float64, start int, v []float64) {
	for _, r := range v {
		sums[0] += r
	}
	p := len(c.plainAt)
	if p > 0 {
		c.plain.AddRows(sums[1:1+p], start, v)
	}
	for k, b := range c.bundles {
		table := (*[256]float64)(sums[1+p+256*k:])
		for i, code := range b.code[start : start+len(v)] {
			table[code] += v[i]
		}
	}
}

// gather turns complete sums into Xᵀv.
func (c *columns) gather(dst, sums []float64) {
	p := len(c.plainAt)
	for k, j := range c.plainAt {
		dst[j] = sums[1+k]
	}
	for k, b := range c.bundles {
		table := sums[1+p+256*k:]
		for i, j := range b.at {
			dst[j] = float64(c.lo[j]*sums[0]) + float64(b.width[i+1]*table[i+1])
		}
	}
}
