package oblique

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// byHand is a tree over two columns: x₀ + 2x₁ ≤ 1 goes to leaf 0; of the others −x₁ ≤ −3 to
// leaf 1 and the rest to leaf 2. Missing values count as 0 and 4.
func byHand() *obliqueTree {
	t := &obliqueTree{fill: []float64{0, 4}}
	t.split(t.add(), combination{column: []int32{0, 1}, coef: []float32{1, 2}, cut: 1})
	t.add()
	t.leaves++
	t.right[0] = 2
	t.split(t.add(), combination{column: []int32{1}, coef: []float32{-1}, cut: -3})
	t.add()
	t.leaves++
	t.right[2] = 4
	t.add()
	t.leaves++
	return t
}

// Rows go left where the combination is at most the cut; fill values stand for missing ones.
func TestLeaf(t *testing.T) {
	gap := math.NaN()
	for _, c := range []struct {
		row  []float64
		want int
	}{{[]float64{1, 0}, 0}, {[]float64{1.1, 0}, 2}, {[]float64{9, 3}, 1}, {[]float64{9, 2.9}, 2}, {[]float64{gap, 0.5}, 0}, {[]float64{0, gap}, 1}, {[]float64{-9, gap}, 0}} {
		if got := int(byHand().leaf(c.row)); got != c.want {
			t.Errorf("row %v is in leaf %d, want %d", c.row, got, c.want)
		}
	}
}

// A tree is read as it was written.
func TestTreeRoundTrip(t *testing.T) {
	w := modelfile.NewWriter("t", 1)
	byHand().Write(w)
	file := w.Bytes()
	r, err := modelfile.Open(file, "t", 1)
	if err != nil {
		t.Fatal(err)
	}
	back := readTree(r, 2)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := modelfile.NewWriter("t", 1)
	back.Write(again)
	if !bytes.Equal(file, again.Bytes()) || back.leaves != 3 || back.leaf([]float64{9, 3}) != 1 {
		t.Errorf("read as %+v", back)
	}
}

// fields is a tree in a model file, good or not.
type fields struct {
	terms   []int32
	cuts    []float64
	columns []int32
	coef    []float32
	fill    []float64
}

func (f fields) Write(w *modelfile.Writer) {
	w.Int32s(f.terms)
	w.Floats(f.cuts)
	w.Int32s(f.columns)
	w.Float32s(f.coef)
	w.Floats(f.fill)
}

// read reads them back as a tree over two columns.
func (f fields) read() (*obliqueTree, error) {
	w := modelfile.NewWriter("t", 1)
	f.Write(w)
	r, err := modelfile.Open(w.Bytes(), "t", 1)
	if err != nil {
		return nil, err
	}
	return readTree(r, 2), r.Close()
}

// Fields that make no tree are refused behind a good digest too.
func TestReadRefuses(t *testing.T) {
	type ints = []int32
	type floats = []float64
	gap := math.NaN()
	if _, err := (fields{ints{1, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0, 0}}).read(); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	for name, f := range map[string]fields{
		"no nodes":        {nil, nil, nil, nil, floats{0, 0}},
		"no leaf":         {ints{1}, floats{1}, ints{1}, []float32{1}, floats{0, 0}},
		"one leaf":        {ints{1, 0}, floats{1}, ints{1}, []float32{1}, floats{0, 0}},
		"too many leaves": {ints{1, 0, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0, 0}},
		"negative terms":  {ints{-1, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0, 0}},
		"too many terms":  {ints{2, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0, 0}},
		"too few terms":   {ints{1, 0, 0}, floats{1}, ints{1, 0}, []float32{1, 1}, floats{0, 0}},
		"no cut":          {ints{1, 0, 0}, nil, ints{1}, []float32{1}, floats{0, 0}},
		"two cuts":        {ints{1, 0, 0}, floats{1, 1}, ints{1}, []float32{1}, floats{0, 0}},
		"no coefficient":  {ints{1, 0, 0}, floats{1}, ints{1}, nil, floats{0, 0}},
		"no such column":  {ints{1, 0, 0}, floats{1}, ints{2}, []float32{1}, floats{0, 0}},
		"negative column": {ints{1, 0, 0}, floats{1}, ints{-1}, []float32{1}, floats{0, 0}},
		"NaN cut":         {ints{1, 0, 0}, floats{gap}, ints{1}, []float32{1}, floats{0, 0}},
		"NaN coefficient": {ints{1, 0, 0}, floats{1}, ints{1}, []float32{float32(gap)}, floats{0, 0}},
		"infinite fill":   {ints{1, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0, math.Inf(1)}},
		"fill of one":     {ints{1, 0, 0}, floats{1}, ints{1}, []float32{1}, floats{0}},
	} {
		if back, err := f.read(); back != nil || !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever the bytes behind a good digest, Decode fails as ErrBadModelFile or gives a model
// that writes the same bytes and predicts.
func FuzzDecode(f *testing.F) {
	x, y := example()
	m, err := Fit(context.Background(), x, y, Options{Trees: 2, MinLeaf: 1, MinSplit: 2}, survival.FitOptions{})
	if err != nil {
		f.Fatal(err)
	}
	fitted, _ := m.MarshalBinary() // never fails
	f.Add(fitted[:len(fitted)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		file := modelfile.Seal(body)
		m, err := Decode(file)
		if err != nil {
			if !errors.Is(err, survival.ErrBadModelFile) {
				t.Fatal(err)
			}
			return
		}
		if again, _ := m.MarshalBinary(); !bytes.Equal(again, file) {
			t.Fatal("the file changed")
		}
		design := &survival.Design{Rows: 1}
		for _, c := range m.Columns() {
			design.Columns = append(design.Columns, survival.Column{Name: c, Values: []float64{0}})
		}
		if err := m.Risk(context.Background(), design, make([]float64, 1)); err != nil {
			t.Fatal(err)
		}
	})
}
