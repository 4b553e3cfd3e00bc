package metric

// fenwick holds one sum for each risk rank and gives prefix sums in O(log n)
// (Fenwick 1994, Softw Pract Exp 24:327). Entry 0 is unused.
type fenwick []float64

func (f fenwick) add(rank int, v float64) {
	for i := rank + 1; i < len(f); i += i & -i {
		f[i] += v
	}
}

// below is the sum over ranks < rank.
func (f fenwick) below(rank int) float64 {
	sum := 0.0
	for i := rank; i > 0; i &= i - 1 {
		sum += f[i]
	}
	return sum
}
