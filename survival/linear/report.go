package linear

import (
	"fmt"
	"math"

	"everfold/survival"
)

// eventsPerColumn below this number make coefficients unstable (Peduzzi et al. 1995,
// J. Clin. Epidemiol. 48:1503).
const eventsPerColumn = 10

// Coefficients are those of the columns on their own scale, β_j = γ_j/s_j, with standard
// errors from the solution's covariance; NaN for columns held.
func (m *Columns) Coefficients(s Solution, first int) []survival.Coefficient {
	out := make([]survival.Coefficient, m.P)
	size := len(s.Theta)
	for j := range out {
		i := first + j
		out[j] = survival.Coefficient{Column: m.Names[j], Value: s.Theta[i] / m.Scale[j],
			SE: math.Sqrt(s.Covariance[i*size+i]) / m.Scale[j]}
	}
	return out
}

// Warnings says what a statistician should know of a fit with so many events.
func (m *Columns) Warnings(s Solution, events int) []survival.Warning {
	var out []survival.Warning
	add := func(category, format string, args ...any) {
		out = append(out, survival.Warning{Category: category, Message: fmt.Sprintf(format, args...)})
	}
	for j, constant := range m.Constant {
		if constant {
			add("data", "column %q is constant: its coefficient is 0", m.Names[j])
		}
	}
	for _, j := range s.Aliased {
		add("data", "column %q tells nothing that the columns before it do not: its coefficient is 0", m.Names[j])
	}
	if m.P > 0 && events < eventsPerColumn*m.P {
		add("data", "%d events for %d columns: fewer than %d a column", events, m.P, eventsPerColumn)
	}
	for _, j := range s.Drifting {
		add("convergence", "the likelihood keeps rising along column %q (separation): its coefficient is finite but not a maximum", m.Names[j])
	}
	if !s.Converged && len(s.Drifting) == 0 {
		add("convergence", "no convergence after %d iterations: the estimate is the best found", s.Iterations)
	}
	return out
}
