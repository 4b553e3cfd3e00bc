package coxnet

import (
	"math"
	"slices"
)

// historyPoints is how many points the prediction of the next optimum may rest on, and
// kinkedPoints how many where coefficients have become 0, or other than 0, among them.
const (
	historyPoints = 5
	kinkedPoints  = 3
)

// history holds the points next to the latest optima, one for each α. What the loss's
// gradient is beyond that of the quadratic model is almost smooth in log α, also where a
// coefficient enters and the optimum itself has a kink: so it is what a polynomial continues.
type history struct {
	at     []float64 // log α
	points []*point
	smooth int // the last so many have the same signs
}

// add appends the point of alpha.
func (h *history) add(alpha float64, p *point) {
	if n := len(h.points); n > 0 && !sameSigns(h.points[n-1].gamma, p.gamma) {
		h.smooth = 0
	}
	if len(h.at) == historyPoints {
		h.at, h.points = h.at[1:], h.points[1:]
	}
	h.at, h.points, h.smooth = append(h.at, math.Log(alpha)), append(h.points, p), h.smooth+1
}

// predict continues points and gradients to alpha by the polynomials through them
// (Lagrange): the loss's model around the one has the other as its gradient. They are nil for
// fewer than two points.
func (h *history) predict(alpha float64) (gamma, grad []float64) {
	used := min(len(h.at), max(kinkedPoints, h.smooth))
	if used < 2 || alpha <= 0 {
		return nil, nil
	}
	at, points := h.at[len(h.at)-used:], h.points[len(h.at)-used:]
	t := math.Log(alpha)
	gamma, grad = make([]float64, len(points[0].gamma)), make([]float64, len(points[0].gamma))
	for i, ti := range at {
		weight := 1.0
		for j, tj := range at {
			if j != i {
				weight *= (t - tj) / (ti - tj)
			}
		}
		for c, g := range points[i].gamma {
			gamma[c] += float64(weight * g)
			grad[c] += float64(weight * points[i].grad[c])
		}
	}
	return gamma, grad
}

// sameSigns says whether the same elements are positive, negative and 0.
func sameSigns(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(v, w float64) bool { return (v > 0) == (w > 0) && (v < 0) == (w < 0) })
}
