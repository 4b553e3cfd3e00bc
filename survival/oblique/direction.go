package oblique

import "math"

// combination is a split: rows with Σ coef·x ≤ cut go left.
type combination struct {
	column []int32
	coef   []float32
	cut    float64
}

// direction is the search for the linear combination of a node. With its drawn columns z,
// centred and scaled within the node, and the sums S_k of w·z over the rows at risk at k,
// it is β = (V + ridge·diag V)⁻¹U,
//
//	U = Σ_i score_i·z_i,    V = Σ_i share_i·z_i·z_iᵀ − Σ_k (c_k/Y_k²)·S_k·S_kᵀ:
//
// the columns' log-rank scores and their covariance, so that β without ridge is one Newton
// step from 0 of Cox's partial likelihood for discrete times.
type direction struct {
	perm  []int32   // columns, shuffled anew at each attempt
	z     []float64 // row by row, opt.Try values each
	scale []float64 // of the columns drawn
	u     []float64 // then β
	v     []float64 // lower triangle, row by row
	sum   []float64 // S_k
}

// reset makes the columns' order that of the design.
func (d *direction) reset(columns int) {
	d.perm = resize(d.perm, columns)
	for j := range d.perm {
		d.perm[j] = int32(j)
	}
}

// gather draws opt.Try columns that differ among the node's rows, fewer where there are
// not so many, and lays them out. It says whether there was one.
func (g *grower) gather(rows []int32) bool {
	d, s := &g.direction, &g.split
	d.z, d.scale, s.column = resize(d.z, len(rows)*g.opt.Try), d.scale[:0], s.column[:0]
	for k := 0; k < len(d.perm) && len(s.column) < g.opt.Try; k++ {
		other := k + g.rng.IntN(len(d.perm)-k)
		d.perm[k], d.perm[other] = d.perm[other], d.perm[k]
		if scale := g.gatherColumn(rows, int(d.perm[k])); scale > 0 {
			s.column, d.scale = append(s.column, d.perm[k]), append(d.scale, scale)
		}
	}
	return len(s.column) > 0
}

// gatherColumn lays out the next column, centred and divided by its largest deviation from
// the mean. It returns that, or 0 where the column is constant or of a magnitude that
// coefficients of single precision cannot undo.
func (g *grower) gatherColumn(rows []int32, j int) float64 {
	z, stride := g.direction.z[len(g.direction.scale):], g.opt.Try
	low, high := math.Inf(1), math.Inf(-1)
	mean, total := 0.0, 0.0
	for i, r := range rows {
		v := g.values[int(r)*g.columns+j]
		if v != v {
			v = g.tree.fill[j]
		}
		z[i*stride] = v
		low, high = min(low, v), max(high, v)
		w := g.risk.rows[i].weight
		total += w
		mean += float64(w * v)
	}
	mean /= total
	scale := max(high-mean, mean-low)
	if !(low < high) || !(scale > 1/math.MaxFloat32) || !(scale < math.MaxFloat32) {
		return 0
	}
	for i := range rows {
		z[i*stride] = (z[i*stride] - mean) / scale
	}
	return scale
}

// combine finds β, up to a positive factor, as coefficients of the columns as they are. It
// says whether any is not 0.
func (g *grower) combine() bool {
	d, s := &g.direction, &g.split
	d.accumulate(&g.risk, len(s.column), g.opt.Try)
	factor(d.v, len(s.column), ridge)
	solve(d.v, d.u)
	largest := 0.0
	for _, b := range d.u {
		largest = max(largest, math.Abs(b))
	}
	if largest == 0 {
		return false
	}
	s.coef = s.coef[:0]
	for k, b := range d.u {
		s.coef = append(s.coef, float32(b/largest/d.scale[k]))
	}
	return true
}

// accumulate computes U and V of m columns in one sweep from the last row.
func (d *direction) accumulate(s *riskSets, m, stride int) {
	d.u, d.sum, d.v = resize(d.u, m), resize(d.sum, m), resize(d.v, m*(m+1)/2)
	clear(d.u)
	clear(d.sum)
	clear(d.v)
	k := len(s.times) - 1
	for i := len(s.rows) - 1; i >= 0; i-- {
		r, z := &s.rows[i], d.z[i*stride:i*stride+m]
		v := d.v
		for a, za := range z {
			d.u[a] += float64(r.score * za)
			d.sum[a] += float64(r.weight * za)
			za *= r.share
			for b, zb := range z[:a+1] {
				v[b] += float64(za * zb)
			}
			v = v[a+1:]
		}
		if k >= 0 && s.times[k].start == i {
			d.subtract(s.times[k].c)
			k--
		}
	}
}

// subtract takes c·S·Sᵀ from V.
func (d *direction) subtract(c float64) {
	v := d.v
	for a, sa := range d.sum {
		sa *= c
		for b, sb := range d.sum[:a+1] {
			v[b] -= float64(sa * sb)
		}
		v = v[a+1:]
	}
}
