package resample

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func events(n, every int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = i%every == 0
	}
	return out
}

// Every row is tested exactly once a repeat, train is the complement, groups stay whole.
func TestKFoldPartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(12, 80).Draw(t, "n")
		event := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "event")
		group := rapid.SliceOfN(rapid.IntRange(-3, 8), n, n).Draw(t, "group")
		if rapid.Bool().Draw(t, "ungrouped") {
			group = nil
		}
		opt := KFoldOptions{K: rapid.IntRange(2, 5).Draw(t, "k"), Repeats: rapid.IntRange(0, 3).Draw(t, "repeats"),
			Seed: rapid.Uint64().Draw(t, "seed"), Stratify: rapid.Bool().Draw(t, "stratify")}
		folds, err := KFold(opt, event, group)
		if err != nil {
			require.ErrorIs(t, err, ErrFolds)
			return
		}
		require.Len(t, folds, opt.K*max(opt.Repeats, 1))
		checkPartition(t, folds, opt.K, n, group)
	})
}

func checkPartition(t require.TestingT, folds []Fold, k, n int, group []int) {
	for from := 0; from < len(folds); from += k {
		tested := make([]int, n)
		home := map[int]int{}
		for j, fold := range folds[from : from+k] {
			require.Equal(t, from+j, fold.Index)
			require.Equal(t, from/k, fold.Repeat)
			require.NotEmpty(t, fold.Test)
			require.True(t, slices.IsSorted(fold.Test) && slices.IsSorted(fold.Train))
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(slices.Concat(fold.Test, fold.Train)))), n)
			for _, i := range fold.Test {
				tested[i]++
				if group != nil {
					if at, ok := home[group[i]]; ok {
						require.Equal(t, at, j, "group in two folds")
					}
					home[group[i]] = j
				}
			}
		}
		for i, times := range tested {
			require.Equal(t, 1, times, "row %d", i)
		}
	}
}

// Ungrouped, stratified folds differ by at most one event and one row, even where the
// events do not divide by k (censored rows go by rows, not to the folds short of an event).
func TestKFoldBalance(t *testing.T) {
	event := events(1003, 4) // 251 events
	folds, err := KFold(KFoldOptions{K: 5, Repeats: 2, Seed: 1, Stratify: true}, event, nil)
	require.NoError(t, err)
	for _, fold := range folds {
		n := 0
		for _, i := range fold.Test {
			if event[i] {
				n++
			}
		}
		require.Contains(t, []int{50, 51}, n)
		require.Contains(t, []int{200, 201}, len(fold.Test))
	}
	require.NotEqual(t, folds[0].Test, folds[5].Test, "repeats are independent")
}

// The rule of greedy assignment, by hand: groups of 3, 2 and 1 events and two of none.
func TestKFoldGroupRule(t *testing.T) {
	var event []bool
	var group []int
	add := func(id, rows, events int) {
		for r := range rows {
			event, group = append(event, r < events), append(group, id)
		}
	}
	add(10, 1, 0)
	add(11, 3, 3)
	add(12, 4, 2)
	add(13, 1, 1)
	add(14, 2, 0)
	folds, err := KFold(KFoldOptions{K: 2, Seed: 9, Stratify: true}, event, group)
	require.NoError(t, err)
	of := map[int]int{}
	for _, fold := range folds {
		for _, i := range fold.Test {
			of[group[i]] = fold.Index
		}
	}
	// 11 (3 events) → fold 0; 12 (2) → fold 1; 13 (1) → fold 1. Now both have 3 events, and 3
	// and 5 rows: the groups of 1 and 2 rows without events both go to fold 0.
	require.Equal(t, map[int]int{10: 0, 11: 0, 12: 1, 13: 1, 14: 0}, of)
}

// What cannot be split is refused with the counts.
func TestKFoldErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		opt   KFoldOptions
		event []bool
		group []int
		want  string
	}{
		{"k", KFoldOptions{K: 1}, events(10, 2), nil, "k = 1, at least 2 is allowed"},
		{"repeats", KFoldOptions{K: 2, Repeats: -1}, events(10, 2), nil, "repeats = -1"},
		{"rows", KFoldOptions{K: 11}, events(10, 2), nil, "k = 11, but there are 10 rows: at most that many folds are allowed"},
		{"groups", KFoldOptions{K: 3}, events(4, 2), []int{1, 1, 2, 2}, "k = 3, but there are 2 groups"},
		{"events", KFoldOptions{K: 3, Stratify: true}, events(10, 5), nil, "there are 2 rows with an event (of 10): at most that many folds are allowed, or stratify: none"},
		{"group events", KFoldOptions{K: 2, Stratify: true}, []bool{true, true, false, false}, []int{1, 1, 2, 2},
			"there are 1 groups with an event (of 2)"},
	} {
		_, err := KFold(c.opt, c.event, c.group)
		require.ErrorIs(t, err, ErrFolds, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
	require.Panics(t, func() { _, _ = KFold(KFoldOptions{K: 2}, events(4, 2), []int{1}) })
}

// Fewer events than folds are allowed where events are not balanced.
func TestKFoldUnstratifiedFewEvents(t *testing.T) {
	folds, err := KFold(KFoldOptions{K: 4, Seed: 3}, events(10, 10), nil)
	require.NoError(t, err)
	require.Len(t, folds, 4)
}

// The assignment is part of the run's identity: it never changes for a given seed.
func TestKFoldFrozen(t *testing.T) {
	folds, err := KFold(KFoldOptions{K: 3, Seed: 42, Stratify: true}, events(12, 3), nil)
	require.NoError(t, err)
	require.Equal(t, "[0 1 6 7] [2 4 8 9] [3 5 10 11]", fmt.Sprint(folds[0].Test, folds[1].Test, folds[2].Test))
}

func ExampleKFold() {
	event := []bool{true, false, true, false, true, false, true, false}
	folds, err := KFold(KFoldOptions{K: 4, Seed: 42, Stratify: true}, event, nil)
	if err != nil {
		panic(err)
	}
	for _, fold := range folds {
		fmt.Println(fold.Index, len(fold.Test), len(fold.Train))
	}
	// Output:
	// 0 2 6
	// 1 2 6
	// 2 2 6
	// 3 2 6
}

func BenchmarkKFold(b *testing.B) {
	event := events(287_013, 2)
	for b.Loop() {
		if _, err := KFold(KFoldOptions{K: 5, Seed: 42, Stratify: true}, event, nil); err != nil {
			b.Fatal(err)
		}
	}
}
