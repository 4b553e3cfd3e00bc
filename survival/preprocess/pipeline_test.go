package preprocess_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"everfold/survival"
	"everfold/survival/preprocess"
)

// anyFrame draws a frame of numeric and categorical columns with gaps.
func anyFrame(t *rapid.T) *survival.Frame {
	x := &survival.Frame{Rows: rapid.IntRange(2, 30).Draw(t, "rows")}
	for j := range rapid.IntRange(1, 4).Draw(t, "columns") {
		name := string(rune('a' + j))
		if rapid.Bool().Draw(t, "categorical") {
			cells := rapid.SliceOfN(rapid.SampledFrom([]string{"", "u", "v", "w", "x", "y"}), x.Rows, x.Rows).Draw(t, "cells")
			x.Columns = append(x.Columns, factor(name, cells...))
			continue
		}
		cell := rapid.Custom(func(t *rapid.T) float64 {
			if rapid.IntRange(0, 4).Draw(t, "gap") == 0 {
				return nan
			}
			return rapid.Float64Range(-1e6, 1e6).Draw(t, "value")
		})
		x.Columns = append(x.Columns, numeric(name, rapid.SliceOfN(cell, x.Rows, x.Rows).Draw(t, "values")...))
	}
	return x
}

func anyOptions(t *rapid.T) preprocess.Options {
	return preprocess.Options{
		Impute:       rapid.SampledFrom([]string{"median", "mean", "native"}).Draw(t, "impute"),
		Scale:        rapid.SampledFrom([]string{"standard", "none"}).Draw(t, "scale"),
		Encode:       rapid.SampledFrom([]string{"treatment", "onehot"}).Draw(t, "encode"),
		RareLevel:    rapid.Float64Range(0, 0.5).Draw(t, "rare level"),
		RareKeep:     rapid.IntRange(0, 3).Draw(t, "rare keep"),
		RareMerge:    rapid.SampledFrom([]string{"least-kept", "other"}).Draw(t, "rare merge"),
		DropConstant: true,
	}
}

func encode(t *rapid.T, x *survival.Frame, rows []int, o preprocess.Options) (*preprocess.Pipeline, string) {
	p, err := preprocess.Fit(t.Context(), x, rows, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(b)
}

// Whatever happens to rows outside the training rows, and in whatever order those are
// given, the pipeline keeps its bytes.
func TestOnlyTrainingRowsAct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, o := anyFrame(t), anyOptions(t)
		rows := rapid.Permutation(all(x.Rows)).Draw(t, "order")[:rapid.IntRange(1, x.Rows).Draw(t, "training rows")]
		_, want := encode(t, x, rows, o)
		sorted := slices.Clone(rows)
		slices.Sort(sorted)
		if _, got := encode(t, x, sorted, o); got != want {
			t.Fatalf("sorted rows give %s, not %s", got, want)
		}
		for j := range x.Columns {
			f := &x.Columns[j]
			for i := range x.Rows {
				switch {
				case slices.Contains(rows, i):
				case f.Kind == survival.CategoricalFeature:
					f.Codes[i] = int32(rapid.IntRange(-1, len(f.Levels)-1).Draw(t, "code"))
				default:
					f.Values[i] = rapid.Float64().Draw(t, "other value")
				}
			}
		}
		if _, got := encode(t, x, rows, o); got != want {
			t.Fatalf("changed test rows give %s, not %s", got, want)
		}
	})
}

// Levels matter by their text: renumbering the codes changes no bit of the design, and a
// pipeline read back from JSON makes the same one.
func TestCodesAndJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, o := anyFrame(t), anyOptions(t)
		p, b := encode(t, x, all(x.Rows), o)
		want, _, err := p.Apply(t.Context(), x, all(x.Rows))
		if err != nil {
			t.Fatal(err)
		}
		for j := range x.Columns {
			f := &x.Columns[j]
			slices.Reverse(f.Levels)
			for i, c := range f.Codes {
				if c >= 0 {
					f.Codes[i] = int32(len(f.Levels)-1) - c
				}
			}
		}
		if _, other := encode(t, x, all(x.Rows), o); other != b {
			t.Fatalf("renumbered levels give %s, not %s", other, b)
		}
		var back preprocess.Pipeline
		if err := json.Unmarshal([]byte(b), &back); err != nil {
			t.Fatal(err)
		}
		got, _, err := back.Apply(t.Context(), x, all(x.Rows))
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, got, want)
	})
}

func sameBits(t *rapid.T, got, want *survival.Design) {
	if !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("columns %q, want %q", got.Names(), want.Names())
	}
	for j, c := range want.Columns {
		for i := range c.Values {
			if math.Float64bits(got.Columns[j].Values[i]) != math.Float64bits(c.Values[i]) {
				t.Fatalf("%s row %d: %v, want %v", c.Name, i, got.Columns[j].Values[i], c.Values[i])
			}
		}
	}
}

// On the training rows a scaled column has mean 0 and population variance 1.
func TestScaledMoments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 1, 40).Draw(t, "values")
		values = append(values, 0, 1) // never nearly constant
		x := frame(numeric("a", values...))
		p, _ := encode(t, x, all(x.Rows), preprocess.Options{Scale: "standard"})
		d, _, err := p.Apply(t.Context(), x, all(x.Rows))
		if err != nil {
			t.Fatal(err)
		}
		var sum, squares float64
		for _, z := range d.Columns[0].Values {
			sum, squares = sum+z, squares+z*z
		}
		n := float64(x.Rows)
		if math.Abs(sum/n) > 1e-8 || math.Abs(squares/n-1) > 1e-8 {
			t.Fatalf("mean %v, variance %v", sum/n, squares/n)
		}
	})
}

// Coefficients per original unit give the same linear predictor, but for a constant shift.
func TestUnscale(t *testing.T) {
	x := frame(numeric("age", 50, 60, 75, 80), factor("s", "f", "m", "m", "f"))
	p := fit(t, x, all(4), preprocess.Options{Scale: "standard"})
	d, _ := apply(t, p, x, all(4))
	scaled := []survival.Coefficient{{Column: "age", Value: 0.7, SE: 0.1}, {Column: "s=m", Value: -0.3, SE: 0.2}}
	original, shift, err := p.Unscale(scaled)
	if err != nil {
		t.Fatal(err)
	}
	if original[1] != scaled[1] {
		t.Errorf("a dummy is rescaled: %v", original[1])
	}
	for i, age := range x.Columns[0].Values {
		got := original[0].Value*age + original[1].Value*d.Columns[1].Values[i] - shift
		want := 0.7*d.Columns[0].Values[i] - 0.3*d.Columns[1].Values[i]
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
	if z := original[0].Value / original[0].SE; math.Abs(z-7) > 1e-12 {
		t.Errorf("z value changed to %v", z)
	}
	var missing *survival.ColumnError
	if _, _, err = p.Unscale([]survival.Coefficient{{Column: "height"}}); !errors.As(err, &missing) {
		t.Errorf("unknown column: %v", err)
	}
}

// Damaged or foreign JSON is refused as a bad model file.
func TestBadJSON(t *testing.T) {
	x := frame(numeric("a", 1, nan, 2), factor("s", "f", "m", "f"), factor("g", "u", "v", "u"))
	p := fit(t, x, all(3), preprocess.Options{Impute: "median", Scale: "standard", Strata: []string{"g"}})
	good, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back preprocess.Pipeline
	if err = json.Unmarshal(good, &back); err != nil || !reflect.DeepEqual(&back, p) {
		t.Fatalf("round trip: %v", err)
	}
	if o := back.Options(); o.Impute != "median" || !slices.Equal(o.Strata, []string{"g"}) {
		t.Errorf("options %+v", o)
	}
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`}, {`"sd":`, `"sd":-`}, {`"to":1`, `"to":2`}, {`"first":1`, `"first":2`},
		{`"impute":"median"`, `"impute":"magic"`}, {`"rows":3`, `"lines":3`}, {`"rare_keep":0`, `"rare_keep":-1`},
		{`"name":"a"`, `"name":"a","factor":{"levels":["x"],"first":0,"known":[]}`}, {`"strata":["g"]`, `"strata":["h"]`},
		{`"levels":["f","m"]`, `"levels":["m","f"]`}, {`"terms":[`, `"terms":[{"name":"b"},`},
		{`"name":"s","factor"`, `"name":"a","numeric":{"value":true,"sd":1},"factor"`},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) {
			t.Fatalf("%s does not occur in %s", change[0], good)
		}
		err := json.Unmarshal([]byte(bad), &preprocess.Pipeline{})
		if !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	twice := strings.Replace(string(good), `{"name":"s"`, `{"name":"a","numeric":{"value":true,"indicator":false,"gaps":0,"fill":0,"mean":0,"sd":1}},{"name":"s"`, 1)
	if err := json.Unmarshal([]byte(twice), &preprocess.Pipeline{}); !errors.Is(err, survival.ErrBadModelFile) {
		t.Errorf("a column that occurs twice: %v", err)
	}
}
