package tree

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

// Up to 255 distinct values are codes of their own; more become quantile bins, or stay
// under Exact. Codes say which values they stand for; missing values are apart.
func TestQuantise(t *testing.T) {
	f := quantise([]float64{3, 1, math.NaN(), 3, 2}, Quantiles)
	if !slices.Equal(f.low, []float64{1, 2, 3}) || !slices.Equal(f.codes, []uint32{2, 0, gap, 2, 1}) || !f.gaps {
		t.Errorf("%+v", f)
	}
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64((i * 7) % 1000)
	}
	f = quantise(values, Quantiles)
	if len(f.low) != 255 || f.low[0] != 0 || f.high[254] != 999 {
		t.Errorf("%d bins from %g to %g", len(f.low), f.low[0], f.high[len(f.high)-1])
	}
	for i, v := range values {
		if c := f.codes[i]; v < f.low[c] || v > f.high[c] {
			t.Fatalf("%g is in bin %d, %g to %g", v, c, f.low[c], f.high[c])
		}
	}
	if f = quantise(values, Exact); len(f.low) != 1000 {
		t.Errorf("%d codes under Exact", len(f.low))
	}
	if f = quantise([]float64{math.NaN()}, Exact); len(f.low) != 0 || f.codes[0] != gap {
		t.Errorf("nothing but gaps: %+v", f)
	}
}

// A threshold lies between its two values, however close or far apart.
func TestBetween(t *testing.T) {
	for _, c := range [][3]float64{
		{1, 2, 1.5}, {1, math.Nextafter(1, 2), 1}, {-math.MaxFloat64, math.MaxFloat64, 0}, {0, 5e-324, 0},
	} {
		f := feature{low: []float64{c[0], c[1]}, high: []float64{c[0], c[1]}}
		if got := f.between(0, 1); got != c[2] || got < c[0] || got >= c[1] {
			t.Errorf("between %g and %g: %g", c[0], c[1], got)
		}
	}
}

func columnOf(name string, values ...float64) survival.Column {
	return survival.Column{Name: name, Term: name, Values: values}
}

// Dummies of one factor share a stored column, an indicator shares that of its imputed
// column; what overlaps does not. Only values count, not terms.
func TestColumnsAreShared(t *testing.T) {
	x := &survival.Design{Rows: 8, Columns: []survival.Column{
		columnOf("f=a", 1, 1, 0, 0, 0, 0, 0, 0), columnOf("f=b", 0, 0, 1, 1, 0, 0, 0, 0),
		columnOf("f=c", 0, 0, 1, 0, 1, 1, 0, 0), // overlaps b
		columnOf("n_missing", 0, 0, 0, 1, 1, 0, 0, 1), columnOf("n", 1, 2, 3, 5, 5, 4, 6, 5),
		columnOf("m", 1, 2, 3, 4, 5, 6, 7, 8), columnOf("m_missing", 1, 1, 1, 1, 0, 0, 0, 0), // not one value where it is 1
		columnOf("g", 1, math.NaN(), 2, 2, 3, 4, 5, 6), columnOf("lone", 0, 1, 0, 1, 0, 1, 0, 1),
	}}
	m, err := NewMatrix(context.Background(), x, ascending(8), Quantiles, 2)
	if err != nil {
		t.Fatal(err)
	}
	names := func(k int) (list []string) {
		for j := range x.Columns {
			if m.columns[k].numeric == j || m.columns[k].indicator == j || slices.Contains(m.columns[k].classes, j) {
				list = append(list, x.Columns[j].Name)
			}
		}
		return list
	}
	want := [][]string{{"n_missing", "n"}, {"m"}, {"g"}, {"f=a", "f=b"}, {"f=c"}, {"m_missing"}, {"lone"}}
	if len(m.columns) != len(want) {
		t.Fatalf("%d stored columns, want %d", len(m.columns), len(want))
	}
	for k := range want {
		if got := names(k); !slices.Equal(got, want[k]) {
			t.Errorf("column %d holds %q, want %q", k, got, want[k])
		}
	}
	if g := m.columns[2]; !g.extra || g.home != -1 {
		t.Errorf("the column with a gap is %+v", g)
	}
	if m.Rows() != 8 {
		t.Errorf("%d rows", m.Rows())
	}
}

// Infinite values are refused by row and column; a column of another length panics.
func TestMatrixRefuses(t *testing.T) {
	var bad *survival.DataError
	x := &survival.Design{Rows: 2, Columns: []survival.Column{columnOf("a", 1, math.Inf(-1))}}
	if _, err := NewMatrix(context.Background(), x, ascending(2), Exact, 2); !errors.As(err, &bad) || bad.Row != 1 || bad.Column != "a" {
		t.Errorf("infinite value: %v", err)
	}
	mustPanic(t, func() {
		_, _ = NewMatrix(context.Background(), &survival.Design{Rows: 3, Columns: x.Columns}, ascending(3), Exact, 2)
	})
}

func mustPanic(t *testing.T, call func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	call()
}

// code is the last code whose smallest value does not exceed v.
func (f *feature) code(v float64) uint32 {
	code := 0
	for code+1 < len(f.low) && v >= f.low[code+1] {
		code++
	}
	return uint32(code)
}
