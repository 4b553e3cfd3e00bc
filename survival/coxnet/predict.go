package coxnet

import "math"

// historyPoints is how many optima the prediction of the next one may rest on.
const historyPoints = 5

// history holds the latest optima with one and the same set of signs. Between changes of
// that set the path is a smooth function of log α, which a polynomial continues.
type history struct {
	at    []float64 // log α
	gamma [][]float64
}

// add appends an optimum; where its signs are not those before it, it is the first.
func (h *history) add(alpha float64, gamma []float64) {
	if n := len(h.gamma); n > 0 && !sameSigns(h.gamma[n-1], gamma) {
		*h = history{}
	}
	if len(h.at) == historyPoints {
		h.at, h.gamma = h.at[1:], h.gamma[1:]
	}
	h.at, h.gamma = append(h.at, math.Log(alpha)), append(h.gamma, gamma)
}

// predict continues the optima to alpha by the polynomial through them (Lagrange). It is nil
// for fewer than three, or where a sign would change.
func (h *history) predict(alpha float64) []float64 {
	n := len(h.at)
	if n < 3 || alpha <= 0 {
		return nil
	}
	t, out := math.Log(alpha), make([]float64, len(h.gamma[0]))
	for i, ti := range h.at {
		weight := 1.0
		for j, tj := range h.at {
			if j != i {
				weight *= (t - tj) / (ti - tj)
			}
		}
		for c, g := range h.gamma[i] {
			out[c] += float64(weight * g)
		}
	}
	if !sameSigns(h.gamma[n-1], out) {
		return nil
	}
	return out
}

func sameSigns(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for c, v := range a {
		if (v > 0) != (b[c] > 0) || (v < 0) != (b[c] < 0) {
			return false
		}
	}
	return true
}
