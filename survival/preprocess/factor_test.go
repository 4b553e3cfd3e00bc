package preprocess_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/preprocess"
)

// Treatment leaves out the first level in byte order, one-hot none; the dummies of a
// factor share its term.
func TestEncode(t *testing.T) {
	x := frame(factor("cell", "small", "Large", "adeno", "small"))
	d, _ := apply(t, fit(t, x, all(4), preprocess.Options{Encode: "treatment"}), x, all(4))
	expect(t, d, []string{"cell=adeno", "cell=small"}, []float64{0, 0, 1, 0}, []float64{1, 0, 0, 1})
	if d.Columns[0].Term != "cell" || d.Columns[1].Term != "cell" {
		t.Errorf("terms %q, %q", d.Columns[0].Term, d.Columns[1].Term)
	}
	d, _ = apply(t, fit(t, x, all(4), preprocess.Options{Encode: "onehot"}), x, all(4))
	expect(t, d, []string{"cell=Large", "cell=adeno", "cell=small"}, []float64{0, 1, 0, 0}, []float64{0, 0, 1, 0}, []float64{1, 0, 0, 1})
}

// A missing category is a level of its own, in byte order like the others, and the same
// as a level that is so named in the file.
func TestMissingLevel(t *testing.T) {
	x := frame(factor("s", "m", "", "f", "(missing)"))
	d, _ := apply(t, fit(t, x, all(4), preprocess.Options{Impute: "median"}), x, all(4))
	expect(t, d, []string{"s=f", "s=m"}, []float64{0, 0, 1, 0}, []float64{1, 0, 0, 0})
	_, err := preprocess.Fit(context.Background(), x, all(4), preprocess.Options{Impute: "error"})
	var data *survival.DataError
	if !errors.As(err, &data) || data.Row != 1 {
		t.Errorf("impute error: %v", err)
	}
	p := fit(t, x, []int{0, 2}, preprocess.Options{Impute: "error"})
	if _, _, err = p.Apply(context.Background(), x, []int{1}); !errors.As(err, &data) {
		t.Errorf("impute error at Apply: %v", err)
	}
}

// An unseen level, a missing cell included, becomes the reference, or "(other)" where
// that exists, and is counted without being named.
func TestUnseenLevel(t *testing.T) {
	x := frame(factor("s", "b", "b", "c", "c", "a", "secret", ""))
	train := []int{0, 1, 2, 3, 4}
	for _, c := range []struct {
		o     preprocess.Options
		names []string
		want  [][]float64
		as    string
	}{
		{preprocess.Options{}, []string{"s=b", "s=c"}, [][]float64{{0}, {0}}, "the reference level"},
		{preprocess.Options{Encode: "onehot"}, []string{"s=a", "s=b", "s=c"}, [][]float64{{1}, {0}, {0}}, "the reference level"},
		{preprocess.Options{Encode: "onehot", RareLevel: 0.3}, []string{"s=(other)", "s=b", "s=c"}, [][]float64{{1}, {0}, {0}}, "(other)"},
	} {
		c.o.Impute = "median"
		d, warnings := apply(t, fit(t, x, train, c.o), x, []int{5})
		expect(t, d, c.names, c.want...)
		_, both := apply(t, fit(t, x, train, c.o), x, []int{5, 6})
		if len(warnings) != 1 || !strings.HasSuffix(warnings[0].Message, "count as "+c.as) ||
			strings.Contains(warnings[0].Message, "secret") || !strings.Contains(both[0].Message, "2 of 2 rows") {
			t.Errorf("warnings %v, %v", warnings, both)
		}
	}
}

// shares makes a factor in which level k of names has counts[k] rows.
func shares(names string, counts ...int) *survival.Frame {
	var cells []string
	for k, n := range counts {
		for range n {
			cells = append(cells, names[k:k+1])
		}
	}
	return frame(factor("s", cells...))
}

// rare_level alone merges the levels under that share; with rare_keep the most frequent
// and the frequent enough stay, and the others join the least frequent of those or "(other)".
func TestRare(t *testing.T) {
	cases := map[string]struct {
		x    *survival.Frame
		o    preprocess.Options
		want string
	}{
		"under the share":          {shares("abcd", 50, 30, 15, 5), preprocess.Options{RareLevel: 0.2}, "(other) a b"},
		"exactly the share stays":  {shares("abcd", 50, 30, 15, 5), preprocess.Options{RareLevel: 0.05}, "a b c d"},
		"not rare: nothing merged": {shares("ab", 50, 50), preprocess.Options{RareLevel: 0.1}, "a b"},
		"keep two":                 {shares("abcd", 50, 30, 15, 5), preprocess.Options{RareKeep: 2, RareMerge: "other"}, "(other) a b"},
		"keep two into the second": {shares("abcd", 50, 30, 15, 5), preprocess.Options{RareKeep: 2, RareMerge: "least-kept"}, "a b"},
		"and those above":          {shares("abcd", 50, 30, 15, 5), preprocess.Options{RareKeep: 2, RareLevel: 0.1, RareMerge: "least-kept"}, "a b c"},
		"few enough levels":        {shares("abcd", 97, 1, 1, 1), preprocess.Options{RareKeep: 4, RareLevel: 0.1}, "a b c d"},
		"ties rank in byte order":  {shares("dcba", 10, 10, 10, 10), preprocess.Options{RareKeep: 2, RareMerge: "other"}, "(other) a b"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.o.Encode = "onehot"
			p := fit(t, c.x, all(c.x.Rows), c.o)
			if got := strings.ReplaceAll(strings.Join(p.Columns(), " "), "s=", ""); got != c.want {
				t.Errorf("levels %q, want %q", got, c.want)
			}
		})
	}
}

// least-kept counts the merged rows as the level they join.
func TestRareMergeTarget(t *testing.T) {
	x := shares("abcd", 4, 3, 2, 1)
	d, _ := apply(t, fit(t, x, all(10), preprocess.Options{RareKeep: 2, RareMerge: "least-kept"}), x, all(10))
	expect(t, d, []string{"s=b"}, []float64{0, 0, 0, 0, 1, 1, 1, 1, 1, 1})
}

// Stratum columns number their combinations and are no covariates; an unseen combination
// gets the next number and a warning.
func TestStrata(t *testing.T) {
	x := frame(numeric("age", 1, 2, 3, 4, 5), factor("site", "b", "a", "a", "b", "c"), numeric("dose", 1, 1, 2, nan, 1))
	p := fit(t, x, []int{0, 1, 2, 3}, preprocess.Options{Impute: "median", Strata: []string{"site", "dose"}})
	if got := p.Columns(); !slices.Equal(got, []string{"age"}) {
		t.Fatalf("columns %q", got)
	}
	d, warnings := apply(t, p, x, all(5))
	if want := []int{3, 0, 1, 2, 4}; !slices.Equal(d.Strata, want) {
		t.Errorf("strata %v, want %v", d.Strata, want)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "1 of 5 rows") {
		t.Errorf("warnings %v", warnings)
	}
	if got := p.Sources(); !slices.Equal(got, []string{"age", "site", "dose"}) {
		t.Errorf("sources %q", got)
	}
	var missing *survival.ColumnError
	_, err := preprocess.Fit(context.Background(), x, all(5), preprocess.Options{Impute: "mean", Strata: []string{"clinic"}})
	if !errors.As(err, &missing) {
		t.Errorf("unknown stratum: %v", err)
	}
	if _, _, err = p.Apply(context.Background(), frame(x.Columns[0], x.Columns[1]), all(5)); !errors.As(err, &missing) {
		t.Errorf("stratum missing at Apply: %v", err)
	}
}

// Apply names columns that are missing or of another kind; more columns do no harm.
func TestApplyFrames(t *testing.T) {
	x := frame(numeric("a", 1, 2), factor("s", "f", "m"))
	p := fit(t, x, all(2), preprocess.Options{})
	var missing *survival.ColumnError
	if _, _, err := p.Apply(context.Background(), frame(x.Columns[0]), all(2)); !errors.As(err, &missing) || missing.Column != "s" {
		t.Errorf("missing column: %v", err)
	}
	var kind *preprocess.TermError
	if _, _, err := p.Apply(context.Background(), frame(numeric("s", 1, 2), numeric("a", 1, 2)), all(2)); !errors.As(err, &kind) || kind.Column != "s" {
		t.Errorf("other kind: %v", err)
	}
	d, _ := apply(t, p, frame(numeric("z", 8, 9), x.Columns[1], x.Columns[0]), []int{1})
	expect(t, d, []string{"a", "s=m"}, []float64{2}, []float64{1})
}
