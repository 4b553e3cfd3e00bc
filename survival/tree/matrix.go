package tree

import (
	"context"
	"fmt"

	"everfold/survival"
)

// Matrix is a design as packed codes, its rows in the order that the criterion needs
// (ascending time). It is immutable and shared by all trees of an ensemble.
type Matrix struct {
	rows     int
	features []feature // values of the codes; codes themselves are dropped
	columns  []column
	width    uint       // bits a code: 8, 16 or 32
	words    [][]uint64 // packed codes, by word and row
	byDesign []int32    // the stored column of each design column
}

// NewMatrix bins and packs a design. order lists the design's rows in the order wanted;
// infinite values are a *survival.DataError, NaN is a missing value. It panics where a row
// of order is outside the design. At most threads goroutines work, 0 meaning 1; the result
// does not depend on them. A cancelled ctx ends it with the cause.
func NewMatrix(ctx context.Context, x *survival.Design, order []int, bins Bins, threads int) (*Matrix, error) {
	m := &Matrix{rows: len(order), features: make([]feature, len(x.Columns)), byDesign: make([]int32, len(x.Columns))}
	for _, c := range x.Columns {
		if len(c.Values) != x.Rows {
			panic(fmt.Sprintf("tree: column %q has %d values, the design %d rows", c.Name, len(c.Values), x.Rows))
		}
		for i, v := range c.Values {
			if v-v != 0 && v == v {
				return nil, &survival.DataError{Row: i, Column: c.Name, Problem: "must be finite or missing"}
			}
		}
	}
	survival.Each(len(x.Columns), threads, func(j int) {
		if ctx.Err() == nil {
			m.features[j] = quantise(x.Columns[j].Values, bins)
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l := lay(m.features)
	m.columns = l.columns
	for k := range m.columns {
		c := &m.columns[k]
		for _, j := range append(c.classes[:len(c.classes):len(c.classes)], c.numeric, c.indicator) {
			if j >= 0 {
				m.byDesign[j] = int32(k)
			}
		}
	}
	m.pack(l.codes, order, threads)
	for j := range m.features {
		m.features[j].codes = nil
	}
	return m, nil
}

// Rows is the number of rows.
func (m *Matrix) Rows() int { return m.rows }

// Columns is the number of design columns.
func (m *Matrix) Columns() int { return len(m.features) }

// pack chooses the width and packs the codes of all columns, on so many goroutines.
func (m *Matrix) pack(codes [][]uint32, order []int, threads int) {
	most := 0
	for k := range m.columns {
		most = max(most, m.columns[k].slots())
	}
	switch {
	case most <= 1<<8:
		m.width = 8
	case most <= 1<<16:
		m.width = 16
	default:
		m.width = 32
	}
	per := int(64 / m.width)
	m.words = make([][]uint64, (len(m.columns)+per-1)/per)
	for q := range m.words {
		m.words[q] = make([]uint64, m.rows)
	}
	survival.Each(chunks(m.rows), threads, func(part int) {
		from, to := part*chunk, min((part+1)*chunk, m.rows)
		for k := range m.columns {
			word, shift := m.words[k/per][from:to], uint(k%per)*m.width
			for i, row := range order[from:to] {
				word[i] |= uint64(codes[k][row]) << shift
			}
		}
	})
}
