package survival_test

import (
	"errors"
	"math"
	"testing"

	"everfold/survival"
)

func frame() *survival.Frame {
	return &survival.Frame{Rows: 2, Columns: []survival.Feature{
		{Name: "age", Values: []float64{61, math.NaN()}},
		{Name: "sex", Kind: survival.CategoricalFeature, Codes: []int32{-1, 1}, Levels: []string{"f", "m"}},
	}}
}

// A missing cell is NaN in a numeric feature and −1 in a categorical one.
func TestFeatureMissing(t *testing.T) {
	x := frame()
	for j, want := range [][]bool{{false, true}, {true, false}} {
		for i := range want {
			if got := x.Columns[j].Missing(i); got != want[i] {
				t.Errorf("%s row %d: Missing = %v, want %v", x.Columns[j].Name, i, got, want[i])
			}
		}
	}
	if k := x.Columns[0].Kind.String() + " " + x.Columns[1].Kind.String(); k != "numeric categorical" {
		t.Errorf("kinds are %q", k)
	}
}

// Columns are found by name, and an absent one is named in a *ColumnError.
func TestFrameColumn(t *testing.T) {
	f, err := frame().Column("sex")
	if err != nil || f.Name != "sex" {
		t.Fatalf("Column(sex) = %v, %v", f, err)
	}
	var missing *survival.ColumnError
	if _, err = frame().Column("weight"); !errors.As(err, &missing) || missing.Column != "weight" {
		t.Fatalf("Column(weight): %v", err)
	}
}

// Malformed frames are a programming error and panic.
func TestFrameValidate(t *testing.T) {
	frame().Validate()
	cases := map[string]func(*survival.Frame){
		"short":     func(x *survival.Frame) { x.Columns[0].Values = x.Columns[0].Values[:1] },
		"twice":     func(x *survival.Frame) { x.Columns[1].Name = "age" },
		"bad code":  func(x *survival.Frame) { x.Columns[1].Codes[0] = 2 },
		"bad code-": func(x *survival.Frame) { x.Columns[1].Codes[0] = -2 },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Validate accepted it")
				}
			}()
			x := frame()
			spoil(x)
			x.Validate()
		})
	}
}

// Take copies rows of both kinds in the order given; levels stay.
func TestFrameTake(t *testing.T) {
	x := frame().Take([]int{1, 0, 1})
	x.Validate()
	age, sex := x.Columns[0], x.Columns[1]
	if x.Rows != 3 || !age.Missing(0) || age.Values[1] != 61 || sex.Codes[0] != 1 || !sex.Missing(1) || len(sex.Levels) != 2 {
		t.Errorf("took %+v", x)
	}
}
