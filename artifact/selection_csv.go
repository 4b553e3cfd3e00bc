package artifact

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"everfold/store"
)

// ReadStandings is the leaderboard of the model_metrics.csv in place.
func ReadStandings(ctx context.Context, s store.Store, run *Run) ([]Standing, error) {
	content, _, err := store.ReadAll(ctx, s, MetricsKey, maxTable)
	if err != nil {
		return nil, fmt.Errorf("read standings: %w", err)
	}
	standings, err := Standings(content, run.SummaryPlan())
	if err != nil {
		return nil, fmt.Errorf("read standings: %s: %w", MetricsKey, err)
	}
	return standings, nil
}

// ReadSelection is the row of selection.csv; nil where there is none, as with a single
// model. A file that is none wraps ErrDamaged.
func ReadSelection(ctx context.Context, s store.Store) (*Selection, error) {
	records, err := readTable(ctx, s, SelectionKey, selectionHeader)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	r := record{header: selectionHeader, cells: records[0]}
	out := &Selection{Metric: r.text("metric"), Model: r.text("model"), Models: r.whole("n_models"),
		Apparent: r.real("apparent"), Corrected: r.real("corrected"), Optimism: r.real("optimism"), Low: r.real("lo"), Hi: r.real("hi"),
		Chosen: r.whole("chosen"), Replicates: r.whole("replicates"), Rows: r.whole("rows"), Reason: r.text("reason")}
	if r.bad != nil {
		return nil, fmt.Errorf("%s: %w: a cell is no number", SelectionKey, ErrDamaged)
	}
	return out, nil
}

// ReadComparisons are the rows of comparison.csv; none where there is no such file. A file that
// is none wraps ErrDamaged.
func ReadComparisons(ctx context.Context, s store.Store) ([]Comparison, error) {
	records, err := readTable(ctx, s, ComparisonKey, comparisonHeader)
	if err != nil {
		return nil, err
	}
	out := make([]Comparison, len(records))
	for i, cells := range records {
		r := record{header: comparisonHeader, cells: cells}
		out[i] = Comparison{Metric: r.text("metric"), A: r.text("model_a"), B: r.text("model_b"), Folds: r.whole("n_folds"), DF: r.whole("df"),
			Difference: r.real("difference"), SE: r.real("se"), Low: r.real("lo"), Hi: r.real("hi"),
			T: r.real("t"), P: r.real("p"), PHolm: r.real("p_holm"), Reason: r.text("reason")}
		if r.bad != nil {
			return nil, fmt.Errorf("%s: %w: a cell of row %d is no number", ComparisonKey, ErrDamaged, i+1)
		}
	}
	return out, nil
}

// readTable reads the rows of a small table; none where there is no such file.
func readTable(ctx context.Context, s store.Store, key string, header []string) ([][]string, error) {
	content, _, err := store.ReadAll(ctx, s, key, maxTable)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0], header) {
		return nil, fmt.Errorf("%s: %w: it is not that table", key, ErrDamaged)
	}
	return records[1:], nil
}

// record reads the cells of a row by their columns; bad is set where one is no number.
type record struct {
	header, cells []string
	bad           error
}

func (r *record) text(column string) string { return r.cells[slices.Index(r.header, column)] }

// real is nil where the cell is empty.
func (r *record) real(column string) *float64 {
	if r.text(column) == "" {
		return nil
	}
	v, err := strconv.ParseFloat(r.text(column), 64)
	r.bad = errors.Join(r.bad, err)
	return &v
}

func (r *record) whole(column string) int {
	v, err := strconv.Atoi(r.text(column))
	r.bad = errors.Join(r.bad, err)
	return v
}

// CompleteFolds are the manifests of the run's folds that verify against their own digests
// and have both fingerprints of the run, in the order of Run.Tasks. cache may be nil.
func CompleteFolds(ctx context.Context, s store.Store, run *Run, cache *Cache) ([]*Manifest, error) {
	if cache == nil {
		cache = &Cache{}
	}
	return listed(ctx, s, run, cache)
}
