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
	content, _, err := store.ReadAll(ctx, s, SelectionKey, maxTable)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read selection: %w", err)
	}
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0], selectionHeader) {
		return nil, fmt.Errorf("%s: %w: it is not that table", SelectionKey, ErrDamaged)
	}
	if len(records) == 1 {
		return nil, nil
	}
	return parseSelection(records[1])
}

func parseSelection(record []string) (*Selection, error) {
	var bad error
	text := func(column string) string { return record[slices.Index(selectionHeader, column)] }
	real := func(column string) *float64 {
		if text(column) == "" {
			return nil
		}
		v, err := strconv.ParseFloat(text(column), 64)
		bad = errors.Join(bad, err)
		return &v
	}
	whole := func(column string) int {
		v, err := strconv.Atoi(text(column))
		bad = errors.Join(bad, err)
		return v
	}
	out := &Selection{Metric: text("metric"), Model: text("model"), Models: whole("n_models"),
		Apparent: real("apparent"), Corrected: real("corrected"), Optimism: real("optimism"), Low: real("lo"), Hi: real("hi"),
		Chosen: whole("chosen"), Replicates: whole("replicates"), Rows: whole("rows"), Reason: text("reason")}
	if bad != nil {
		return nil, fmt.Errorf("%s: %w: a cell is no number", SelectionKey, ErrDamaged)
	}
	return out, nil
}

// CompleteFolds are the manifests of the run's folds that verify against their own digests
// and have both fingerprints of the run, in the order of Run.Tasks. cache may be nil.
func CompleteFolds(ctx context.Context, s store.Store, run *Run, cache *Cache) ([]*Manifest, error) {
	if cache == nil {
		cache = &Cache{}
	}
	return listed(ctx, s, run, cache)
}
