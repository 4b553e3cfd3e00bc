package dataset_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
)

func small(t *testing.T) *dataset.Table {
	t.Helper()
	table, _ := readCSV(t, lines("time,event,id,g,in,w,x,s", "1,1,a,p,0,1,5,u", "2,0,b,q,0,2,,v", "3,1,c,p,1,1,7,w"),
		dataset.Schema{Time: "time", Event: "event", ID: "id", Group: "g", Entry: "in", Weight: "w"})
	return table
}

// Take keeps every part of the rows taken, in order, and removes levels without rows.
func TestTake(t *testing.T) {
	table := small(t)
	got := table.Take([]int{2, 0})
	require.Equal(t, []int64{2, 0}, got.SourceRow)
	require.Equal(t, []string{"c", "a"}, got.ID)
	require.Equal(t, []int{0, 0}, got.Group)
	require.Equal(t, []float64{3, 1}, got.Outcome.Time)
	require.Equal(t, []float64{1, 0}, got.Outcome.Entry)
	require.Equal(t, []float64{1, 1}, got.Outcome.Weight)
	require.Equal(t, []float64{7, 5}, column(t, got, "x").Values)
	require.Equal(t, []string{"u", "w"}, column(t, got, "s").Levels)
	require.Equal(t, "w u", cells(column(t, got, "s")))
	require.Equal(t, []string{"u", "v", "w"}, column(t, table, "s").Levels)
	require.Panics(t, func() { table.Take([]int{3}) })
	require.Panics(t, func() { table.Take([]int{-1}) })
}

// Without an id column the row number in the file stands for the id.
func TestRowID(t *testing.T) {
	table, _ := readCSV(t, "time,event\n1,1\n2,0\n", base)
	require.Equal(t, "1", table.Take([]int{1}).RowID(0))
	require.Equal(t, "b", small(t).RowID(1))
}

// The memory estimate counts every slice.
func TestBytes(t *testing.T) {
	// 3 rows of time, event, row, entry, weight, group, id header, number, code; ids; levels.
	want := int64(3*(8+1+8+8+8+8+16+8+4) + 3 + 3*(16+1))
	require.Equal(t, want, small(t).Bytes())
}

// The digest depends on the content of used columns and on nothing else.
func TestDigest(t *testing.T) {
	table := small(t)
	same := map[string]func(*dataset.Table){
		"ids":         func(x *dataset.Table) { x.ID[0] = "other" },
		"groups":      func(x *dataset.Table) { x.Group[0] = 7 },
		"source rows": func(x *dataset.Table) { x.SourceRow[0] = 99 },
		"codes":       func(x *dataset.Table) { renumber(&x.Columns[1]) },
		"spare level": func(x *dataset.Table) { x.Columns[1].Levels = append(x.Columns[1].Levels, "zz") },
	}
	for name, change := range same {
		other := table.Take([]int{0, 1, 2})
		change(other)
		require.Equal(t, table.Digest(), other.Digest(), name)
	}
	changed := map[string]func(*dataset.Table){
		"time":        func(x *dataset.Table) { x.Outcome.Time[0] = 1.5 },
		"event":       func(x *dataset.Table) { x.Outcome.Event[1] = true },
		"entry":       func(x *dataset.Table) { x.Outcome.Entry[0] = 0.5 },
		"no entry":    func(x *dataset.Table) { x.Outcome.Entry = nil },
		"weight":      func(x *dataset.Table) { x.Outcome.Weight[0] = 3 },
		"number":      func(x *dataset.Table) { x.Columns[0].Values[0]++ },
		"gap filled":  func(x *dataset.Table) { x.Columns[0].Values[1] = 0 },
		"level":       func(x *dataset.Table) { x.Columns[1].Codes[0] = 1 },
		"level name":  func(x *dataset.Table) { x.Columns[1].Levels[2] = "x" },
		"column name": func(x *dataset.Table) { x.Columns[0].Name = "y" },
		"columns":     func(x *dataset.Table) { x.Columns = x.Columns[:1] },
		"order":       func(x *dataset.Table) { slices.Reverse(x.Columns) },
		"rows":        func(x *dataset.Table) { *x = *x.Take([]int{1, 0, 2}) },
	}
	seen := map[string]string{table.Digest(): "the table itself"}
	for name, change := range changed {
		other := table.Take([]int{0, 1, 2})
		change(other)
		if before, ok := seen[other.Digest()]; ok {
			t.Errorf("changing the %s gives the digest of %s", name, before)
		}
		seen[other.Digest()] = name
	}
}

// renumber reverses the numbering of levels, content kept.
func renumber(c *dataset.Column) {
	slices.Reverse(c.Levels)
	for i, code := range c.Codes {
		if code >= 0 {
			c.Codes[i] = int32(len(c.Levels)-1) - code
		}
	}
}

// The digest is stable: a change of its form would orphan every stored fold.
func TestDigestIsStable(t *testing.T) {
	require.Equal(t, "586ae99499dbd640a9fd2bd894a45d4828a354177091196260eefb80bd13ead6", small(t).Digest())
}
