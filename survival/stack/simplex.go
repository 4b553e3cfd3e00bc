package stack

import "math"

// leastRidge makes the minimum unique where bases are copies of each other.
const leastRidge = 1e-8

// simplex is the minimum of wᵀAw + λ·ā·‖w‖² over w ≥ 0, Σw = 1, for a positive semidefinite
// A (n×n, symmetric) with mean diagonal ā and λ the ridge, at least leastRidge. On the simplex
// ‖w‖² is the squared distance to equal weights plus a constant.
//
// It is the point of least norm in the hull of n points with Gram matrix A + λāI (Wolfe 1976,
// Math. Program. 11:128). The search holds the minimum over the affine hull of a set of
// bases, adds the base along which the form falls fastest, and drops those whose weight would
// be negative; the form falls at each step, so no set comes twice.
//
// Ties go to the lowest index. Where A is 0 or not finite, weights are equal.
func simplex(a []float64, n int, ridge float64) []float64 {
	f := regular(a, n, max(ridge, leastRidge))
	w := make([]float64, n)
	if f == nil {
		for b := range w {
			w[b] = 1 / float64(n)
		}
		return w
	}
	start := 0
	for b := range n {
		if f.at(b, b) < f.at(start, start) {
			start = b
		}
	}
	w[start] = 1
	set := []int{start}
	for range maxSteps * n {
		b := f.steepest(w, set)
		if b < 0 {
			break
		}
		set = f.descend(w, append(set, b))
	}
	return w
}

// maxSteps a base are never needed in practice: they end a search that rounding keeps up.
const maxSteps = 20

// form is a positive definite matrix.
type form struct {
	n int
	a []float64
}

func (f *form) at(b, c int) float64 { return f.a[b*f.n+c] }

// regular is A, scaled to a mean diagonal of 1, with the ridge; nil where A is 0 or not finite.
func regular(a []float64, n int, ridge float64) *form {
	mean := 0.0
	for b := range n {
		mean += a[b*n+b] / float64(n)
	}
	if !(mean > 0) || math.IsInf(mean, 1) {
		return nil
	}
	f := &form{n: n, a: make([]float64, n*n)}
	for k, v := range a {
		f.a[k] = v / mean
	}
	for b := range n {
		f.a[b*n+b] += ridge
	}
	return f
}

// tolerance of the conditions of optimality, relative to the form's value.
const tolerance = 1e-13

// steepest is the base outside of set whose weight would lower the form most, or −1: at the
// minimum (Aw)_b ≥ wᵀAw for all b.
func (f *form) steepest(w []float64, set []int) int {
	inside := make([]bool, f.n)
	for _, b := range set {
		inside[b] = true
	}
	slope, value := make([]float64, f.n), 0.0
	for b := range f.n {
		for c := range f.n {
			slope[b] += float64(f.at(b, c) * w[c])
		}
		value += float64(w[b] * slope[b])
	}
	best := -1
	for b, s := range slope {
		if !inside[b] && s < value*(1-tolerance) && (best < 0 || s < slope[best]) {
			best = b
		}
	}
	return best
}

// descend moves w to the minimum over the affine hull of the set, or as far as weights stay
// positive, dropping those that become 0; it returns the set that is left.
func (f *form) descend(w []float64, set []int) []int {
	for {
		target := f.affine(set)
		step, drop := 1.0, -1
		for k, b := range set {
			if target[k] > 0 {
				continue
			}
			reach := 0.0
			if w[b] > 0 {
				reach = w[b] / (w[b] - target[k])
			}
			if drop < 0 || reach < step {
				step, drop = reach, k
			}
		}
		for k, b := range set {
			w[b] += float64(step * (target[k] - w[b]))
		}
		if drop < 0 {
			return set
		}
		w[set[drop]] = 0
		set = append(set[:drop:drop], set[drop+1:]...)
	}
}

// affine is the minimum of wᵀAw over Σw = 1 on the set, signs free: A⁻¹1 scaled to sum 1,
// by Cholesky's factors A = LLᵀ.
func (f *form) affine(set []int) []float64 {
	n := len(set)
	l, v := make([]float64, n*n), make([]float64, n)
	for i := range n {
		v[i] = 1
		for j := 0; j <= i; j++ {
			s := f.at(set[i], set[j])
			for k := range j {
				s -= float64(l[i*n+k] * l[j*n+k])
			}
			if i == j {
				l[i*n+i] = math.Sqrt(max(s, leastRidge*leastRidge))
				continue
			}
			l[i*n+j] = s / l[j*n+j]
			v[i] -= float64(l[i*n+j] * v[j])
		}
		v[i] /= l[i*n+i]
	}
	sum := 0.0
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			v[i] -= float64(l[k*n+i] * v[k])
		}
		v[i] /= l[i*n+i]
		sum += v[i]
	}
	for i := range v {
		v[i] /= sum
	}
	return v
}
