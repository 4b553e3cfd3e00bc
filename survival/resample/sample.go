package resample

import (
	"cmp"
	"math"
	"slices"
)

// SampleRows chooses about keep of n rows, ascending: whole groups (nil: every row is its
// own), stratified by whether a group holds an event. Each of the two strata gets its
// share of keep, the one with events rounded to nearest and at least 1; its groups are
// taken in counter-RNG order as long as they fit. Without groups the result has exactly
// keep rows; with groups at most keep, but where every group of a stratum is larger than
// the share, the first in order is taken whole. keep ≥ n gives all rows.
//
// It panics where keep < 1, or event or group have a length other than n.
func SampleRows(n int, event []bool, group []int, keep int, seed uint64) []int {
	if len(event) != n || (group != nil && len(group) != n) {
		panic("resample: event or group has a length other than n")
	}
	if keep < 1 {
		panic("resample: keep < 1")
	}
	member, size := groupRows(n, group)
	taken := make([]bool, len(size))
	if keep >= n {
		keep = n
	}
	strata, rows := eventStrata(event, member, size)
	share := strataShares(keep, rows)
	key := SubSeed(seed, "sample")
	for s, groups := range strata {
		takeGroups(taken, groups, size, share[s], key)
	}
	out := make([]int, 0, keep)
	for i, g := range member {
		if taken[g] {
			out = append(out, i)
		}
	}
	return out
}

// eventStrata lists the groups without (0) and with (1) an event, and their rows.
func eventStrata(event []bool, member, size []int) (strata [2][]int, rows [2]int) {
	with := make([]int, len(size))
	for i, e := range event {
		if e {
			with[member[i]] = 1
		}
	}
	for g, s := range with {
		strata[s] = append(strata[s], g)
		rows[s] += size[g]
	}
	return strata, rows
}

// strataShares divides keep in proportion to rows, at least one row to the stratum with
// events and never more than a stratum has.
func strataShares(keep int, rows [2]int) [2]int {
	total := rows[0] + rows[1]
	if total == 0 || rows[1] == 0 {
		return [2]int{keep, 0}
	}
	with := int(math.Round(float64(keep) * float64(rows[1]) / float64(total)))
	with = min(max(with, 1, keep-rows[0]), rows[1])
	return [2]int{keep - with, with}
}

// keyed is an item with what puts it into random order.
type keyed struct {
	key  uint64
	item int
}

// takeGroups marks the groups of one stratum that fit into share rows, in random order.
func takeGroups(taken []bool, groups, size []int, share int, key uint64) {
	if share == 0 || len(groups) == 0 {
		return
	}
	order := make([]keyed, len(groups))
	for i, g := range groups {
		order[i] = keyed{orderKey(key, g), g}
	}
	slices.SortFunc(order, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.item, b.item)) })
	left := share
	for _, o := range order {
		if size[o.item] <= left {
			taken[o.item] = true
			left -= size[o.item]
		}
	}
	if left == share {
		taken[order[0].item] = true
	}
}
