package linear

import (
	"context"

	"everfold/survival"
)

// chunk is how many multiplications run between two looks at the context.
const chunk = 1 << 26

// RankUpdate adds Σ_r w_r x_r x_rᵀ to the upper triangle of the p×p matrix h (row-major),
// where x_r is x[r·p : (r+1)·p]. Four rows go through the triangle at once: each element
// of h is then loaded and stored once for four products, which on one core runs at
// about the speed of the multiplier.
func RankUpdate(ctx context.Context, h []float64, p int, x, w []float64) error {
	n := len(w)
	step := max(4, chunk/(p*p+1)&^3)
	for start := 0; start < n; start += step {
		if err := survival.Check(ctx, float64(start), float64(n)); err != nil {
			return err
		}
		end := min(start+step, n)
		rankUpdate(h, p, x[start*p:end*p], w[start:end])
	}
	return nil
}

func rankUpdate(h []float64, p int, x, w []float64) {
	for len(w) >= 4 {
		a, b, c, d := x[:p], x[p:2*p], x[2*p:3*p], x[3*p:4*p]
		for i := range p {
			wa, wb, wc, wd := w[0]*a[i], w[1]*b[i], w[2]*c[i], w[3]*d[i]
			row := h[i*p+i : (i+1)*p]
			aj, bj, cj, dj := a[i:], b[i:], c[i:], d[i:]
			aj, bj, cj, dj = aj[:len(row)], bj[:len(row)], cj[:len(row)], dj[:len(row)]
			for j := range row {
				row[j] += (float64(wa*aj[j]) + float64(wb*bj[j])) + (float64(wc*cj[j]) + float64(wd*dj[j]))
			}
		}
		x, w = x[4*p:], w[4:]
	}
	for r, v := range w {
		a := x[r*p : (r+1)*p]
		for i := range p {
			wa := v * a[i]
			row := h[i*p+i : (i+1)*p]
			for j, z := range a[i:] {
				row[j] += float64(wa * z)
			}
		}
	}
}
