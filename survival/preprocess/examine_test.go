package preprocess_test

import (
	"fmt"
	"reflect"
	"testing"

	"everfold/survival"
	"everfold/survival/preprocess"
)

// Examine finds of all rows what Apply warns of, however many rows there are, and refuses what
// Apply refuses.
func TestExamineIsApply(t *testing.T) {
	const n = 1<<16 + 5 // more than two blocks
	train := &survival.Frame{Rows: 4, Columns: []survival.Feature{
		numeric("age", 1, 2, 3, 4), factor("cell", "u", "v", "u", "v"), factor("site", "a", "b", "a", "b")}}
	p, err := preprocess.Fit(t.Context(), train, []int{0, 1, 2, 3}, preprocess.Options{Impute: "median", Strata: []string{"site"}})
	if err != nil {
		t.Fatal(err)
	}
	age, cell, site, all := make([]float64, n), make([]string, n), make([]string, n), make([]int, n)
	for i := range n {
		age[i], cell[i], site[i], all[i] = 1, "u", "a", i
		if i%1000 == 999 {
			age[i], cell[i] = nan, "new"
		}
	}
	site[n-1] = "z"
	x := &survival.Frame{Rows: n, Columns: []survival.Feature{numeric("age", age...), factor("cell", cell...), factor("site", site...)}}
	_, warnings, err := p.Apply(t.Context(), x, all)
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Examine(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	var said []survival.Warning
	for _, f := range found {
		said = append(said, f.Warning(n))
	}
	if !reflect.DeepEqual(said, warnings) || len(said) != 3 {
		t.Fatalf("%v\nwant %v", said, warnings)
	}
	counts := fmt.Sprint(found[0].Columns, found[0].Unseen, found[0].Rows, found[1].Columns, found[1].Unseen, found[1].Rows, found[2].Unseen)
	if counts != "[age] false 65 [cell] true 65 true" {
		t.Error(counts)
	}
	if found, err = p.Examine(t.Context(), train); err != nil || found != nil {
		t.Errorf("the training rows have nothing new: %v, %v", found, err)
	}
	if _, err = p.Examine(t.Context(), &survival.Frame{Rows: 0}); err == nil {
		t.Error("no rows excuse no missing column")
	}
}

// The kinds that a pipeline needs are those it was fitted on; a stratum column of numbers is
// told by its cells.
func TestNeeds(t *testing.T) {
	train := &survival.Frame{Rows: 4, Columns: []survival.Feature{
		numeric("age", 1, 2, 3, 4), factor("cell", "u", "v", "u", "v"), numeric("year", 1990, nan, 1e7, 0.5), factor("code", "01", "2", "01", "2")}}
	p, err := preprocess.Fit(t.Context(), train, []int{0, 1, 2, 3}, preprocess.Options{Impute: "median", Strata: []string{"year", "code"}})
	if err != nil {
		t.Fatal(err)
	}
	const number, level = survival.NumericFeature, survival.CategoricalFeature
	want := []preprocess.Source{{Name: "age", Kind: number}, {Name: "cell", Kind: level}, {Name: "year", Kind: number}, {Name: "code", Kind: level}}
	if got := p.Needs(); !reflect.DeepEqual(got, want) {
		t.Error(got)
	}
}
