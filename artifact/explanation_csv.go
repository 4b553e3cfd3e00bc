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

// ImportanceOf is a column's importance for one model over folds: a row of
// importance_summary.csv. Values are nil where undefined.
type ImportanceOf struct {
	Model, Column  string
	Rank           int // 1: the largest mean drop of C
	Drop, Lo, Hi   *float64
	Rise, RLo, RHi *float64 // of the IBS
	Folds          int
}

// columnImportance is a column's importance for one model over folds.
type columnImportance struct {
	column    string
	drop, ibs foldValues
	folds     int
}

// Importances are the mean over folds with the interval of Nadeau and Bengio, by
// model and then importance: the largest mean drop of C first, undefined ones last.
func Importances(manifests []*Manifest) []ImportanceOf {
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
	var all []ImportanceOf
	for _, model := range models {
		all = append(all, rankedColumns(model, columns[model])...)
	}
	return all
}

func rankedColumns(model string, columns []*columnImportance) []ImportanceOf {
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
	out := make([]ImportanceOf, len(columns))
	for k, c := range columns {
		i := &out[k]
		i.Model, i.Column, i.Rank, i.Folds = model, c.column, k+1, c.folds
		i.Drop, _ = c.drop.meanStd()
		i.Lo, i.Hi = c.drop.interval()
		i.Rise, _ = c.ibs.meanStd()
		i.RLo, i.RHi = c.ibs.interval()
	}
	return out
}

func importanceSummary(manifests []*Manifest) [][]string {
	var rows [][]string
	for _, i := range Importances(manifests) {
		rows = append(rows, []string{i.Model, i.Column, strconv.Itoa(i.Rank), optional(i.Drop), optional(i.Lo), optional(i.Hi),
			optional(i.Rise), optional(i.RLo), optional(i.RHi), strconv.Itoa(i.Folds)})
	}
	return rows
}
