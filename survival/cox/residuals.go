package cox

import "math"

// Martingale residuals δ_i − e^{η_i}Λ_i, per subject: not multiplied by case weights, as R's
// default. Weighted, they sum to 0 within each stratum. Under Efron's rule the tied events
// are exposed to (1 − a_l) of each step only (Therneau and Grambsch 2000, §4.2).
func (d *Diagnostics) Martingale() []float64 {
	out := make([]float64, len(d.expected))
	for p, e := range d.expected {
		out[p] = d.event(p) - e
	}
	return d.byRow(out)
}

// Deviance residuals sign(M)·√(−2[M + δ·log(δ − M)]) of the martingale residuals M.
func (d *Diagnostics) Deviance() []float64 {
	out := make([]float64, len(d.expected))
	for p, e := range d.expected {
		m := d.event(p) - e
		inner := m
		if d.event(p) == 1 {
			inner += math.Log(e)
		}
		out[p] = math.Copysign(math.Sqrt(max(0, -2*inner)), m)
	}
	return d.byRow(out)
}

// event is δ of a position.
func (d *Diagnostics) event(position int) float64 {
	if d.y.Event[d.l.Order.Rows[position]] {
		return 1
	}
	return 0
}

// Score residuals, by column and row, per subject:
//
//	U_ij = δ_i(x_ij − x̄_j(T_i)) − e^{η_i}∫(x_ij − x̄_j(t)) dΛ_i(t)
//
// Weighted, they sum to the score, which is 0 at an unpenalised estimate. Under Efron's
// rule the mean x̄ is that of each l of the tied events (Therneau and Grambsch 2000, §4.3).
func (d *Diagnostics) Score() [][]float64 {
	out := d.standardisedScore()
	for j, column := range out {
		for p := range column {
			column[p] *= d.l.Matrix.Scale[j]
		}
		out[j] = d.byRow(column)
	}
	return out
}

// standardisedScore is Score for standardised columns, by position.
func (d *Diagnostics) standardisedScore() [][]float64 {
	groups, matrix := d.l.Order.Groups, d.matrix
	step, tied := make([]float64, len(groups)), make([]float64, len(groups))
	out := make([][]float64, matrix.P)
	for j := range out {
		for k := range d.moments {
			step[k], tied[k] = 0, 0
			if groups[k].Events > 0 {
				step[k], tied[k] = d.moments[k].steps(j)
			}
		}
		column := make([]float64, matrix.N)
		d.l.Order.Exposure(column, step, tied)
		for p, a := range column {
			column[p] = float64(d.l.risk[p]/d.l.caseWeight(p)*a) - float64(matrix.X[p*matrix.P+j]*d.expected[p])
		}
		for k, g := range groups {
			for p := g.Start; p < g.Start+g.Events; p++ {
				column[p] += matrix.X[p*matrix.P+j] - d.moments[k].weighted(j)/d.l.eventWeight[k]
			}
		}
		out[j] = column
	}
	return out
}

// DFBeta approximates how far each coefficient would move without the row: w_i·U_i·V
// with the score residuals U and the model-based covariance V. Held columns are NaN.
func (d *Diagnostics) DFBeta() [][]float64 {
	out := d.influence()
	for j, column := range out {
		for p := range column {
			column[p] /= d.l.Matrix.Scale[j]
		}
		out[j] = d.byRow(column)
	}
	return out
}

// influence is DFBeta for standardised columns, by position.
func (d *Diagnostics) influence() [][]float64 {
	score, size := d.standardisedScore(), d.l.Matrix.P
	out := make([][]float64, size)
	for j := range out {
		out[j] = make([]float64, d.l.Matrix.N)
		for p := range out[j] {
			out[j][p] = math.NaN()
		}
	}
	for _, j := range d.active {
		for p := range out[j] {
			sum := 0.0
			for _, k := range d.active {
				sum += float64(score[k][p] * d.covariance[k*size+j])
			}
			out[j][p] = d.l.caseWeight(p) * sum
		}
	}
	return out
}

// EventResiduals has one residual for each observed event, by stratum and then time.
type EventResiduals struct {
	Row    []int     // of the outcome
	Time   []float64 // of the event
	Values [][]float64
}

// Schoenfeld residuals x_ij − x̄_j(T_i) of the events, per subject, by column: the mean is
// that of the risk set under e^η, under Efron's rule averaged over the tied events
// (Schoenfeld 1982, Biometrika 69:239).
func (d *Diagnostics) Schoenfeld() EventResiduals {
	out := EventResiduals{Values: make([][]float64, d.l.Matrix.P)}
	matrix := d.matrix
	for k, g := range d.l.Order.Groups {
		for p := g.Start; p < g.Start+g.Events; p++ {
			out.Row, out.Time = append(out.Row, d.l.Order.Rows[p]), append(out.Time, g.Time)
			for j, scale := range matrix.Scale {
				z := matrix.X[p*matrix.P+j] - d.moments[k].weighted(j)/d.l.eventWeight[k]
				out.Values[j] = append(out.Values[j], z*scale)
			}
		}
	}
	return out
}

// ScaledSchoenfeld residuals β_j + D·Σ_k V_jk·r_k of D events, with r the Schoenfeld
// residuals and V the model-based covariance: plotted over time they estimate β_j(t)
// (Grambsch and Therneau 1994, Biometrika 81:515). Held columns are NaN.
func (d *Diagnostics) ScaledSchoenfeld() EventResiduals {
	out := d.Schoenfeld()
	v, p, events := d.Covariance(), d.l.Matrix.P, float64(len(out.Row))
	values := make([][]float64, p)
	for j := range values {
		values[j] = make([]float64, len(out.Row))
		for e := range values[j] {
			values[j][e] = math.NaN()
		}
	}
	for _, j := range d.active {
		for e := range values[j] {
			sum := 0.0
			for _, k := range d.active {
				sum += float64(out.Values[k][e] * v[k*p+j])
			}
			values[j][e] = d.model.predictor.Beta[j] + float64(events*sum)
		}
	}
	out.Values = values
	return out
}
