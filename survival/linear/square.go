package linear

import "math"

// squarePanel is how many pivots are found before the columns beyond them follow, which are then
// loaded and stored once for all of these.
const squarePanel = 4

// SolveSquare replaces b by A⁻¹b, A square, row-major and overwritten: by Gauss, rows exchanged for
// the largest pivots. ok is false where A is singular; then b is of no use.
func SolveSquare(a, b []float64) (ok bool) {
	s := square{n: len(b), a: a, b: b}
	for first := 0; first < s.n; first += squarePanel {
		last := min(first+squarePanel, s.n)
		for k := first; k < last; k++ {
			if !s.pivot(k, last) {
				return false
			}
		}
		s.follow(first, last)
	}
	for k := s.n - 1; k >= 0; k-- {
		sum := b[k]
		for j, v := range s.row(k)[k+1:] {
			sum -= float64(v * b[k+1+j])
		}
		b[k] = sum / s.row(k)[k]
	}
	return true
}

// square is a matrix on its way to an upper triangle; below that are the factors by which rows
// were taken off.
type square struct {
	n    int
	a, b []float64
}

func (s square) row(i int) []float64 { return s.a[i*s.n : (i+1)*s.n] }

// pivot brings the largest element of column k to its place, and takes that row off those below
// in the columns before last; false where there is none.
func (s square) pivot(k, last int) bool {
	best, largest := k, 0.0
	for i := k; i < s.n; i++ {
		if v := math.Abs(s.a[i*s.n+k]); v > largest {
			best, largest = i, v
		}
	}
	if !(largest > 0) || math.IsInf(largest, 0) {
		return false
	}
	top := s.row(k)
	if best != k {
		other := s.row(best)
		for j, v := range top {
			top[j], other[j] = other[j], v
		}
		s.b[k], s.b[best] = s.b[best], s.b[k]
	}
	for i := k + 1; i < s.n; i++ {
		row := s.row(i)
		f := row[k] / top[k]
		row[k] = f
		for j := k + 1; j < last; j++ {
			row[j] -= float64(f * top[j])
		}
		s.b[i] -= float64(f * s.b[k])
	}
	return true
}

// follow takes the pivot rows first ≤ k < last off the rows below each in the columns from last on.
func (s square) follow(first, last int) {
	for i := first + 1; i < s.n; i++ {
		row, to := s.row(i), min(i, last)
		rest := row[last:]
		if to-first < squarePanel {
			for k := first; k < to; k++ {
				f := row[k]
				for j, v := range s.row(k)[last:] {
					rest[j] -= float64(f * v)
				}
			}
			continue
		}
		f, g, h, l := row[first], row[first+1], row[first+2], row[first+3]
		a, b, c, d := s.row(first)[last:], s.row(first + 1)[last:], s.row(first + 2)[last:], s.row(first + 3)[last:]
		a, b, c, d = a[:len(rest)], b[:len(rest)], c[:len(rest)], d[:len(rest)]
		for j, v := range rest {
			v -= float64(f * a[j])
			v -= float64(g * b[j])
			v -= float64(h * c[j])
			v -= float64(l * d[j])
			rest[j] = v
		}
	}
}
