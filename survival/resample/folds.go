package resample

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrFolds: the rows cannot be split as asked. The wrapping error gives the counts.
var ErrFolds = errors.New("folds cannot be formed")

// Fold is one outer split. Test and Train are ascending row numbers of the prepared
// table and share no row; Index is repeat·k + j, or the number in the folds file.
type Fold struct {
	Index, Repeat int
	Test, Train   []int
}

// KFoldOptions are the settings of KFold.
type KFoldOptions struct {
	K        int    // number of folds of one repeat, at least 2
	Repeats  int    // independent partitions; 0 means 1
	Seed     uint64 // of the run; the purpose "folds" and the repeat are mixed in here
	Stratify bool   // balance events over the folds, not only rows
}

// KFold partitions the rows into K folds, Repeats times. Rows of one group stay in one
// fold; without group (nil) every row is its own group.
//
// Groups are put into counter-RNG order, then stably by descending event count; each goes
// to the fold with fewest events, then fewest rows, then lowest index. A group without
// events cannot change the event balance and goes by rows first, then events. Without
// Stratify, row counts take the place of event counts. The cost is O(n·K + n·log n).
//
// Errors wrap ErrFolds: K < 2, K above the number of groups (of rows), or, with Stratify,
// above the number of groups with an event. It panics where event and group differ in length.
func KFold(opt KFoldOptions, event []bool, group []int) ([]Fold, error) {
	if group != nil && len(group) != len(event) {
		panic("resample: event and group differ in length")
	}
	member, size := groupRows(len(event), group)
	events := make([]int, len(size))
	for i, e := range event {
		if e {
			events[member[i]]++
		}
	}
	if err := feasible(opt, size, events, group != nil); err != nil {
		return nil, err
	}
	folds := make([]Fold, 0, opt.K*max(opt.Repeats, 1))
	for repeat := range max(opt.Repeats, 1) {
		key := SubSeed(opt.Seed, "folds", uint64(repeat))
		of := assign(opt, key, size, events)
		folds = append(folds, partition(repeat, opt.K, member, of)...)
	}
	return folds, nil
}

// groupRows numbers the groups in order of first appearance: member[i] is the group of
// row i, size[g] its rows.
func groupRows(n int, group []int) (member, size []int) {
	member = make([]int, n)
	if group == nil {
		size = make([]int, n)
		for i := range n {
			member[i], size[i] = i, 1
		}
		return member, size
	}
	number := make(map[int]int)
	for i, id := range group {
		g, seen := number[id]
		if !seen {
			g = len(size)
			number[id] = g
			size = append(size, 0)
		}
		member[i] = g
		size[g]++
	}
	return member, size
}

func feasible(opt KFoldOptions, size, events []int, grouped bool) error {
	unit, eventful := "rows", "rows with an event"
	if grouped {
		unit, eventful = "groups", "groups with an event"
	}
	with := 0
	for _, e := range events {
		if e > 0 {
			with++
		}
	}
	switch {
	case opt.K < 2:
		return fmt.Errorf("%w: k = %d, at least 2 is allowed", ErrFolds, opt.K)
	case opt.Repeats < 0:
		return fmt.Errorf("%w: repeats = %d, at least 1 is allowed", ErrFolds, opt.Repeats)
	case opt.K > len(size):
		return fmt.Errorf("%w: k = %d, but there are %d %s: at most that many folds are allowed", ErrFolds, opt.K, len(size), unit)
	case opt.Stratify && opt.K > with:
		return fmt.Errorf("%w: k = %d with stratify: event, but there are %d %s (of %d): at most that many folds are allowed, or stratify: none",
			ErrFolds, opt.K, with, eventful, len(size))
	}
	return nil
}

// assign gives each group its fold.
func assign(opt KFoldOptions, key uint64, size, events []int) []int {
	load := events
	if !opt.Stratify {
		load = size
	}
	type entry struct {
		key   uint64
		group int
	}
	order := make([]entry, len(size))
	for g := range size {
		order[g] = entry{orderKey(key, g), g}
	}
	slices.SortFunc(order, func(a, b entry) int {
		return cmp.Or(cmp.Compare(load[b.group], load[a.group]), cmp.Compare(a.key, b.key), cmp.Compare(a.group, b.group))
	})
	of := make([]int, len(size))
	loads, rows := make([]int, opt.K), make([]int, opt.K)
	for _, e := range order {
		first, second := loads, rows
		if load[e.group] == 0 {
			first, second = rows, loads
		}
		j := lightest(first, second)
		of[e.group] = j
		loads[j] += load[e.group]
		rows[j] += size[e.group]
	}
	return of
}

// lightest is the lowest index of the smallest (first, second).
func lightest(first, second []int) int {
	best := 0
	for j := 1; j < len(first); j++ {
		if first[j] < first[best] || (first[j] == first[best] && second[j] < second[best]) {
			best = j
		}
	}
	return best
}

// partition lists test and train rows of each fold of one repeat.
func partition(repeat, k int, member, of []int) []Fold {
	count := make([]int, k)
	for _, g := range member {
		count[of[g]]++
	}
	folds := make([]Fold, k)
	for j := range folds {
		folds[j] = Fold{
			Index: repeat*k + j, Repeat: repeat,
			Test: make([]int, 0, count[j]), Train: make([]int, 0, len(member)-count[j]),
		}
	}
	for i, g := range member {
		for j := range folds {
			if of[g] == j {
				folds[j].Test = append(folds[j].Test, i)
			} else {
				folds[j].Train = append(folds[j].Train, i)
			}
		}
	}
	return folds
}
