package linear

import (
	"context"
	"math"

	"everfold/survival"
)

// Predictor is a fitted linear predictor η = Σ_j (x_j − Center_j)·Beta_j.
type Predictor struct {
	Names  []string
	Center []float64
	Beta   []float64
}

// Predictor takes the coefficients of a report as a predictor centred at the means.
func (m *Columns) Predictor(coefficients []survival.Coefficient) Predictor {
	p := Predictor{Names: m.Names, Center: m.Mean, Beta: make([]float64, m.P)}
	for j, c := range coefficients {
		p.Beta[j] = c.Value
	}
	return p
}

// Eta writes the linear predictor of every row of x into dst, columns in the fitted
// order, so that equal rows get equal bits. A column that x lacks is a
// *survival.ColumnError, a value that is not finite a *survival.DataError.
// It panics where dst and x differ in length.
func (p Predictor) Eta(ctx context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("linear: dst and design differ in length")
	}
	aligned, err := x.Align(p.Names)
	if err != nil {
		return err
	}
	clear(dst)
	for j, c := range aligned.Columns {
		if err := survival.Check(ctx, float64(j), float64(len(p.Names))); err != nil {
			return err
		}
		center, beta := p.Center[j], p.Beta[j]
		for i, v := range c.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return &survival.DataError{Row: i, Column: c.Name, Problem: "must be finite"}
			}
			dst[i] += float64((v - center) * beta)
		}
	}
	return nil
}

// Valid says whether names, centres and coefficients are as many.
func (p Predictor) Valid() bool {
	return len(p.Center) == len(p.Names) && len(p.Beta) == len(p.Names)
}
