package linear

import (
	"context"
	"math"
	"sync"

	"everfold/survival"
)

// chunk is how many multiplications run between two looks at the context.
const chunk = 1 << 26

// parallel is the number of multiplications from which goroutines pay.
const parallel = 1 << 20

// Weighted is a block of rows x_r = X[r·P : (r+1)·P] with a weight each, of any sign.
type Weighted struct {
	P    int
	X, W []float64
}

// RankUpdate adds Σ_r w_r x_r x_rᵀ to the upper triangle of the P×P matrix h (row-major).
// It runs on at most threads goroutines (0 means 1), each of which owns rows of h: every
// element is summed over r in order, so the bits do not depend on threads. The error is
// that of survival.Check.
func RankUpdate(ctx context.Context, h []float64, rows Weighted, threads int) error {
	n, p := len(rows.W), rows.P
	if n*p*p < parallel {
		threads = 1
	}
	bounds := triangleShares(p, max(1, threads))
	step := max(4, chunk/(p*p+1)&^3)
	for start := 0; start < n; start += step {
		if err := survival.Check(ctx, float64(start), float64(n)); err != nil {
			return err
		}
		end := min(start+step, n)
		part := Weighted{P: p, X: rows.X[start*p : end*p], W: rows.W[start:end]}
		var others sync.WaitGroup
		for t := 1; t+1 < len(bounds); t++ {
			others.Go(func() { part.addTo(h, bounds[t], bounds[t+1]) })
		}
		part.addTo(h, bounds[0], bounds[1])
		others.Wait()
	}
	return nil
}

// triangleShares cuts the rows of an upper triangle into shares of about equal area:
// share t is bounds[t] ≤ i < bounds[t+1].
func triangleShares(p, shares int) []int {
	bounds := make([]int, shares+1)
	for t := range bounds {
		left := float64(shares-t) / float64(shares) // of the area
		bounds[t] = p - int(math.Round(float64(p)*math.Sqrt(left)))
	}
	return bounds
}

// addTo adds the block's products to rows from ≤ i < to of h. Four rows of the block go
// through at once: each element of h is then loaded and stored once for four products.
func (b Weighted) addTo(h []float64, from, to int) {
	p, x, w := b.P, b.X, b.W
	for len(w) >= 4 {
		r0, r1, r2, r3 := x[:p], x[p:2*p], x[2*p:3*p], x[3*p:4*p]
		for i := from; i < to; i++ {
			w0, w1, w2, w3 := w[0]*r0[i], w[1]*r1[i], w[2]*r2[i], w[3]*r3[i]
			row := h[i*p+i : (i+1)*p]
			a, b, c, d := r0[i:], r1[i:], r2[i:], r3[i:]
			a, b, c, d = a[:len(row)], b[:len(row)], c[:len(row)], d[:len(row)]
			for j := range row {
				row[j] += (float64(w0*a[j]) + float64(w1*b[j])) + (float64(w2*c[j]) + float64(w3*d[j]))
			}
		}
		x, w = x[4*p:], w[4:]
	}
	for r, v := range w {
		a := x[r*p : (r+1)*p]
		for i := from; i < to; i++ {
			wa := v * a[i]
			row := h[i*p+i : (i+1)*p]
			for j, z := range a[i:] {
				row[j] += float64(wa * z)
			}
		}
	}
}
