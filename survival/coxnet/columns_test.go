package coxnet

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/linear"
)

// mixed is a matrix with two factors of dummies, numeric columns, a constant, a flag that most
// rows have, a column with two values that are not 0 and 1, and three hundred sparse flags.
func mixed(t *testing.T, n int) *linear.Matrix {
	t.Helper()
	x := &survival.Design{Rows: n}
	rows := make([]int, n)
	add := func(value func(i int) float64) {
		v := make([]float64, n)
		for i := range v {
			rows[i], v[i] = i, value(i)
		}
		x.Columns = append(x.Columns, survival.Column{Name: fmt.Sprint(len(x.Columns)), Values: v})
	}
	is := func(yes bool) float64 {
		if yes {
			return 1
		}
		return 0
	}
	add(func(i int) float64 { return math.Sin(float64(i * i)) })
	for level := 1; level < 4; level++ {
		add(func(i int) float64 { return is(i%4 == level) })
		add(func(i int) float64 { return is(i/3%7 == level) })
	}
	add(func(int) float64 { return 5 })
	add(func(i int) float64 { return is(i%11 != 3) })
	add(func(i int) float64 { return 3 - 8*is(i%13 > 5) })
	add(func(i int) float64 { return math.Cos(float64(i)) })
	for flag := range 300 {
		add(func(i int) float64 { return is(i == flag) })
	}
	m, err := linear.NewMatrix(x, rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Products with columns are those with the matrix, whatever is bundled, from any row on; the
// dummies of a factor share a byte, and a byte names at most 255 columns.
func TestColumnsEqualMatrix(t *testing.T) {
	const n = 701
	m := mixed(t, n)
	c := newColumns(m)
	if !slices.Equal(c.plainAt, []int{0, 7, 10}) {
		t.Errorf("plain columns %v", c.plainAt)
	}
	if !slices.Equal(c.bundles[0].at[:3], []int{1, 3, 5}) || !slices.Equal(c.bundles[1].at[:3], []int{2, 4, 6}) {
		t.Errorf("bundles %v, %v", c.bundles[0].at, c.bundles[1].at)
	}
	for _, b := range c.bundles {
		if len(b.at) > 255 {
			t.Errorf("a bundle of %d columns", len(b.at))
		}
	}
	gamma, v := make([]float64, m.P), make([]float64, n)
	for j := range gamma {
		gamma[j] = math.Sin(float64(3 * j))
	}
	for i := range v {
		v[i] = math.Cos(float64(5 * i))
	}
	want, got := make([]float64, n), make([]float64, n)
	m.Product(want, gamma)
	product := c.product(gamma)
	product.rows(got[:300], 0)
	product.rows(got[300:], 300)
	for i := range want {
		within(t, fmt.Sprintf("η of row %d", i), got[i], want[i], 1e-11)
	}
	wantBack, gotBack, sums := make([]float64, m.P), make([]float64, m.P), make([]float64, c.sums())
	m.AddTransposed(wantBack, v)
	c.addRows(sums, 0, v[:301])
	c.addRows(sums, 301, v[301:])
	c.gather(gotBack, sums)
	for j := range wantBack {
		within(t, fmt.Sprintf("Xᵀv of column %d", j), gotBack[j], wantBack[j], 1e-10)
	}
}

// A matrix without two-valued columns, or without rows or columns, is left as it is.
func TestColumnsPlain(t *testing.T) {
	m := &linear.Matrix{Columns: linear.Columns{N: 3, P: 1}, X: []float64{1, 2, 3}}
	if c := newColumns(m); c.plain != m || len(c.bundles) != 0 {
		t.Errorf("%+v", c)
	}
	for _, m := range []*linear.Matrix{{Columns: linear.Columns{N: 3}}, {Columns: linear.Columns{P: 2}}} {
		if c := newColumns(m); len(c.bundles) != 0 || c.plain != m {
			t.Errorf("%+v", c)
		}
	}
}

// The prediction from five optima of a polynomial of log α of degree four is exact; signs
// that change end the history and forbid the prediction.
func TestHistory(t *testing.T) {
	curve := func(alpha float64) []float64 {
		l := math.Log(alpha)
		return []float64{3 + l - l*l/3 + l*l*l*l/50, 0, -2 + l/4}
	}
	var h history
	for k, alpha := range []float64{1, 0.9, 0.85, 0.7, 0.65, 0.6} {
		if got := h.predict(alpha); (got == nil) != (k < 3) {
			t.Errorf("%d optima predict %v", k, got)
		} else if k >= 5 {
			within(t, "prediction", got[0], curve(alpha)[0], 1e-12)
			within(t, "prediction", got[1], 0, 0)
			within(t, "prediction", got[2], curve(alpha)[2], 1e-12)
		}
		h.add(alpha, curve(alpha))
	}
	if len(h.at) != historyPoints {
		t.Errorf("%d optima are kept", len(h.at))
	}
	if got := h.predict(math.Exp(8.5)); got != nil {
		t.Errorf("across a sign change %v", got)
	}
	if got := h.predict(0); got != nil {
		t.Errorf("at α = 0 %v", got)
	}
	h.add(0.5, []float64{1, 1, -1})
	if len(h.at) != 1 {
		t.Errorf("after another column has entered, %d optima are kept", len(h.at))
	}
}
