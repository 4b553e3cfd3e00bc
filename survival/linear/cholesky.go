package linear

import "math"

// factor is an upper-triangular Cholesky factor over the active parameters: A = UᵀU.
type factor struct {
	n      int
	u      []float64 // n×n, row-major
	active []int     // the parameter of each row
}

// pivotTolerance: a pivot below this share of its diagonal element is zero but for the
// rounding of the sums (a multiple correlation of 1 − 5·10⁻¹²).
const pivotTolerance = 1e-11

// cholesky factors the symmetric matrix whose upper triangle is a (size n), restricted
// to the active parameters. dependent is the first active parameter whose pivot is not
// safely positive, or −1; then the factor is unusable.
func cholesky(a []float64, n int, active []int) (f factor, dependent int) {
	k := len(active)
	f = factor{n: k, u: make([]float64, k*k), active: active}
	for i, pi := range active {
		for j := i; j < k; j++ {
			f.u[i*k+j] = a[pi*n+active[j]]
		}
	}
	for first := 0; first < k; first += panelPivots {
		last := min(first+panelPivots, k)
		f.eliminate(0, first, first, last)
		for i := first; i < last; i++ {
			f.eliminate(first, i, i, i+1)
			row := f.u[i*k : (i+1)*k]
			// The diagonal's own element: what is left of it is the pivot.
			pivot, diagonal := row[i], a[active[i]*n+active[i]]
			if !(pivot > pivotTolerance*diagonal) || math.IsInf(pivot, 0) {
				return f, active[i]
			}
			root := math.Sqrt(pivot)
			for j := i; j < k; j++ {
				row[j] /= root
			}
		}
	}
	return f, -1
}

// panelPivots is how many rows are eliminated together by the finished rows above them,
// which then come out of memory once for all of them.
const panelPivots = 16

// eliminate takes the finished rows from ≤ m < to off the rows first ≤ i < last, four at a
// time: each element is then loaded and stored once for four products. Every element has
// the rows taken off in order, however they are grouped.
func (f factor) eliminate(from, to, first, last int) {
	k, m := f.n, from
	for ; m+4 <= to; m += 4 {
		for i := first; i < last; i++ {
			row := f.u[i*k+i : (i+1)*k]
			a, b, c, d := f.u[m*k+i:][:len(row)], f.u[(m+1)*k+i:][:len(row)], f.u[(m+2)*k+i:][:len(row)], f.u[(m+3)*k+i:][:len(row)]
			a0, b0, c0, d0 := a[0], b[0], c[0], d[0]
			for j, v := range row {
				v -= float64(a0 * a[j])
				v -= float64(b0 * b[j])
				v -= float64(c0 * c[j])
				v -= float64(d0 * d[j])
				row[j] = v
			}
		}
	}
	for ; m < to; m++ {
		for i := first; i < last; i++ {
			row := f.u[i*k+i : (i+1)*k]
			a := f.u[m*k+i:][:len(row)]
			a0 := a[0]
			for j := range row {
				row[j] -= float64(a0 * a[j])
			}
		}
	}
}

// solve writes A⁻¹b into dst, both of full length; inactive parameters get 0.
func (f factor) solve(dst, b []float64) {
	k := f.n
	v := make([]float64, k)
	for i := range k {
		s := b[f.active[i]]
		for m := range i {
			s -= float64(f.u[m*k+i] * v[m])
		}
		v[i] = s / f.u[i*k+i]
	}
	for i := k - 1; i >= 0; i-- {
		s := v[i]
		for j := i + 1; j < k; j++ {
			s -= float64(f.u[i*k+j] * v[j])
		}
		v[i] = s / f.u[i*k+i]
	}
	clear(dst)
	for i, p := range f.active {
		dst[p] = v[i]
	}
}

// inverse is A⁻¹ as a full n×n matrix over all parameters; rows and columns of inactive
// parameters are NaN.
func (f factor) inverse(n int) []float64 {
	out := make([]float64, n*n)
	for i := range out {
		out[i] = math.NaN()
	}
	unit, column := make([]float64, n), make([]float64, n)
	for _, p := range f.active {
		unit[p] = 1
		f.solve(column, unit)
		unit[p] = 0
		for _, q := range f.active {
			out[q*n+p] = column[q]
		}
	}
	return out
}

// Inverse is the inverse of the symmetric n×n matrix whose upper triangle is a
// (row-major), restricted to the active parameters; rows and columns of the others are
// NaN. ok is false where that part is not safely positive definite.
func Inverse(a []float64, n int, active []int) (inverse []float64, ok bool) {
	f, dependent := cholesky(a, n, active)
	if dependent >= 0 {
		return nil, false
	}
	return f.inverse(n), true
}

// Quadratic is bᵀA⁻¹b over the active parameters, with A and ok as in Inverse.
func Quadratic(a []float64, n int, active []int, b []float64) (value float64, ok bool) {
	f, dependent := cholesky(a, n, active)
	if dependent >= 0 {
		return 0, false
	}
	x := make([]float64, n)
	f.solve(x, b)
	for _, i := range active {
		value += float64(b[i] * x[i])
	}
	return value, true
}

// Solve writes A⁻¹b over the active parameters to dst, 0 elsewhere, with A and ok as in
// Inverse; both vectors have n elements.
func Solve(dst, a []float64, n int, active []int, b []float64) (ok bool) {
	f, dependent := cholesky(a, n, active)
	if dependent >= 0 {
		return false
	}
	f.solve(dst, b)
	return true
}
