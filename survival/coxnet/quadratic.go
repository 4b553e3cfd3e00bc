package coxnet

import (
	"math"

	"everfold/survival/linear"
)

const (
	// Coordinate descent on the model ends when no step is longer than this share of the
	// first sweep's longest. Of few columns its minimum is cheap, and worth the digits that
	// spare an evaluation; of many, the outer method corrects what is left.
	descentShareFew  = 1e-7
	descentShareMany = 1e-4
	// or than this, in standard deviations of a column; float64 resolves no more.
	descentFloor = 1e-13
	// One model gets so many multiplications, and at least minSweeps sweeps: the context is
	// looked at between models, and a new model is worth more than the last digits of one.
	work      = 1 << 27
	minSweeps = 50
	// A curvature below this share of that of a typical column is rounding.
	noCurvature = 1e-13
)

// quadratic is the model gᵀs + ½sᵀHs of the loss around a point, plus the penalty
// Σ l1_j|γ_j| + ½ l2_j γ_j².
type quadratic struct {
	h      []float64 // p×p, symmetric; nil where there are many columns of few rows
	wide   *wide     // then
	l1, l2 []float64
	unit   float64 // curvature of a typical column
	share  float64 // descent rests at steps of this share of the first sweep's longest
}

// minimise moves gamma to the model's minimum by coordinate descent: all columns once, then
// those that are not 0 until they rest, and again until a sweep over all changes nothing.
// Where they do not soon rest, as with columns that are nearly collinear, their optimum is
// found by solving its equations. q is the gradient gᵀ + H·s at gamma and follows it.
func (m *quadratic) minimise(gamma, q []float64) {
	longest, wait := 0.0, impatience
	left := max(minSweeps, work/(len(gamma)*len(gamma)+1))
	if m.wide != nil {
		defer m.wide.finish(q)
	}
	for left > 0 {
		step := m.sweep(gamma, q, false)
		longest = max(longest, step)
		rest := max(descentFloor, m.share*longest)
		if step <= rest {
			return
		}
		for k := 1; left > 0; k++ {
			left--
			if m.sweep(gamma, q, true) <= rest {
				break
			}
			if k < wait {
				continue
			}
			if m.solve(gamma, q) {
				break
			}
			k, wait = 0, min(2*wait, patience)
		}
	}
}

// patience is how many sweeps over the columns that are not 0 may pass before their equations
// are solved: that costs about as much as so many sweeps of a hundred columns.
const patience = 32

// impatience is how many pass at first: near the optimum no sign changes any more.
const impatience = 8

// solve goes towards the optimum of the columns that are not 0, were they to keep their signs:
// to it, which is then true, or to where the first one becomes 0.
func (m *quadratic) solve(gamma, q []float64) bool {
	p := len(gamma)
	var active []int
	for j, g := range gamma {
		if g != 0 {
			active = append(active, j)
		}
	}
	pull, way := make([]float64, p), make([]float64, p)
	for _, j := range active {
		pull[j] = -(m.slope(q, j) + float64(m.l2[j]*gamma[j]) + math.Copysign(m.l1[j], gamma[j]))
	}
	if !m.equations(way, active, pull) {
		return false
	}
	length := 1.0
	for _, j := range active {
		if l := -gamma[j] / way[j]; l > 0 && l < length {
			length = l
		}
	}
	for _, j := range active {
		step := length * way[j]
		if gamma[j]+step == 0 || length < 1 && -gamma[j]/way[j] == length {
			step = -gamma[j]
		}
		gamma[j] += step
		m.move(q, j, step)
	}
	return length == 1
}

// equations solves (H + l2)·way = pull over the active columns; false where they are collinear.
func (m *quadratic) equations(way []float64, active []int, pull []float64) bool {
	if m.wide != nil {
		return m.wide.solve(way, active, pull, m.l2)
	}
	p := len(way)
	for _, j := range active {
		m.h[j*p+j] += m.l2[j]
	}
	ok := linear.Solve(way, m.h, p, active, pull)
	for _, j := range active {
		m.h[j*p+j] -= m.l2[j]
	}
	return ok
}

// slope is the gradient of the loss's model by coefficient j.
func (m *quadratic) slope(q []float64, j int) float64 {
	if m.wide != nil {
		return q[j] + m.wide.gradient(j)
	}
	return q[j]
}

// move lets the gradient follow a step of coefficient j.
func (m *quadratic) move(q []float64, j int, step float64) {
	if m.wide != nil {
		m.wide.move(j, step)
		return
	}
	p := len(q)
	for i, v := range m.h[j*p : (j+1)*p] {
		q[i] += float64(v * step)
	}
}

// curvature is that of the loss's model by coefficient j.
func (m *quadratic) curvature(j int) float64 {
	if m.wide != nil {
		return m.wide.diagonal[j]
	}
	return m.h[j*(len(m.l1)+1)]
}

// sweep minimises along each coordinate in turn, the zero ones left out where asked, and
// returns the longest step.
func (m *quadratic) sweep(gamma, q []float64, active bool) float64 {
	longest := 0.0
	for j, old := range gamma {
		if active && old == 0 {
			continue
		}
		h := m.curvature(j)
		if !(h+m.l2[j] > noCurvature*m.unit) {
			continue
		}
		now := soft(float64(h*old)-m.slope(q, j), m.l1[j]) / (h + m.l2[j])
		step := now - old
		if step == 0 {
			continue
		}
		gamma[j] = now
		m.move(q, j, step)
		longest = max(longest, math.Abs(step))
	}
	return longest
}

// soft moves v towards 0 by threshold.
func soft(v, threshold float64) float64 {
	switch {
	case v > threshold:
		return v - threshold
	case v < -threshold:
		return v + threshold
	}
	return 0
}

// update makes H fit the change y of the gradient over the step s (Broyden, Fletcher,
// Goldfarb, Shanno): H + yyᵀ/yᵀs − Hs(Hs)ᵀ/sᵀHs, which stays positive definite. Steps too
// short or too flat to tell a change from rounding are ignored. It returns the largest
// difference between y and Hs, by which H misjudged the change, as a share of the largest
// element of Hs.
func (m *quadratic) update(s, y []float64) (miss float64) {
	p := len(s)
	hs := make([]float64, p)
	ys, shs, longest, largest := 0.0, 0.0, 0.0, 0.0
	for i := range p {
		for j, v := range m.h[i*p : (i+1)*p] {
			hs[i] += float64(v * s[j])
		}
		ys += float64(y[i] * s[i])
		shs += float64(s[i] * hs[i])
		longest, largest = max(longest, math.Abs(s[i])), max(largest, math.Abs(hs[i]))
		miss = max(miss, math.Abs(y[i]-hs[i]))
	}
	miss /= largest
	if longest < shortStep || !(ys > shs/10) || !(shs > 0) {
		return miss
	}
	for i := range p {
		row := m.h[i*p : (i+1)*p]
		a, b := y[i]/ys, hs[i]/shs
		for j := range row {
			row[j] += float64(a*y[j]) - float64(b*hs[j])
		}
	}
	return miss
}

// shortStep is below what a difference of gradients resolves to three digits.
const shortStep = 1e-9
