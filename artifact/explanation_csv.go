package artifact

import (
	"cmp"
	"slices"
	"strconv"
)

var (
	importanceHeader        = []string{"model", "fold", "column", "cindex_drop", "ibs_rise", "repeats", "rows"}
	importanceSummaryHeader = []string{"model", "column", "rank", "cindex_drop", "cindex_drop_lo", "cindex_drop_hi",
		"ibs_rise", "ibs_rise_lo", "ibs_rise_hi", "n_folds"}
	dependenceHeader = []string{"model", "fold", "column", "value", "horizon", "survival"}
)

func importanceRows(m *Manifest) [][]string {
	var rows [][]string
	for _, i := range m.importance() {
		rows = append(rows, m.cells(i.Column, optional(i.CIndexDrop), optional(i.IBSRise),
			strconv.Itoa(m.Explanation.Repeats), strconv.Itoa(m.Explanation.Rows)))
	}
	return rows
}

func (m *Manifest) importance() []Importance {
	if m.Explanation == nil {
		return nil
	}
	return m.Explanation.Importance
}

func dependenceRows(m *Manifest) [][]string {
	if m.Explanation == nil {
		return nil
	}
	var rows [][]string
	for _, d := range m.Explanation.Dependence {
		for v, curve := range d.Survival {
			for h, s := range curve {
				rows = append(rows, m.cells(d.Column, d.Values[v], number(d.Horizons[h]), number(s)))
			}
		}
	}
	return rows
}

// columnImportance is a column's importance for one model over folds.
type columnImportance struct {
	column    string
	drop, ibs foldValues
	folds     int
}

// importanceSummary has the mean over folds with the interval of Nadeau and Bengio, by
// model and then importance: the largest mean drop of C first, undefined ones last.
func importanceSummary(manifests []*Manifest) [][]string {
	var models []string
	columns := map[string][]*columnImportance{}
	for _, m := range manifests {
		for _, i := range m.importance() {
			if !slices.Contains(models, m.Model) {
				models = append(models, m.Model)
			}
			at := slices.IndexFunc(columns[m.Model], func(c *columnImportance) bool { return c.column == i.Column })
			if at < 0 {
				at = len(columns[m.Model])
				columns[m.Model] = append(columns[m.Model], &columnImportance{column: i.Column})
			}
			c := columns[m.Model][at]
			c.folds++
			c.drop.add(i.CIndexDrop, m.TrainRows, m.TestRows)
			c.ibs.add(i.IBSRise, m.TrainRows, m.TestRows)
		}
	}
	var rows [][]string
	for _, model := range models {
		rows = append(rows, rankedColumns(model, columns[model])...)
	}
	return rows
}

func rankedColumns(model string, columns []*columnImportance) [][]string {
	slices.SortStableFunc(columns, func(a, b *columnImportance) int {
		x, _ := a.drop.meanStd()
		y, _ := b.drop.meanStd()
		switch {
		case x == nil || y == nil:
			return cmp.Compare(len(b.drop.values), len(a.drop.values))
		default:
			return cmp.Compare(*y, *x)
		}
	})
	var rows [][]string
	for k, c := range columns {
		row := []string{model, c.column, strconv.Itoa(k + 1)}
		for _, v := range []foldValues{c.drop, c.ibs} {
			mean, _ := v.meanStd()
			lo, hi := v.interval()
			row = append(row, optional(mean), optional(lo), optional(hi))
		}
		rows = append(rows, append(row, strconv.Itoa(c.folds)))
	}
	return rows
}
