package dataset

import (
	"fmt"
	"slices"
	"strconv"

	"everfold/survival"
)

// Kind says whether a column holds numbers or levels.
type Kind = survival.FeatureKind

// The kinds.
const (
	Numeric     = survival.NumericFeature
	Categorical = survival.CategoricalFeature
)

// Column is one covariate: Values with NaN where missing, or Codes with −1 where missing
// and Levels, which are in byte order and all occur.
type Column = survival.Feature

// Table is a table as used: outcome checked, rows dropped, columns typed. All slices that
// are not nil have one entry a row.
type Table struct {
	Columns   []Column         // in the order of the file
	Outcome   survival.Outcome // valid, with at least one event
	ID        []string         // nil: use the row number, see RowID
	Group     []int            // nil, or group numbers from 0 in order of appearance
	SourceRow []int64          // row of the file as read, from 0
}

// Rows is the number of rows.
func (t *Table) Rows() int { return len(t.SourceRow) }

// RowID is the id of row i: the id column's text, or the row number in the file.
func (t *Table) RowID(i int) string {
	if t.ID == nil {
		return strconv.FormatInt(t.SourceRow[i], 10)
	}
	return t.ID[i]
}

// Frame is the table's covariates for preprocess. It shares memory with t.
func (t *Table) Frame() *survival.Frame {
	return &survival.Frame{Rows: t.Rows(), Columns: t.Columns}
}

// Take copies the given rows, in the given order. Levels that no longer occur are removed;
// group numbers stay.
func (t *Table) Take(rows []int) *Table {
	out := &Table{
		Columns:   make([]Column, len(t.Columns)),
		Outcome:   t.Outcome.Take(rows),
		SourceRow: pick(t.SourceRow, rows),
	}
	for j, c := range t.Columns {
		out.Columns[j] = c
		if c.Kind == Categorical {
			out.Columns[j].Codes, out.Columns[j].Levels = compact(pick(c.Codes, rows), c.Levels)
		} else {
			out.Columns[j].Values = pick(c.Values, rows)
		}
	}
	if t.ID != nil {
		out.ID = pick(t.ID, rows)
	}
	if t.Group != nil {
		out.Group = pick(t.Group, rows)
	}
	return out
}

// Bytes estimates the memory that t holds.
func (t *Table) Bytes() int64 {
	n := int64(t.Rows())
	total := n * (8 + 1 + 8) // time, event, source row
	for _, perRow := range []struct {
		held  bool
		bytes int64
	}{{t.Outcome.Entry != nil, 8}, {t.Outcome.Weight != nil, 8}, {t.Group != nil, 8}} {
		if perRow.held {
			total += n * perRow.bytes
		}
	}
	return total + bytesOf(t.ID, t.Columns)
}

// bytesOf estimates the memory that ids and covariates hold.
func bytesOf(ids []string, columns []Column) int64 {
	total := int64(0)
	for _, id := range ids {
		total += 16 + int64(len(id))
	}
	for _, c := range columns {
		total += 8*int64(len(c.Values)) + 4*int64(len(c.Codes))
		for _, level := range c.Levels {
			total += 16 + int64(len(level))
		}
	}
	return total
}

// pick copies the given rows of a column.
func pick[T any](column []T, rows []int) []T {
	out := make([]T, len(rows))
	for k, r := range rows {
		if r < 0 || r >= len(column) {
			panic(fmt.Sprintf("dataset: row %d outside 0..%d", r, len(column)-1))
		}
		out[k] = column[r]
	}
	return out
}

// compact renumbers codes in place so that the levels are those that occur, in byte order.
func compact(codes []int32, levels []string) ([]int32, []string) {
	occurs := make([]bool, len(levels))
	for _, c := range codes {
		if c >= 0 {
			occurs[c] = true
		}
	}
	kept := make([]string, 0, len(levels))
	for c, level := range levels {
		if occurs[c] {
			kept = append(kept, level)
		}
	}
	slices.Sort(kept)
	number := make([]int32, len(levels))
	for c, level := range levels {
		if occurs[c] {
			k, _ := slices.BinarySearch(kept, level)
			number[c] = int32(k)
		}
	}
	for i, c := range codes {
		if c >= 0 {
			codes[i] = number[c]
		}
	}
	return codes, kept
}
