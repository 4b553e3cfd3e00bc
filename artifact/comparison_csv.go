package artifact

import (
	"context"
	"strconv"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

var (
	comparisonHeader = []string{"metric", "model_a", "model_b", "n_folds", "difference", "se", "lo", "hi", "t", "df", "p", "p_holm", "reason"}
	selectionHeader  = []string{"metric", "model", "n_models", "apparent", "corrected", "optimism", "lo", "hi", "chosen", "replicates", "rows", "reason"}
)

// Comparison is a row of comparison.csv: two models' fold scores by one metric. Difference
// is the mean of A − B. Values are nil where Reason says why.
type Comparison struct {
	Metric, A, B            string
	Folds, DF               int
	Difference, SE, Low, Hi *float64
	T, P                    *float64
	PHolm                   *float64 // p adjusted for all comparisons by the metric
	Reason                  string
}

// Selection is a row of selection.csv: the best of several models by one metric, and what
// its score is worth after it was chosen by it. Values are nil where Reason says why.
type Selection struct {
	Metric, Model                          string
	Models                                 int
	Apparent, Corrected, Optimism, Low, Hi *float64
	Chosen, Replicates                     int // replicates that chose the model; all used
	Rows                                   int // on which all this was computed
	Reason                                 string
}

// WriteComparison writes comparison.csv and selection.csv.
func WriteComparison(ctx context.Context, s store.Store, comparisons []Comparison, selections []Selection) error {
	var compared, selected [][]string
	for _, c := range comparisons {
		compared = append(compared, []string{c.Metric, c.A, c.B, strconv.Itoa(c.Folds), optional(c.Difference), optional(c.SE),
			optional(c.Low), optional(c.Hi), optional(c.T), strconv.Itoa(c.DF), optional(c.P), optional(c.PHolm), c.Reason})
	}
	for _, c := range selections {
		selected = append(selected, []string{c.Metric, c.Model, strconv.Itoa(c.Models), optional(c.Apparent), optional(c.Corrected),
			optional(c.Optimism), optional(c.Low), optional(c.Hi), strconv.Itoa(c.Chosen), strconv.Itoa(c.Replicates), strconv.Itoa(c.Rows), c.Reason})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return writeTable(ctx, s, ComparisonKey, comparisonHeader, fixed(compared)) })
	group.Go(func() error { return writeTable(ctx, s, SelectionKey, selectionHeader, fixed(selected)) })
	return group.Wait()
}
