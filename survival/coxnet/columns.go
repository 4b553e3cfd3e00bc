package coxnet

import (
	"math"
	"math/bits"
	"slices"

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
	has   []uint64  // a bit a row: the code is not 0
}

// maxCodes is how many columns a byte can name.
const maxCodes = math.MaxUint8

func newColumns(m *linear.Matrix) *columns {
	c := &columns{matrix: m, lo: make([]float64, m.P)}
	kind := twoValued(m)
	for j := range m.P {
		if t, ok := kind[j]; ok {
			c.lo[j] = t.common
			c.bundle(j, t)
		} else {
			c.plainAt = append(c.plainAt, j)
		}
	}
	p := len(c.plainAt)
	if c.plain = m; p == m.P {
		return c
	}
	c.plain = &linear.Matrix{Columns: linear.Columns{N: m.N, P: p}, X: make([]float64, m.N*p)}
	for r := range m.N {
		from, to := m.Row(r), c.plain.Row(r)
		for k, j := range c.plainAt {
			to[k] = from[j]
		}
	}
	return c
}

// twoValues is a column of exactly two values, and the rows that have the rarer one.
type twoValues struct {
	common, rare float64
	has          []uint64 // a bit a row
}

// twoValued finds the columns of two values, by number, in one pass over the rows.
func twoValued(m *linear.Matrix) map[int]*twoValues {
	if m.N == 0 {
		return nil
	}
	type candidate struct {
		column, count int
		first, other  float64
		has           []uint64
	}
	open := make([]candidate, 0, m.P)
	for j, v := range m.Row(0) {
		open = append(open, candidate{column: j, first: v})
	}
	for r := range m.N {
		row := m.Row(r)
		for k := 0; k < len(open); k++ {
			c := &open[k]
			v := row[c.column]
			switch {
			case v == c.first:
				continue
			case c.count == 0:
				c.other, c.has = v, make([]uint64, (m.N+63)/64)
			case v != c.other:
				open = slices.Delete(open, k, k+1)
				k--
				continue
			}
			c.count++
			c.has[r/64] |= 1 << (r % 64)
		}
	}
	found := make(map[int]*twoValues, len(open))
	for _, c := range open {
		t := &twoValues{common: c.first, rare: c.other, has: c.has}
		switch {
		case c.count == 0: // constant
			continue
		case 2*c.count > m.N:
			t.common, t.rare = c.other, c.first
			for w := range t.has {
				t.has[w] = ^t.has[w]
			}
			if m.N%64 > 0 {
				t.has[len(t.has)-1] &= 1<<(m.N%64) - 1
			}
		}
		found[c.column] = t
	}
	return found
}

// bundle puts column j into the first bundle none of whose columns it shares a row with.
func (c *columns) bundle(j int, t *twoValues) {
	into := slices.IndexFunc(c.bundles, func(b bundle) bool { return len(b.at) < maxCodes && disjoint(b.has, t.has) })
	if into < 0 {
		into = len(c.bundles)
		c.bundles = append(c.bundles, bundle{code: make([]uint8, c.matrix.N), has: make([]uint64, len(t.has)), width: []float64{0}})
	}
	b := &c.bundles[into]
	b.at = append(b.at, j)
	b.width = append(b.width, t.rare-t.common)
	for w, word := range t.has {
		b.has[w] |= word
		for ; word != 0; word &= word - 1 {
			b.code[64*w+bits.TrailingZeros64(word)] = uint8(len(b.at))
		}
	}
}

func disjoint(a, b []uint64) bool {
	for w, v := range a {
		if v&b[w] != 0 {
			return false
		}
	}
	return true
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
		part := linear.Matrix{Columns: linear.Columns{N: len(dst), P: m.P}, X: m.X[start*m.P : (start+len(dst))*m.P]}
		part.Product(dst, p.plain)
	}
}

// tables of 256 sums a bundle, even and odd rows apart: otherwise an addition would often
// wait for the one before, of the same code.
const tables = 2

// sums is the length of the partial sums of addRows: Σv, then the plain columns, then the
// codes of the bundles.
func (c *columns) sums() int { return 1 + len(c.plainAt) + 256*tables*len(c.bundles) }

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
		table := sums[1+p+256*tables*k:]
		even, odd := (*[256]float64)(table), (*[256]float64)(table[256:])
		code := b.code[start : start+len(v)]
		rest := v[:len(code)]
		for len(code) >= 2 && len(rest) >= 2 {
			even[code[0]] += rest[0]
			odd[code[1]] += rest[1]
			code, rest = code[2:], rest[2:]
		}
		for i, c := range code {
			even[c] += rest[i]
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
		table := sums[1+p+256*tables*k:]
		for i, j := range b.at {
			dst[j] = float64(c.lo[j]*sums[0]) + float64(b.width[i+1]*(table[i+1]+table[256+i+1]))
		}
	}
}
