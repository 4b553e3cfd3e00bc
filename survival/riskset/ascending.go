package riskset

// Ascending returns the indices of v in ascending order of value, equal values by index,
// in O(n). v must not hold NaN.
func Ascending(v []float64) []int {
	rows := make([]int, len(v))
	for i := range rows {
		rows[i] = i
	}
	sortByKey(rows, func(i int) uint64 { return sortKey(v[i]) })
	return rows
}
