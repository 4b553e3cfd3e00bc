package linear

import (
	"math"
	"slices"
	"sync"

	"everfold/survival"
)

const (
	// compactColumns: up to so many columns the P×P partial sums of row blocks are small, and
	// two-valued columns are worth a code.
	compactColumns = 64
	// maxPatterns of two-valued columns keep their tables of sums in a core's cache.
	maxPatterns = 2048
	// A pattern is worth a table entry if it has so many rows on average.
	patternRows = 32
	// blockRows is how many rows one goroutine sums up at a time.
	blockRows = 1 << 14
	// panelRows of all columns fit into a core's cache.
	panelRows = 1 << 9
)

// Compact holds standardised covariates in the form that sums over rows read fastest.
// Columns of two values, as dummies and missing indicators are, are not stored: a row has
// the number of its pattern, the set of those columns in which it has the rarer value. With
// b_j = 1 in these rows and 0 in the others,
//
//	z_j = low_j + width_j·b_j
//
// so that a sum over rows needs one addition for all of them together, and the products of
// two of them are counted, not multiplied. Sums are kept in inner order: first the other
// ("dense") columns, then the b_j; Vector and Square bring them into column order.
//
// With few rows a pattern, or more than 64 columns, all columns are dense.
type Compact struct {
	Columns

	at         []int     // the column at each place of the inner order
	low, width []float64 // by inner place; of a dense column 0 and 1
	dense      Matrix    // the first columns of the inner order, by row
	code       []uint16  // by row; nil where all columns are dense
	members    [][]int   // by pattern: the inner places of its b_j
	tables     sync.Pool // *[]float64, all 0: one pattern's sums after the other
}

// NewCompact standardises all rows of a design, as NewMatrix does, on at most threads
// goroutines. order is a permutation of the rows: row r of the matrix is row order[r] of the
// design. It panics where their numbers differ.
func NewCompact(x *survival.Design, order []int, threads int) (*Compact, error) {
	n, p := x.Rows, len(x.Columns)
	if len(order) != n {
		panic("linear: order is not a permutation of the rows")
	}
	m := &Compact{Columns: newColumns(x, n)}
	limit := min(maxPatterns, n/patternRows)
	if p > compactColumns {
		limit = 1
	}
	read, errs := make([]column, p), make([]error, p)
	Blocks(p, 1, threads, func(_, j, _ int) {
		c := &read[j]
		c.values = x.Columns[j].Values[:n]
		if errs[j] = finiteColumn(&x.Columns[j]); errs[j] != nil {
			return
		}
		if limit > 1 {
			c.split()
		}
		if c.has == nil {
			m.measure(j, c.values)
		} else {
			m.measurePair(j, c)
		}
	})
	for _, err := range errs { // the first column's, whatever came first
		if err != nil {
			return nil, err
		}
	}
	m.arrange(read, limit)
	m.fill(read, order, threads)
	return m, nil
}

// Dense is a matrix all of whose columns are dense; the matrix is not copied.
func Dense(m *Matrix) *Compact {
	c := &Compact{Columns: m.Columns, dense: *m, at: make([]int, m.P), low: make([]float64, m.P), width: make([]float64, m.P)}
	for j := range c.at {
		c.at[j], c.width[j] = j, 1
	}
	return c
}

// finiteColumn reports the first value that is not finite as a *survival.DataError.
func finiteColumn(c *survival.Column) error {
	for i, v := range c.Values {
		if v-v != 0 { // NaN or infinite
			return &survival.DataError{Row: i, Column: c.Name, Problem: "must be finite"}
		}
	}
	return nil
}

// column is one as given and, where it has two values, the rows with the rarer one.
type column struct {
	values       []float64
	common, rare float64
	has          []bool // nil: there are not two values
	count        int    // of rows with the rarer one
}

func (c *column) split() {
	first, other, count := c.values[0], c.values[0], 0
	for _, v := range c.values {
		if v == first {
			continue
		}
		if count > 0 && v != other {
			return
		}
		other = v
		count++
	}
	if count == 0 {
		return
	}
	c.common, c.rare, c.count = first, other, count
	if 2*count > len(c.values) {
		c.common, c.rare, c.count = other, first, len(c.values)-count
	}
	c.has = make([]bool, len(c.values))
	for r, v := range c.values {
		c.has[r] = v == c.rare
	}
}

// measurePair is measure for a column of two values, which then is a constant only where
// they differ by rounding.
func (m *Columns) measurePair(j int, c *column) {
	share := float64(c.count) / float64(len(c.values))
	width := c.rare - c.common
	sd := math.Abs(width) * math.Sqrt(share*(1-share))
	if !(sd > 0) || math.IsInf(sd, 0) || math.Abs(width) < 1e-12*math.Abs(c.common) {
		c.has = nil
		m.measure(j, c.values)
		return
	}
	m.Mean[j], m.Scale[j] = c.common+float64(width*share), sd
	m.Range[j] = math.Abs(width) / sd
}

// arrange decides the inner order and numbers the patterns of the two-valued columns. A
// column that would make too many patterns is dense.
func (m *Compact) arrange(read []column, limit int) {
	var binary []int
	code, sets := make([]uint16, m.N), [][]int{nil}
	for j, c := range read {
		next, fresh := nextPatterns(code, c.has, len(sets), limit)
		if next == nil {
			m.at = append(m.at, j)
			continue
		}
		sets = append(sets, make([][]int, fresh)...)
		for old, to := range next {
			if to > 0 {
				sets[to] = append(slices.Clone(sets[old]), len(binary))
			}
		}
		for r, has := range c.has {
			if has {
				code[r] = next[code[r]]
			}
		}
		binary = append(binary, j)
	}
	m.dense = Matrix{Columns: Columns{N: m.N, P: len(m.at)}}
	m.at = append(m.at, binary...)
	m.low, m.width = make([]float64, m.P), make([]float64, m.P)
	for k, j := range m.at {
		m.width[k] = 1
		if k >= m.dense.P {
			m.low[k] = (read[j].common - m.Mean[j]) / m.Scale[j]
			m.width[k] = (read[j].rare - read[j].common) / m.Scale[j]
		}
	}
	if len(binary) > 0 {
		m.code, m.members = code, sets
	}
	for _, set := range m.members {
		for i := range set {
			set[i] += m.dense.P
		}
	}
}

// nextPatterns numbers the patterns that one more two-valued column makes: next[c] is that of
// the rows of c which have its rarer value, 0 where no row has. It is nil where the column has
// not two values or there would be more than limit patterns.
func nextPatterns(code []uint16, has []bool, count, limit int) (next []uint16, fresh int) {
	if has == nil {
		return nil, 0
	}
	next = make([]uint16, count)
	for r, in := range has {
		if in && next[code[r]] == 0 {
			if count+fresh == limit {
				return nil, 0
			}
			next[code[r]] = uint16(count + fresh)
			fresh++
		}
	}
	return next, fresh
}

// fill stores the rows in their order: the dense columns, brought together by row first, so
// that a row is fetched at once, and the patterns.
func (m *Compact) fill(read []column, order []int, threads int) {
	q := m.dense.P
	given := make([]float64, m.N*q)
	Blocks(m.N, panelRows, threads, func(_, start, end int) {
		for k, j := range m.at[:q] {
			mean, scale := m.Mean[j], m.Scale[j]
			for r, v := range read[j].values[start:end] {
				given[(start+r)*q+k] = (v - mean) / scale
			}
		}
	})
	m.dense.X = make([]float64, m.N*q)
	code := m.code
	if code != nil {
		m.code = make([]uint16, m.N)
	}
	Blocks(m.N, blockRows, threads, func(_, start, end int) {
		for r := start; r < end; r++ {
			copy(m.dense.X[r*q:(r+1)*q], given[order[r]*q:(order[r]+1)*q])
		}
		for r := range m.code[min(start, len(m.code)):min(end, len(m.code))] {
			m.code[start+r] = code[order[start+r]]
		}
	})
}

// Expand is the same matrix by row.
func (m *Compact) Expand() *Matrix {
	out := &Matrix{Columns: m.Columns, X: make([]float64, m.N*m.P)}
	q := m.dense.P
	for r := range m.N {
		row := out.Row(r)
		for k, j := range m.at[:q] {
			row[j] = m.dense.X[r*q+k]
		}
		for k := q; k < m.P; k++ {
			row[m.at[k]] = m.low[k]
		}
		if m.code != nil {
			for _, k := range m.members[m.code[r]] {
				row[m.at[k]] += m.width[k]
			}
		}
	}
	return out
}
