package coxnet

import (
	"math"
	"slices"

	"everfold/survival/linear"
)

// rowsPerColumn: a model of more than denseColumns columns with fewer rows than so many a column
// has no matrix of columns by columns.
const rowsPerColumn = 4

// wide is the Hessian H = XᵀAX/W of a model with many columns and few rows. A, rows by rows, is
// never written down: its product with a column costs one pass over the risk sets. A Hessian is
// then so cheap that every step has its own.
type wide struct {
	rows     int
	x, ax    []float64 // by column, then row: z, and A·z/W
	diagonal []float64 // by column: zᵀA·z/W
	sum      []float64 // A·X·s/W of the step s so far
	like     *likelihood

	of      []int     // the numbers of the columns in the whole design
	ridge   []float64 // of the columns, at α = 1
	covered *cover
}

// newWide is that of the columns of the model; curvature fills it in.
func (s *solver) newWide() *wide {
	m := s.x.Expand()
	w := &wide{rows: m.N, x: make([]float64, m.N*m.P), ax: make([]float64, m.N*m.P), diagonal: make([]float64, m.P), sum: make([]float64, m.N),
		like: s.like, of: slices.Clone(s.work), covered: &s.covered}
	if s.covered.in == nil {
		s.covered.in = make([]bool, len(s.gamma))
	}
	for _, j := range s.work {
		w.ridge = append(w.ridge, s.l2[j])
	}
	for r := range m.N {
		for c, z := range m.Row(r) {
			w.x[c*m.N+r] = z
		}
	}
	return w
}

func (w *wide) column(c int) (z, az []float64) {
	from, to := c*w.rows, (c+1)*w.rows
	return w.x[from:to], w.ax[from:to]
}

// curvature computes the Hessian at the point last evaluated.
func (w *wide) curvature() {
	linear.Blocks(len(w.diagonal), 1, w.like.threads, func(_, c, _ int) {
		z, az := w.column(c)
		w.like.bend(az, z)
		w.diagonal[c] = dot(z, az)
	})
}

// bend writes A·v/W to dst, what the residuals lose, as a share of W, where the linear predictor
// grows by v:
//
//	(A·v)_i = risk_i·[ v_i·Σ d_k/atRisk_k − Σ d_k·m_k/atRisk_k² ],   m_k = Σ risk·v over the risk set,
//
// both sums over the times up to that of row i.
func (l *likelihood) bend(dst, v []float64) {
	groups := l.order.Groups
	total := 0.0
	for k := len(groups) - 1; k >= 0; k-- {
		g := &groups[k]
		for i := g.Start; i < g.End; i++ {
			total += float64(l.risk[i] * v[i])
		}
		dst[g.Start] = total // m_k, until the group is reached again
	}
	drop := 0.0
	for k := range groups {
		g := &groups[k]
		if d := l.eventWeight[k]; d > 0 {
			drop += float64(d*(dst[g.Start]/l.atRisk[k])) / l.atRisk[k]
		}
		for i := g.Start; i < g.End; i++ {
			dst[i] = l.risk[i] * (float64(v[i]*l.hazard[k]) - drop) / l.total
		}
	}
}

// dot adds in four parts, so that no addition waits for the one before.
func dot(x, y []float64) float64 {
	var a, b, c, d float64
	y = y[:len(x)]
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a += float64(x[i] * y[i])
		b += float64(x[i+1] * y[i+1])
		c += float64(x[i+2] * y[i+2])
		d += float64(x[i+3] * y[i+3])
	}
	for ; i < len(x); i++ {
		a += float64(x[i] * y[i])
	}
	return (a + b) + (c + d)
}

// gradient is what the step so far adds to that of column c.
func (w *wide) gradient(c int) float64 {
	z, _ := w.column(c)
	return dot(z, w.sum)
}

// move changes the coefficient of column c.
func (w *wide) move(c int, step float64) {
	_, az := w.column(c)
	add(w.sum, az, step)
}

// finish adds what the step has changed to the gradient q, and ends the step.
func (w *wide) finish(q []float64) {
	for c := range q {
		q[c] += w.gradient(c)
	}
	clear(w.sum)
}

// solve solves (H + Λ)·way = pull over the active columns, Λ = diag(l2); false where they are
// collinear. With as many columns as rows or more, and a ridge on each, the unknown is the step
// p = X·way of the linear predictor (Woodbury's identity):
//
//	(I + K·A/W)·p = X·Λ⁻¹·pull,   K = X·Λ⁻¹·Xᵀ,   way = Λ⁻¹·(pull − Xᵀ·(A/W)·p)
func (w *wide) solve(way []float64, active []int, pull, l2 []float64) bool {
	least := math.Inf(1)
	for _, c := range active {
		least = min(least, l2[c])
	}
	if len(active) < w.rows || least == 0 {
		return w.solveColumns(way, active, pull, l2)
	}
	n := w.rows
	k, unit := w.cover(active, l2)
	system, p, bent := make([]float64, n*n), make([]float64, n), make([]float64, n)
	for i := range n {
		row := system[i*n : (i+1)*n]
		w.like.bend(row, k[i*n:(i+1)*n])
		for j := range row {
			row[j] /= unit
		}
		row[i]++
	}
	for _, c := range active {
		z, _ := w.column(c)
		add(p, z, pull[c]/l2[c])
	}
	if !linear.SolveSquare(system, p) {
		return false
	}
	w.like.bend(bent, p)
	for _, c := range active {
		z, _ := w.column(c)
		way[c] = (pull[c] - dot(z, bent)) / l2[c]
	}
	return true
}

// solveColumns is solve by a matrix of the active columns.
func (w *wide) solveColumns(way []float64, active []int, pull, l2 []float64) bool {
	n := len(active)
	h, all, b, x := make([]float64, n*n), make([]int, n), make([]float64, n), make([]float64, n)
	for i, c := range active {
		_, az := w.column(c)
		for j := i; j < n; j++ {
			z, _ := w.column(active[j])
			h[i*n+j] = dot(az, z)
		}
		all[i], b[i] = i, pull[c]
		h[i*n+i] += l2[c]
	}
	if !linear.Solve(x, h, n, all, b) {
		return false
	}
	for i, c := range active {
		way[c] = x[i]
	}
	return true
}

// cover is K of some columns, whose ridges are all in proportion to α: it outlives the models of
// a path, and what has changed since it was last asked for is added or taken away.
type cover struct {
	k  []float64 // K at α = 1
	in []bool    // by column of the whole design
}

// cover brings K·unit up to date.
func (w *wide) cover(active []int, l2 []float64) (k []float64, unit float64) {
	n, have := w.rows, w.covered
	wanted := make([]bool, len(w.diagonal))
	for _, c := range active {
		wanted[c] = true
	}
	if have.k == nil {
		have.k = make([]float64, n*n)
	}
	for c, is := range wanted {
		if have.in[w.of[c]] == is {
			continue
		}
		have.in[w.of[c]] = is
		z, _ := w.column(c)
		by := 1 / w.ridge[c]
		if !is {
			by = -by
		}
		for i, v := range z {
			add(have.k[i*n:(i+1)*n], z, v*by)
		}
	}
	return have.k, l2[active[0]] / w.ridge[active[0]]
}

// add adds by·x to dst.
func add(dst, x []float64, by float64) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += float64(v * by)
	}
}
