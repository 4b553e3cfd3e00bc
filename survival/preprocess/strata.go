package preprocess

import (
	"slices"
	"strconv"

	"everfold/survival"
)

// strata numbers the combinations of stratum cells in the training rows.
type strata struct {
	Columns []string   `json:"columns"`
	Keys    [][]string `json:"keys"` // cells of each stratum, sorted; the index is the number
}

func fitStrata(x *survival.Frame, rows []int, columns []string) (*strata, error) {
	features, err := stratumFeatures(x, columns)
	if err != nil {
		return nil, err
	}
	s := &strata{Columns: slices.Clone(columns)}
	seen := map[string]bool{}
	for _, r := range rows {
		cells := stratumCells(features, r)
		if key := joinCells(cells); !seen[key] {
			seen[key] = true
			s.Keys = append(s.Keys, cells)
		}
	}
	slices.SortFunc(s.Keys, slices.Compare[[]string])
	return s, nil
}

// apply numbers the strata of the given rows. A combination that training lacked gets the
// number after the last, and is counted.
func (s *strata) apply(x *survival.Frame, rows []int) (numbers []int, unseen int, err error) {
	features, err := stratumFeatures(x, s.Columns)
	if err != nil {
		return nil, 0, err
	}
	number := make(map[string]int, len(s.Keys))
	for k, cells := range s.Keys {
		number[joinCells(cells)] = k
	}
	numbers = make([]int, len(rows))
	for k, r := range rows {
		n, ok := number[joinCells(stratumCells(features, r))]
		if !ok {
			n = len(s.Keys)
			unseen++
		}
		numbers[k] = n
	}
	return numbers, unseen, nil
}

func stratumFeatures(x *survival.Frame, columns []string) ([]*survival.Feature, error) {
	features := make([]*survival.Feature, len(columns))
	for k, name := range columns {
		f, err := x.Column(name)
		if err != nil {
			return nil, err
		}
		features[k] = f
	}
	return features, nil
}

// stratumCells are the cells of a row as text; a missing cell is MissingLevel.
func stratumCells(features []*survival.Feature, row int) []string {
	cells := make([]string, len(features))
	for k, f := range features {
		switch {
		case f.Missing(row):
			cells[k] = MissingLevel
		case f.Kind == survival.CategoricalFeature:
			cells[k] = f.Levels[f.Codes[row]]
		default:
			cells[k] = strconv.FormatFloat(f.Values[row], 'g', -1, 64)
		}
	}
	return cells
}

// joinCells makes one key of cells, each behind its length so that no two lists collide.
func joinCells(cells []string) string {
	var key []byte
	for _, c := range cells {
		key = strconv.AppendInt(key, int64(len(c)), 10)
		key = append(append(key, ':'), c...)
	}
	return string(key)
}
