package dataset

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every builder collects the same, and refuses the same row, whether easy cells are taken in runs
// or every cell on its own.
func TestPlainEqualsText(t *testing.T) {
	cells := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"", " ", "0", "1", "true", "2", "NA", "NaN", " NA ", "   nan ", "high", "hi", "h", "medium", "very high", "-0",
			"standard", "standar\x00", "2020-01-31", "inf", "12345678901234567", "é", "\xff", "\xffabcdef", "a\x00", "a"}),
		rapid.StringMatching(`-?[0-9]{0,9}\.?[0-9]{0,4}`), rapid.StringMatching(`[a-k]`),
	), 1, 60)
	makers := map[string]func() builder{
		"numbers": func() builder { return &numbers{} }, "levels": func() builder { return newLevels(5) }, "inferred": func() builder { return newInferred() },
		"events": func() builder { return &events{} }, "texts": func() builder { return &texts{} },
	}
	rapid.Check(t, func(t *rapid.T) {
		column := cells.Draw(t, "cells")
		lines := scanner(strings.NewReader("x," + strings.Join(column, "\nx,") + "\n"))
		lines.width = 2
		if err := lines.read(len(column)); err != nil || len(lines.lines) != len(column) {
			t.Fatalf("%d records of %d, %v", len(lines.lines), len(column), err)
		}
		for name, fresh := range makers {
			want, fast := fresh(), fresh()
			row, refused := 0, (*refusal)(nil)
			for ; row < len(column) && refused == nil; row++ {
				refused = want.text([]byte(column[row]))
			}
			if refused != nil {
				row--
			}
			got, gotRefused := sink{1, fast}.take(lines, len(column))
			if got != row || !reflect.DeepEqual(gotRefused, refused) || !reflect.DeepEqual(normal(fast), normal(want)) {
				t.Fatalf("%s: %d %v %+v; each on its own: %d %v %+v", name, got, gotRefused, fast, row, refused, want)
			}
		}
	})
}

// normal is a builder with missing numbers that compare as equal, and nil for what is empty.
func normal(b builder) builder {
	n, ok := b.(*numbers)
	switch c := b.(type) {
	case *inferred:
		n, ok = c.numbers, c.numbers != nil
	case *levels:
		c.codes = append([]int32(nil), c.codes...)
	}
	if !ok {
		return b
	}
	n.values = append([]float64(nil), n.values...)
	for i, v := range n.values {
		if v != v {
			n.values[i] = -12345
		}
	}
	return b
}
