package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// addStore gives a command the flag --store.
func addStore(command *cobra.Command, store *string) {
	command.Flags().StringVar(store, "store", defaultStore, "the store of runs: a folder or an s3:// URI")
}

// runFolder is where RUN or DIR has its files: a RUN in the store, else DIR itself.
func runFolder(words, store string) (string, error) {
	run, err := parseRun(words)
	if err != nil {
		return storeURI(words)
	}
	uri, err := storeURI(store)
	if err != nil {
		return "", err
	}
	return run.dir(uri), nil
}

// mostMetrics bounds the table of all folds: a line takes some 200 bytes.
const mostMetrics = 1 << 28

// readStandings computes the leaderboard from model_metrics.csv, so that it is as fresh as
// the last completed fold. run.json, where there is one, tells which folds are still missing.
func readStandings(ctx context.Context, folder string) ([]artifact.Standing, error) {
	s, err := (&app.Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil, storeProblem(folder, err)
	}
	var plan *artifact.SummaryPlan
	run, _, err := artifact.ReadRun(ctx, s)
	switch {
	case err == nil:
		plan = run.SummaryPlan()
	case !errors.Is(err, app.ErrNotFound):
		return nil, fileError(folder, err)
	}
	body, _, err := s.Get(ctx, artifact.MetricsKey)
	if err != nil {
		return nil, fileError(folder, err)
	}
	defer body.Close()
	metrics, err := io.ReadAll(io.LimitReader(body, mostMetrics)) // of a longer one the end is not whole
	if err != nil {
		return nil, fileError(folder, err)
	}
	standings, err := artifact.Standings(metrics, plan)
	if err != nil {
		return nil, fileError(folder, fmt.Errorf("%s: %w", artifact.MetricsKey, err))
	}
	return standings, nil
}

// readSelection is what the best model's score is worth, from selection.csv: nil where there
// is none, as before a run's end.
func readSelection(ctx context.Context, folder string) (*artifact.Selection, error) {
	s, err := (&app.Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil, storeProblem(folder, err)
	}
	selection, err := artifact.ReadSelection(ctx, s)
	if err != nil {
		return nil, fileError(folder, err)
	}
	return selection, nil
}

// fileError gives an error about a run's files its exit code and the next step.
func fileError(folder string, err error) error {
	var badCSV *artifact.CSVError
	switch {
	case errors.Is(err, app.ErrNotFound) && !hasRun(folder):
		return noRun(folder)
	case errors.Is(err, app.ErrNotFound):
		return fail(exitNotFound, hints("a run has this file from its first complete fold on; starter status RUN asks the server how far it is", remade(folder)),
			"no %s in %s", artifact.MetricsKey, folder)
	case errors.As(err, &badCSV), errors.Is(err, artifact.ErrDamaged), errors.Is(err, app.ErrContentCorrupt):
		return fail(exitCorrupt, remade(folder), "%s: %w", folder, err)
	case errors.Is(err, app.ErrStoreUnavailable):
		return fail(exitUnreachable, "check that the store can be read", "%s: %w", folder, err)
	}
	return fmt.Errorf("%s: %w", folder, err)
}

// remade says what is to be done about files that are lost or damaged.
func remade(folder string) string {
	return "starter recover " + folder + " --dry-run says what is intact; without --dry-run it makes the rest anew"
}
