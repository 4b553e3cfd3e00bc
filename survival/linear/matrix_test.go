package linear

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

func design(columns ...[]float64) *survival.Design {
	x := &survival.Design{Rows: len(columns[0])}
	for j, v := range columns {
		x.Columns = append(x.Columns, survival.Column{Name: string(rune('a' + j)), Values: v})
	}
	return x
}

func sequence(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.15g, want %.15g within %.1g", what, got, want, tol)
	}
}

// Columns are centred and scaled over the given rows, in the given order, whatever their
// unit; one value in all rows is constant.
func TestNewMatrix(t *testing.T) {
	x := design([]float64{9, 1, 3, 1, 3}, []float64{1, 4, 4, 4, 4}, []float64{0, 1e300, 3e300, 1e300, 3e300}, []float64{0, 1e-300, 3e-300, 1e-300, 3e-300})
	m, err := NewMatrix(x, []int{4, 3, 2, 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range []int{0, 2, 3} {
		for r, want := range []float64{1, -1, 1, -1} {
			near(t, m.Names[j], m.Row(r)[j], want, 1e-14)
		}
		near(t, "range", m.Range[j], 2, 1e-14)
	}
	near(t, "mean", m.Mean[0], 2, 0)
	near(t, "scale", m.Scale[0], 1, 1e-15)
	if !m.Constant[1] || m.Constant[0] || m.Row(0)[1] != 0 || m.Mean[1] != 4 || m.Scale[1] != 1 {
		t.Errorf("constant column: %v, mean %v, scale %v", m.Constant, m.Mean, m.Scale)
	}
}

// A value that is not finite is named by row and column; rows left out are not looked at.
func TestNewMatrixRefuses(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x := design([]float64{1, 2, 3}, []float64{1, 2, bad})
		var data *survival.DataError
		if _, err := NewMatrix(x, sequence(3)); !errors.As(err, &data) || data.Row != 2 || data.Column != "b" {
			t.Errorf("%g: %v", bad, err)
		}
		if _, err := NewMatrix(x, sequence(2)); err != nil {
			t.Errorf("%g in a row left out: %v", bad, err)
		}
	}
}

// Products and the rank-n update equal the definitions, whatever the number of rows
// modulo the kernel's four.
func TestKernels(t *testing.T) {
	for n := range 13 {
		const p = 5
		m := &Matrix{Columns: Columns{N: n, P: p}, X: make([]float64, n*p)}
		for i := range m.X {
			m.X[i] = float64(i*7%11 - 5)
		}
		w, gamma := make([]float64, n), []float64{1, -2, 3, 0, 2}
		for r := range w {
			w[r] = float64(r - 4)
		}
		h, eta, back := make([]float64, p*p), make([]float64, n), make([]float64, p)
		if err := RankUpdate(context.Background(), h, Weighted{P: p, X: m.X, W: w}, 0); err != nil {
			t.Fatal(err)
		}
		m.Product(eta, gamma)
		m.AddTransposed(back, w)
		for i := range p {
			column := 0.0
			for r := range n {
				column += w[r] * m.Row(r)[i]
			}
			near(t, "Xᵀw", back[i], column, 0)
			for j := i; j < p; j++ {
				want := 0.0
				for r := range n {
					want += w[r] * m.Row(r)[i] * m.Row(r)[j]
				}
				near(t, "XᵀWX", h[i*p+j], want, 0)
			}
		}
		for r := range n {
			want := 0.0
			for j, g := range gamma {
				want += g * m.Row(r)[j]
			}
			near(t, "Xγ", eta[r], want, 0)
		}
	}
}

// The update has the same bits on any number of goroutines, more than rows of h included;
// the shares cover the triangle.
func TestRankUpdateThreads(t *testing.T) {
	const n, p = 3001, 20
	rows := Weighted{P: p, X: make([]float64, n*p), W: make([]float64, n)}
	for i := range rows.X {
		rows.X[i] = math.Sin(float64(i))
	}
	for r := range rows.W {
		rows.W[r] = math.Cos(float64(r))
	}
	var first []float64
	for threads := range 25 {
		h := make([]float64, p*p)
		if err := RankUpdate(context.Background(), h, rows, threads); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = h
		}
		if !slices.Equal(h, first) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
	if first[0] == 0 || first[p*p-1] == 0 {
		t.Error("the triangle is not covered")
	}
}

// The rank-n update stops when the context does.
func TestRankUpdateStops(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if err := RankUpdate(ctx, make([]float64, 1), Weighted{P: 1, X: make([]float64, 9), W: make([]float64, 9)}, 1); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// Predictions match columns by name and refuse what fits do.
func TestPredictor(t *testing.T) {
	p := Predictor{Names: []string{"b", "a"}, Center: []float64{1, 2}, Beta: []float64{10, -1}}
	dst, ctx := make([]float64, 2), context.Background()
	if err := p.Eta(ctx, design([]float64{2, 5}, []float64{1, 3}), dst); err != nil || dst[0] != 0 || dst[1] != 17 {
		t.Errorf("η %v, %v", dst, err)
	}
	var missing *survival.ColumnError
	if err := p.Eta(ctx, design([]float64{2, 5}), dst); !errors.As(err, &missing) || missing.Column != "b" {
		t.Errorf("missing column: %v", err)
	}
	var data *survival.DataError
	if err := p.Eta(ctx, design([]float64{2, math.NaN()}, []float64{1, 3}), dst); !errors.As(err, &data) || data.Row != 1 {
		t.Errorf("missing value: %v", err)
	}
	if !p.Valid() || (Predictor{Names: []string{"a"}}).Valid() {
		t.Error("validity is wrong")
	}
	defer func() {
		if recover() == nil {
			t.Error("lengths differ: no panic")
		}
	}()
	_ = p.Eta(ctx, design([]float64{2, 5}), nil)
}
