package coxnet

import (
	"everfold/survival"
	"everfold/survival/linear"
)

// covariates are all columns, standardised, in the order of the risk sets: few of them compact,
// many by row, since then a model has but some.
type covariates struct {
	linear.Columns
	source *survival.Design
	order  []int

	compact *linear.Compact // up to denseColumns of them
	matrix  *linear.Matrix  // more
	threads int
}

func newCovariates(x *survival.Design, order []int, threads int) (*covariates, error) {
	d := &covariates{source: x, order: order, threads: threads}
	var err error
	if len(x.Columns) <= denseColumns {
		if d.compact, err = linear.NewCompact(x, order, threads); err != nil {
			return nil, err
		}
		d.Columns = d.compact.Columns
		return d, nil
	}
	if d.matrix, err = linear.NewMatrix(x, order); err != nil {
		return nil, err
	}
	d.Columns = d.matrix.Columns
	return d, nil
}

// part is the given columns.
func (d *covariates) part(columns []int) *linear.Compact {
	if d.compact == nil {
		part := &linear.Matrix{Columns: linear.Columns{N: d.N, P: len(columns)}, X: make([]float64, d.N*len(columns))}
		for _, j := range columns {
			part.Range = append(part.Range, d.Range[j])
		}
		for r := range d.N {
			from, to := d.matrix.Row(r), part.Row(r)
			for c, j := range columns {
				to[c] = from[j]
			}
		}
		return linear.Dense(part)
	}
	if len(columns) == d.P {
		return d.compact
	}
	some := &survival.Design{Rows: d.N}
	for _, j := range columns {
		some.Columns = append(some.Columns, d.source.Columns[j])
	}
	part, err := linear.NewCompact(some, d.order, d.threads)
	if err != nil {
		panic("coxnet: " + err.Error()) // the same columns were read before
	}
	return part
}

// byRow is all columns by row.
func (d *covariates) byRow() *linear.Matrix {
	if d.matrix == nil {
		return d.compact.Expand()
	}
	return d.matrix
}
