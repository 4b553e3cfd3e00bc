package linear

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

// mixed is n rows of three many-valued and five two-valued columns, some of which exclude
// each other, with one constant column and one all but constant.
func mixed(n int) *survival.Design {
	of := func(f func(i int) float64) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = f(i)
		}
		return v
	}
	is := func(yes bool) float64 {
		if yes {
			return 3
		}
		return 1
	}
	return design(
		of(func(i int) float64 { return math.Sin(float64(i)) }),
		of(func(i int) float64 { return is(i%7 == 1) }),
		of(func(i int) float64 { return float64(i * 37 % 101) }),
		of(func(i int) float64 { return is(i%7 != 2) }),
		of(func(int) float64 { return 4 }),
		of(func(i int) float64 { return -is(i%3 == 0) }),
		of(func(i int) float64 { return is(i == 5) }),
		of(func(i int) float64 { return math.Exp(math.Cos(float64(i))) }),
		of(func(i int) float64 { return is(i%5 == 0) }))
}

func reversed(n int) []int {
	order := sequence(n)
	slices.Reverse(order)
	return order
}

// Whatever is two-valued, all sums are those of the matrix by row, on one thread to the bit
// as on eight.
func TestCompactEqualsMatrix(t *testing.T) {
	for _, n := range []int{1, 40, 70, 3000, 40_000} {
		x := mixed(n)
		m, err := NewCompact(x, reversed(n), 3)
		if err != nil {
			t.Fatal(err)
		}
		want, err := NewMatrix(x, reversed(n))
		if err != nil {
			t.Fatal(err)
		}
		if (m.code != nil) != (n >= 70) {
			t.Fatalf("%d rows: %d patterns", n, len(m.members))
		}
		w, gamma := make([]float64, n), make([]float64, m.P)
		for i := range w {
			w[i] = math.Sin(float64(3 * i))
		}
		for j := range gamma {
			gamma[j] = float64(j) - 2.5
			near(t, "mean", m.Mean[j], want.Mean[j], 1e-12)
			near(t, "scale", m.Scale[j], want.Scale[j], 1e-12*want.Scale[j])
			near(t, "range", m.Range[j], want.Range[j], 1e-10*want.Range[j])
		}
		size := math.Sqrt(float64(n))
		one, eight := compactSums(t, m, w, gamma, 1), compactSums(t, m, w, gamma, 8)
		if !slices.Equal(one, eight) {
			t.Errorf("%d rows: bits depend on threads", n)
		}
		for i, v := range matrixSums(t, want, w, gamma) {
			near(t, "sum", one[i], v, 1e-12*size*(1+math.Abs(v)))
		}
		by := m.Expand()
		for i, v := range want.X {
			near(t, "element", by.X[i], v, 1e-11*(1+math.Abs(v)))
		}
	}
}

// compactSums are X·gamma, Xᵀw and Xᵀdiag(w)X.
func compactSums(t *testing.T, m *Compact, w, gamma []float64, threads int) []float64 {
	t.Helper()
	eta, back := make([]float64, m.N), make([]float64, m.P)
	m.Product(eta, gamma, threads)
	m.AddTransposed(back, w, threads)
	inner, h := make([]float64, m.P*m.P), make([]float64, m.P*m.P)
	if err := m.Gram(context.Background(), inner, w, threads); err != nil {
		t.Fatal(err)
	}
	sums, total := m.Sums(w, threads)
	m.Square(h, inner, sums, total)
	return append(append(eta, back...), h...)
}

func matrixSums(t *testing.T, m *Matrix, w, gamma []float64) []float64 {
	t.Helper()
	eta, back := make([]float64, m.N), make([]float64, m.P)
	m.Product(eta, gamma)
	m.AddTransposed(back, w)
	h := make([]float64, m.P*m.P)
	if err := RankUpdate(context.Background(), h, Weighted{P: m.P, X: m.X, W: w}, 1); err != nil {
		t.Fatal(err)
	}
	return append(append(eta, back...), h...)
}

// Some rows' sum, kept in inner order, is that of the rows' elements.
func TestCompactAddRows(t *testing.T) {
	const n = 400
	m, err := NewCompact(mixed(n), sequence(n), 1)
	if err != nil {
		t.Fatal(err)
	}
	v, inner, got := []float64{2, -1, 0.5, 3, 1}, make([]float64, m.P), make([]float64, m.P)
	m.AddRows(inner, 97, v)
	total, want := 0.0, make([]float64, m.P)
	by := m.Expand()
	for r, x := range v {
		total += x
		for j, z := range by.Row(97 + r) {
			want[j] += x * z
		}
	}
	m.Vector(got, inner, total)
	for j := range want {
		near(t, m.Names[j], got[j], want[j], 1e-12)
	}
}

// Too many patterns, or columns, are left dense; nothing else changes.
func TestCompactLimits(t *testing.T) {
	const n = 4096
	columns := make([][]float64, 9)
	for j := range columns {
		columns[j] = make([]float64, n)
		for i := range n {
			columns[j][i] = float64(i >> j & 1)
		}
	}
	m, err := NewCompact(design(columns...), sequence(n), 1)
	if err != nil || len(m.members) != n/patternRows || m.dense.P != 2 {
		t.Fatalf("%v: %d patterns, %d dense columns", err, len(m.members), m.dense.P)
	}
	for len(columns) <= compactColumns {
		columns = append(columns, columns[0])
	}
	if m, err = NewCompact(design(columns...), sequence(n), 1); err != nil || m.code != nil || m.dense.P != len(columns) {
		t.Errorf("%v: %d columns, %d dense", err, len(columns), m.dense.P)
	}
	near(t, "Gram of many columns", compactSums(t, m, columns[0], make([]float64, m.P), 2)[n+m.P], n/2, 1e-9)
}

// The first column with a value that is not finite is named, with its row.
func TestCompactRefuses(t *testing.T) {
	x := design([]float64{1, 2, 3}, []float64{1, math.NaN(), 2}, []float64{math.Inf(1), 0, 0})
	var data *survival.DataError
	if _, err := NewCompact(x, sequence(3), 8); !errors.As(err, &data) || data.Row != 1 || data.Column != "b" {
		t.Errorf("error %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a list that is no permutation was taken")
		}
	}()
	_, _ = NewCompact(x, []int{0}, 1)
}

// The context ends a sum over rows.
func TestGramCancelled(t *testing.T) {
	m, err := NewCompact(mixed(100), sequence(100), 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.Gram(ctx, make([]float64, m.P*m.P), make([]float64, 100), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A sample is every sixteenth row, where that leaves enough of them.
func TestSample(t *testing.T) {
	if Sample(sequence(16*sampleRows-1), 1) != nil || Sample(sequence(16*sampleRows), sampleRows/sampleRowsPerColumn+1) != nil {
		t.Error("a sample that is too small was taken")
	}
	if s := Sample(sequence(16*sampleRows), 16); len(s) != sampleRows || s[0] != 8 || s[1] != 24 {
		t.Errorf("sample of %d: %v…", len(s), s[:2])
	}
}
