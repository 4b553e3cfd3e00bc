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

// AddTo adds Σ_r w_r x_r x_rᵀ to the upper triangle of the P×P matrix h.
func (b Weighted) AddTo(h []float64) { b.addTo(h, 0, b.P) }

// addTo adds the block's products to rows from ≤ i < to of h. Four rows of the block and
// two of h go through at once: each element of h is then loaded and stored once for four
// products, and each element of the block read once for two.
func (b Weighted) addTo(h []float64, from, to int) {
	p, x, w := b.P, b.X, b.W
	for len(w) >= 4 {
		q := quad{x[:p], x[p : 2*p], x[2*p : 3*p], x[3*p : 4*p], w[:4:4]}
		i := from
		for ; i+1 < to; i += 2 {
			q.addRows(h[i*p+i:(i+1)*p], h[(i+1)*p+i+1:(i+2)*p], i)
		}
		if i < to {
			q.addRow(h[i*p+i:(i+1)*p], i)
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

// quad is four rows of a block and their weights.
type quad struct{ r0, r1, r2, r3, w []float64 }

// addRow adds the products of column i with columns j ≥ i to row, that part of row i of h.
func (q *quad) addRow(row []float64, i int) {
	a, b, c, d := q.r0[i:], q.r1[i:], q.r2[i:], q.r3[i:]
	a, b, c, d = a[:len(row)], b[:len(row)], c[:len(row)], d[:len(row)]
	u0, u1, u2, u3 := q.w[0]*a[0], q.w[1]*b[0], q.w[2]*c[0], q.w[3]*d[0]
	for j := range row {
		row[j] += (float64(u0*a[j]) + float64(u1*b[j])) + (float64(u2*c[j]) + float64(u3*d[j]))
	}
}

// addRows is addRow for rows i and i+1 of h, with the same sums.
func (q *quad) addRows(upper, lower []float64, i int) {
	a, b, c, d := q.r0[i:], q.r1[i:], q.r2[i:], q.r3[i:]
	u0, u1, u2, u3 := q.w[0]*a[0], q.w[1]*b[0], q.w[2]*c[0], q.w[3]*d[0]
	upper[0] += (float64(u0*a[0]) + float64(u1*b[0])) + (float64(u2*c[0]) + float64(u3*d[0]))
	n := len(lower)
	a, b, c, d, upper = a[1:][:n], b[1:][:n], c[1:][:n], d[1:][:n], upper[1:][:n]
	v0, v1, v2, v3 := q.w[0]*a[0], q.w[1]*b[0], q.w[2]*c[0], q.w[3]*d[0]
	for j := range lower {
		aj, bj, cj, dj := a[j], b[j], c[j], d[j]
		upper[j] += (float64(u0*aj) + float64(u1*bj)) + (float64(u2*cj) + float64(u3*dj))
		lower[j] += (float64(v0*aj) + float64(v1*bj)) + (float64(v2*cj) + float64(v3*dj))
	}
}
