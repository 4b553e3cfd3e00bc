package modelfile

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"everfold/survival"
)

func Example() {
	w := NewWriter("example", 1)
	w.Float(0.5)
	w.Strings([]string{"age", "sex"})
	file := w.Bytes()

	r, err := Open(file, "example", 1)
	if err != nil {
		panic(err)
	}
	fmt.Println(r.Version, r.Float(), r.Strings(), r.Close())
	// Output: 1 0.5 [age sex] <nil>
}

// Every field reads back bit for bit, NaN, infinities and negative zero included.
func TestRoundTrip(t *testing.T) {
	values := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324}
	rep := survival.Report{Converged: true, Iterations: -3, LogLik: []float64{-2, -1},
		Coefficients: []survival.Coefficient{{Column: "a=ü", Value: 1.5, SE: 2}},
		Warnings:     []survival.Warning{{Category: "data", Message: "m"}}}
	step := survival.StepFunction{Times: []float64{1, 2}, Values: []float64{.5, .25}, Before: 1}

	w := NewWriter("t", 7)
	w.Int(math.MinInt64)
	w.Bool(true)
	w.Bool(false)
	w.String("")
	w.Floats(values)
	w.Floats(nil)
	w.Strings([]string{"x", ""})
	w.Strings(nil)
	w.Int32s([]int32{-1, math.MaxInt32})
	w.Float32s([]float32{0.1, float32(math.Inf(-1))})
	w.Int32s(nil)
	w.Uint32s([]uint32{1, math.MaxUint32})
	w.Report(rep)
	w.Step(step)
	r, err := Open(w.Bytes(), "t", 9)
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != 7 || r.Int() != math.MinInt64 || !r.Bool() || r.Bool() || r.String() != "" {
		t.Error("scalars differ")
	}
	for i, v := range r.Floats() {
		if math.Float64bits(v) != math.Float64bits(values[i]) {
			t.Errorf("%g reads back as %g", values[i], v)
		}
	}
	if r.Floats() != nil || !reflect.DeepEqual(r.Strings(), []string{"x", ""}) || r.Strings() != nil {
		t.Error("lists differ")
	}
	if !reflect.DeepEqual(r.Int32s(), []int32{-1, math.MaxInt32}) || !reflect.DeepEqual(r.Float32s(), []float32{0.1, float32(math.Inf(-1))}) || r.Int32s() != nil || !reflect.DeepEqual(r.Uint32s(), []uint32{1, math.MaxUint32}) {
		t.Error("lists of 4 bytes differ")
	}
	if got := r.Report(); !reflect.DeepEqual(got, rep) {
		t.Errorf("report %+v", got)
	}
	if got := r.Step(); !reflect.DeepEqual(got, step) {
		t.Errorf("step function %+v", got)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Claim: a state reads back, and is refused where it is cut, damaged, of another type or version, or a
// model file, as is a state where a model file is wanted.
func TestState(t *testing.T) {
	state := func() []byte {
		w := NewWriter("t", 1)
		w.Float(0.5)
		return w.State()
	}
	r, err := OpenState(state(), "t", 1)
	if err != nil || r.Float() != 0.5 || r.Close() != nil {
		t.Errorf("it does not read back: %v", err)
	}
	flipped := state()
	flipped[len(flipped)-6] ^= 1
	for name, data := range map[string][]byte{
		"nothing": nil, "foreign": make([]byte, 100), "cut": state()[:20], "flipped": flipped,
		"model file": NewWriter("t", 1).Bytes(), "version 2": NewWriter("t", 2).State(), "other type": NewWriter("u", 1).State(),
	} {
		if _, err := OpenState(data, "t", 1); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(state(), "t", 1); !errors.Is(err, survival.ErrBadModelFile) {
		t.Errorf("a state is no model file: %v", err)
	}
}

// Open refuses what is not a whole, undamaged file of the type in a known version.
func TestOpenRefuses(t *testing.T) {
	file := func(version int) []byte { return NewWriter("t", version).Bytes() }
	cut := file(1)
	flipped := file(1)
	flipped[9] ^= 4
	layout := NewWriter("t", 1)
	layout.buf[8] = 2
	short := NewWriter("t", 1)
	short.buf = short.buf[:len(short.buf)-4]
	for name, data := range map[string][]byte{
		"nothing": nil, "foreign": make([]byte, 100), "cut": cut[:len(cut)-1], "flipped": flipped,
		"other layout": layout.Bytes(), "version 0": file(0), "newer version": file(2),
		"other type": NewWriter("u", 1).Bytes(), "no version": short.Bytes(),
	} {
		if _, err := Open(data, "t", 1); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A field that runs past the end, a list longer than the file, an impossible truth value,
// a broken step function and bytes left over are failures that Close reports; after the
// first, fields are zero.
func TestReaderFailures(t *testing.T) {
	for name, c := range map[string]struct {
		write func(w *Writer)
		read  func(r *Reader)
	}{
		"short":      {func(w *Writer) { w.Bool(true) }, func(r *Reader) { r.Float() }},
		"long list":  {func(w *Writer) { w.count(1 << 30); w.Float(1) }, func(r *Reader) { r.Floats() }},
		"long texts": {func(w *Writer) { w.count(1 << 30) }, func(r *Reader) { r.Strings() }},
		"long words": {func(w *Writer) { w.count(1 << 30); w.Float(1) }, func(r *Reader) { r.Int32s() }},
		"truth":      {func(w *Writer) { w.buf = append(w.buf, 2) }, func(r *Reader) { r.Bool() }},
		"step":       {func(w *Writer) { w.Float(1); w.Floats([]float64{1}); w.Floats(nil) }, func(r *Reader) { r.Step() }},
		"NaN step":   {func(w *Writer) { w.Float(1); w.Floats([]float64{1, math.NaN()}); w.Floats([]float64{1, 1}) }, func(r *Reader) { r.Step() }},
		"left over":  {func(w *Writer) { w.Float(1) }, func(*Reader) {}},
		"report":     {func(w *Writer) { w.Bool(true); w.Int(1); w.Floats(nil); w.count(1 << 20) }, func(r *Reader) { r.Report() }},
	} {
		w := NewWriter("t", 1)
		c.write(w)
		r, err := Open(w.Bytes(), "t", 1)
		if err != nil {
			t.Fatal(err)
		}
		c.read(r)
		if err := r.Close(); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
		if r.Int() != 0 || r.String() != "" || r.Floats() != nil || r.Bool() {
			t.Errorf("%s: fields after a failure are not zero", name)
		}
	}
}

// Whatever the bytes, opening and reading neither panics nor allocates without bound.
func FuzzOpen(f *testing.F) {
	w := NewWriter("t", 1)
	w.Report(survival.Report{Warnings: []survival.Warning{{Category: "data"}}})
	w.Step(survival.StepFunction{Times: []float64{1}, Values: []float64{1}})
	f.Add(w.buf)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = Open(body, "t", 1)
		r, err := Open(Seal(body), "t", 1)
		if err != nil {
			return
		}
		r.Report()
		r.Step()
		r.Strings()
		if err := r.Close(); err != nil && !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("untyped error %v", err)
		}
	})
}

// A negative count is a caller's bug.
func TestNegativeVersionPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewWriter("t", -1)
}
