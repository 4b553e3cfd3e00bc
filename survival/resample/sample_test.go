package resample

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func countEvents(event []bool, rows []int) int {
	n := 0
	for _, i := range rows {
		if event[i] {
			n++
		}
	}
	return n
}

// Ungrouped samples have exactly keep rows, in file order, and the events' share.
func TestSampleRowsExact(t *testing.T) {
	event := events(10_000, 18) // 556
	rows := SampleRows(len(event), event, nil, 2000, 42)
	require.Len(t, rows, 2000)
	require.True(t, slices.IsSorted(rows))
	require.Len(t, slices.Compact(slices.Clone(rows)), 2000)
	require.Equal(t, 111, countEvents(event, rows)) // 2000·556/10000 = 111.2
	require.Equal(t, rows, SampleRows(len(event), event, nil, 2000, 42))
	require.NotEqual(t, rows, SampleRows(len(event), event, nil, 2000, 43))
}

// Rare events are kept: at least one of them, however small the sample.
func TestSampleRowsRareEvents(t *testing.T) {
	event := make([]bool, 1000)
	event[500] = true
	require.Contains(t, SampleRows(1000, event, nil, 10, 1), 500)
}

// Groups stay whole, the sample is no larger than asked unless a single group is, and
// asking for all gives all.
func TestSampleRowsGroups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		event := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "event")
		group := rapid.SliceOfN(rapid.IntRange(0, 9), n, n).Draw(t, "group")
		keep := rapid.IntRange(1, 70).Draw(t, "keep")
		rows := SampleRows(n, event, group, keep, 7)
		require.NotEmpty(t, rows)
		require.True(t, slices.IsSorted(rows))
		in, total := map[int]int{}, map[int]int{}
		largest := 0
		for _, i := range rows {
			in[group[i]]++
		}
		for _, g := range group {
			total[g]++
			largest = max(largest, total[g])
		}
		for g, c := range in {
			require.Equal(t, total[g], c, "group %d is cut", g)
		}
		require.LessOrEqual(t, len(rows), keep+2*largest)
		if keep >= n {
			require.Len(t, rows, n)
		}
	})
}

// A group larger than the share of its stratum is still taken, so the stratum is present.
func TestSampleRowsLargeGroup(t *testing.T) {
	event := []bool{true, false, false, false, false, false}
	require.Contains(t, SampleRows(6, event, []int{1, 1, 1, 2, 3, 4}, 3, 1), 0)
}

// Lengths and sample sizes that the caller could have checked panic.
func TestSampleRowsPanics(t *testing.T) {
	require.Panics(t, func() { SampleRows(2, []bool{true}, nil, 1, 1) })
	require.Panics(t, func() { SampleRows(1, []bool{true}, nil, 0, 1) })
}

func ExampleSampleRows() {
	event := []bool{true, false, true, false, false, false, true, false}
	rows := SampleRows(8, event, nil, 8, 42)
	fmt.Println(rows)
	// Output: [0 1 2 3 4 5 6 7]
}
