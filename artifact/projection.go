package artifact

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// projection is a table of what manifests say beside model_metrics.csv.
type projection struct {
	key    string
	header []string
	rows   func(manifests []*Manifest) [][]string
}

// projections are the tables that Summarize writes of complete folds alone; ph_tests.csv has
// final models, too.
func projections() []projection {
	return []projection{
		{CoefficientsKey, coefficientsHeader, eachFold(coefficientRows)},
		{ModelTestsKey, modelTestsHeader, eachFold(modelTestRows)},
		{DetailsKey, detailsHeader, eachFold(detailRows)},
		{CalibrationKey, calibrationHeader, eachFold(calibrationRows)},
		{CurvesKey, curvesHeader, eachFold(curveRows)},
		{ImportanceKey, importanceHeader, eachFold(importanceRows)},
		{ImportanceSummaryKey, importanceSummaryHeader, importanceSummary},
		{DependenceKey, dependenceHeader, eachFold(dependenceRows)},
	}
}

// eachFold puts the rows of one manifest after those of the one before.
func eachFold(rows func(*Manifest) [][]string) func([]*Manifest) [][]string {
	return func(manifests []*Manifest) [][]string {
		var all [][]string
		for _, m := range manifests {
			all = append(all, rows(m)...)
		}
		return all
	}
}

// writeProjections brings the tables in line with the manifests, side by side: a durable
// write waits for the disk or the network.
func writeProjections(ctx context.Context, s store.Store, run *Run, manifests []*Manifest) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range projections() {
		group.Go(func() error { return writeTable(ctx, s, p.key, p.header, fixed(p.rows(manifests))) })
	}
	group.Go(func() error { return writePHTests(ctx, s, run, manifests) })
	return group.Wait()
}

func fixed(rows [][]string) func() ([][]string, error) {
	return func() ([][]string, error) { return rows, nil }
}

// writeTable writes a table by compare-and-swap; what rows reads, it reads anew after a
// conflict. Without rows there is no such file, unless one is there already: it then loses
// its rows.
func writeTable(ctx context.Context, s store.Store, key string, header []string, rows func() ([][]string, error)) error {
	first, err := rows()
	if err != nil {
		return err
	}
	if len(first) == 0 {
		_, _, err := store.ReadAll(ctx, s, key, maxTable)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return swapTable(ctx, s, key, func() ([]byte, error) {
		now, err := rows()
		return formatCSV(append([][]string{header}, now...)), err
	})
}
