package preprocess_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/preprocess"
)

var nan = math.NaN()

func numeric(name string, values ...float64) survival.Feature {
	return survival.Feature{Name: name, Values: values}
}

// factor makes a categorical feature; "" is a missing cell.
func factor(name string, cells ...string) survival.Feature {
	f := survival.Feature{Name: name, Kind: survival.CategoricalFeature}
	for _, c := range cells {
		if c != "" && !slices.Contains(f.Levels, c) {
			f.Levels = append(f.Levels, c)
		}
	}
	slices.Sort(f.Levels)
	for _, c := range cells {
		f.Codes = append(f.Codes, int32(slices.Index(f.Levels, c)))
	}
	return f
}

func frame(features ...survival.Feature) *survival.Frame {
	return &survival.Frame{Rows: features[0].Len(), Columns: features}
}

func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func fit(t *testing.T, x *survival.Frame, rows []int, o preprocess.Options) *preprocess.Pipeline {
	t.Helper()
	p, err := preprocess.Fit(context.Background(), x, rows, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func apply(t *testing.T, p *preprocess.Pipeline, x *survival.Frame, rows []int) (*survival.Design, []survival.Warning) {
	t.Helper()
	d, warnings, err := p.Apply(context.Background(), x, rows)
	if err != nil {
		t.Fatal(err)
	}
	return d, warnings
}

// expect compares a design with columns written as name and cells; NaN equals NaN.
func expect(t *testing.T, d *survival.Design, names []string, columns ...[]float64) {
	t.Helper()
	if !slices.Equal(d.Names(), names) {
		t.Fatalf("columns are %q, want %q", d.Names(), names)
	}
	for j, want := range columns {
		for i, w := range want {
			if got := d.Columns[j].Values[i]; got != w && !(math.IsNaN(got) && math.IsNaN(w)) {
				t.Errorf("%s row %d is %v, want %v", names[j], i, got, w)
			}
		}
	}
}

// Gaps get the median or mean of the training rows, and an indicator only where those
// rows have gaps.
func TestImpute(t *testing.T) {
	x := frame(numeric("a", 1, nan, 10, 3, 100), numeric("b", 1, 2, 3, 4, nan))
	train := []int{0, 1, 2, 3}
	names := []string{"a", "a_missing", "b"}
	missing := []float64{0, 1, 0, 0, 0}
	for impute, fill := range map[string][2]float64{"median": {3, 2.5}, "mean": {14.0 / 3, 2.5}} {
		d, warnings := apply(t, fit(t, x, train, preprocess.Options{Impute: impute}), x, all(5))
		expect(t, d, names, []float64{1, fill[0], 10, 3, 100}, missing, []float64{1, 2, 3, 4, fill[1]})
		if len(warnings) != 1 || !strings.Contains(warnings[0].Message, `column "b": 1 of 5 rows are missing`) {
			t.Errorf("%s: warnings %v", impute, warnings)
		}
	}
}

// The median of two huge values is their middle, not infinity.
func TestMedianDoesNotOverflow(t *testing.T) {
	const huge = math.MaxFloat64
	x := frame(numeric("a", huge, huge/2, nan))
	d, _ := apply(t, fit(t, x, []int{0, 1}, preprocess.Options{Impute: "median"}), x, []int{2})
	expect(t, d, []string{"a"}, []float64{huge/2 + huge/4})
}

// Under native the gaps stay, without an indicator, and scaling uses the observed values.
func TestNative(t *testing.T) {
	x := frame(numeric("a", 1, nan, 3))
	d, _ := apply(t, fit(t, x, all(3), preprocess.Options{Impute: "native", Scale: "standard"}), x, all(3))
	expect(t, d, []string{"a"}, []float64{-1, nan, 1})

	constant := frame(numeric("a", 2, nan, 2))
	p := fit(t, constant, all(3), preprocess.Options{Impute: "native", DropConstant: true})
	if got := p.Columns(); len(got) != 1 {
		t.Errorf("a constant column with gaps varies under native, yet columns are %q", got)
	}
}

// Indicators that are equal on the training rows become one.
func TestIndicatorsMerge(t *testing.T) {
	x := frame(numeric("a", 1, nan, 3, 4), numeric("b", 5, nan, 7, 9), numeric("c", nan, 1, 2, 3))
	p := fit(t, x, all(4), preprocess.Options{Impute: "median"})
	want := []string{"a", "a_missing", "b", "c", "c_missing"}
	if !slices.Equal(p.Columns(), want) {
		t.Errorf("columns %q, want %q", p.Columns(), want)
	}
	if d := p.Dropped(); len(d) != 1 || d[0].Column != "b_missing" {
		t.Errorf("dropped %v", d)
	}
}

// Scaling uses the population standard deviation of the values as imputed; indicators and
// dummies are left alone.
func TestScale(t *testing.T) {
	x := frame(numeric("a", 0, 4, nan, 2), factor("s", "f", "m", "f", "m"))
	p := fit(t, x, all(4), preprocess.Options{Impute: "median", Scale: "standard"})
	d, _ := apply(t, p, x, all(4))
	sd := math.Sqrt2 // of 0, 4, 2, 2
	expect(t, d, []string{"a", "a_missing", "s=m"}, []float64{-2 / sd, 2 / sd, 0, 0}, []float64{0, 0, 1, 0}, []float64{0, 1, 0, 1})
}

// Constant columns go where drop_constant says so, and stay unscaled where it does not.
func TestConstant(t *testing.T) {
	x := frame(numeric("a", 7, 7, nan), numeric("b", 1, 2, 3), factor("s", "f", "f", "f"))
	p := fit(t, x, all(3), preprocess.Options{Impute: "mean", Scale: "standard", DropConstant: true})
	d, _ := apply(t, p, x, all(3))
	expect(t, d, []string{"a_missing", "b"}, []float64{0, 0, 1})
	if len(p.Warnings()) != 2 || len(p.Dropped()) != 2 {
		t.Errorf("warnings %v, dropped %v", p.Warnings(), p.Dropped())
	}

	kept, _ := apply(t, fit(t, x, all(3), preprocess.Options{Impute: "mean", Scale: "standard"}), x, all(3))
	expect(t, kept, []string{"a", "a_missing", "b"}, []float64{7, 7, 7})
}

// What the data decide has typed errors that name row and column, never the value.
func TestNumericErrors(t *testing.T) {
	gap := frame(numeric("a", 1, nan, 3))
	for _, impute := range []string{"", "error", "drop-row"} {
		_, err := preprocess.Fit(context.Background(), gap, all(3), preprocess.Options{Impute: impute})
		var data *survival.DataError
		if !errors.As(err, &data) || data.Row != 1 || data.Column != "a" {
			t.Errorf("impute %q: %v", impute, err)
		}
		p := fit(t, gap, []int{0, 2}, preprocess.Options{Impute: impute})
		if _, _, err = p.Apply(context.Background(), gap, []int{0, 1}); !errors.As(err, &data) || data.Row != 1 {
			t.Errorf("impute %q at Apply: %v", impute, err)
		}
	}
	cases := map[string]struct {
		x *survival.Frame
		o preprocess.Options
	}{
		"no observed value":      {frame(numeric("a", nan, nan)), preprocess.Options{Impute: "median"}},
		"too large to scale":     {frame(numeric("a", math.MaxFloat64, -math.MaxFloat64)), preprocess.Options{Scale: "standard"}},
		`design column "a_miss`:  {frame(numeric("a", nan, 1), numeric("a_missing", 1, 2)), preprocess.Options{Impute: "mean"}},
		"gives the design colum": {frame(numeric("a=m", 1, 2), factor("a", "f", "m")), preprocess.Options{}},
	}
	for problem, c := range cases {
		_, err := preprocess.Fit(context.Background(), c.x, all(2), c.o)
		var term *preprocess.TermError
		if !errors.As(err, &term) || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v", problem, err)
		}
	}
	p := fit(t, frame(numeric("a", nan, nan), numeric("b", 1, 2)), all(2), preprocess.Options{Impute: "median", DropConstant: true})
	if !slices.Equal(p.Columns(), []string{"b"}) {
		t.Errorf("an empty column is not dropped: %q", p.Columns())
	}
}

// Values so close that their squared differences vanish are centred and not divided by 0.
func TestVanishingDeviation(t *testing.T) {
	x := frame(numeric("a", 1e-200, 2e-200))
	d, _ := apply(t, fit(t, x, all(2), preprocess.Options{Scale: "standard"}), x, all(2))
	for _, v := range d.Columns[0].Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("scaled value %v", v)
		}
	}
}

// Malformed calls panic: the caller could have known.
func TestPanics(t *testing.T) {
	x := frame(numeric("a", 1, 2))
	cases := map[string]func(){
		"no rows":     func() { _, _ = preprocess.Fit(context.Background(), x, nil, preprocess.Options{}) },
		"row outside": func() { _, _ = preprocess.Fit(context.Background(), x, []int{2}, preprocess.Options{}) },
		"impute":      func() { _, _ = preprocess.Fit(context.Background(), x, all(2), preprocess.Options{Impute: "magic"}) },
		"rare level":  func() { _, _ = preprocess.Fit(context.Background(), x, all(2), preprocess.Options{RareLevel: nan}) },
		"rare keep":   func() { _, _ = preprocess.Fit(context.Background(), x, all(2), preprocess.Options{RareKeep: -1}) },
		"apply":       func() { _, _, _ = fit(t, x, all(2), preprocess.Options{}).Apply(context.Background(), x, []int{-1}) },
	}
	for name, call := range cases {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "preprocess: ") {
					t.Errorf("recovered %q", s)
				}
			}()
			call()
		})
	}
}

// A cancelled context ends Fit and Apply with its cause.
func TestCancel(t *testing.T) {
	x := frame(numeric("a", 1, 2))
	p := fit(t, x, all(2), preprocess.Options{})
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stop)
	if _, err := preprocess.Fit(ctx, x, all(2), preprocess.Options{}); !errors.Is(err, stop) {
		t.Errorf("Fit: %v", err)
	}
	if _, _, err := p.Apply(ctx, x, all(2)); !errors.Is(err, stop) {
		t.Errorf("Apply: %v", err)
	}
}
