package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

// finished writes a store with one run whose model_metrics.csv has two folds of two models,
// goes there and returns the run's folder.
func finished(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	folder := filepath.Join("outputs", "production", "tiny")
	row := func(model string, fold int, cindex float64) artifact.MetricsRow {
		return artifact.MetricsRow{
			Task: artifact.Task{Model: model, Fold: fold}, Converged: true, TrainRows: 8, TestRows: 2,
			Scores: artifact.Scores{CIndex: &cindex, IBS: number(0.25)},
		}
	}
	metrics := artifact.FormatMetrics([]artifact.MetricsRow{
		row("cox_ph", 0, 0.75), row("cox_ph", 1, 0.5), row("km", 0, 0.5), row("km", 1, 0.5),
	})
	path := filepath.Join(folder, filepath.FromSlash(artifact.MetricsKey))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, metrics, 0o644))
	return folder
}

// Claim: results reads RUN from the store and DIR as it is, in every format, and writes
// nothing.
func TestResults(t *testing.T) {
	folder := finished(t)
	for _, reference := range []string{"production/tiny", folder, "./" + folder + "/"} {
		i, code := invoke(nil, "results", reference)
		require.Equal(t, 0, code, i.err.String())
		require.Contains(t, i.out.String(), "0.6250 ± 0.1768")
	}
	i, code := invoke(nil, "results", "production/tiny", "--json")
	require.Equal(t, 0, code)
	var board []artifact.Standing
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &board))
	require.Equal(t, "cox_ph", board[0].Model)
	require.Equal(t, 0.625, *board[0].CIndexMean)
	i, _ = invoke(nil, "results", "production/tiny", "--format", "csv")
	require.Contains(t, i.out.String(), "model,cindex_mean,cindex_std,ibs_mean,ibs_std,n_folds,rank")
	require.NoFileExists(t, filepath.Join(folder, filepath.FromSlash(artifact.SummaryKey)))
}

// Claim: below the leaderboard, for reading only, stands what the best score is worth once
// corrected for having been chosen; a damaged selection.csv is exit 6.
func TestResultsSayWhatTheBestIsWorth(t *testing.T) {
	folder := finished(t)
	path := filepath.Join(folder, filepath.FromSlash(artifact.SelectionKey))
	write := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o644)) }
	const header = "metric,model,n_models,apparent,corrected,optimism,lo,hi,chosen,replicates,rows,reason\n"
	write(header + "cindex,cox_ph,2,0.625,0.61,0.015,0.58,0.64,150,200,90,\n")
	for _, format := range []string{"table", "markdown"} {
		i, code := invoke(nil, "results", folder, "--format", format)
		require.Equal(t, 0, code, i.err.String())
		require.Contains(t, i.out.String(), "cox_ph is the best of 2 by cross-validation, optimistic: cindex 0.6250 as chosen, about 0.6100 corrected for the choice.")
	}
	i, _ := invoke(nil, "results", folder, "--format", "csv")
	require.NotContains(t, i.out.String(), "optimistic")
	write(header + "cindex,cox_ph,2,0.625,,,,,0,0,0,one fold\n")
	i, code := invoke(nil, "results", folder)
	require.Equal(t, 0, code)
	require.NotContains(t, i.out.String(), "optimistic")
	write("nothing of the kind\n")
	_, code = invoke(nil, "results", folder)
	require.Equal(t, exitCorrupt, code)
}

// Claim: summary writes model_summary.csv from model_metrics.csv alone.
func TestSummary(t *testing.T) {
	folder := finished(t)
	i, code := invoke(nil, "summary", folder)
	require.Equal(t, 0, code, i.err.String())
	written, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(artifact.SummaryKey)))
	require.NoError(t, err)
	fromResults, _ := invoke(nil, "results", folder, "--format", "csv")
	require.Equal(t, fromResults.out.String(), string(written))
}

// Claim: what is missing is exit 4, what is damaged exit 6, each naming the file.
func TestMissingAndDamaged(t *testing.T) {
	folder := finished(t)
	for _, command := range []string{"results", "summary"} {
		i, code := invoke(nil, command, "production/other")
		require.Equal(t, 4, code, command)
		require.Contains(t, i.err.String(), "no run in ")
	}
	path := filepath.Join(folder, filepath.FromSlash(artifact.MetricsKey))
	good := content(t, path)
	require.NoError(t, os.Remove(path))
	i, code := invoke(nil, "summary", folder)
	require.Equal(t, 4, code)
	require.Contains(t, i.err.String(), "model_metrics.csv")
	require.NoError(t, os.WriteFile(path, []byte(good), 0o644))
	require.NoError(t, os.WriteFile(path, []byte("model,fold\ncox_ph,0\n"), 0o644))
	for _, command := range []string{"results", "summary"} {
		i, code := invoke(nil, command, folder)
		require.Equal(t, 6, code, command)
		require.Contains(t, i.err.String(), "model_metrics.csv: line 1")
	}
}

// Claim: list shows what is in the store, and an empty or absent store is not an error.
func TestList(t *testing.T) {
	folder := finished(t)
	i, code := invoke(nil, "list", "--store", "nothing")
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "no runs in")
	i, code = invoke(nil, "list", "--store", "nothing", "--json")
	require.Equal(t, 0, code)
	require.JSONEq(t, "[]", i.out.String())

	require.NoError(t, os.WriteFile(filepath.Join(folder, artifact.RunKey), []byte("{"), 0o644))
	i, code = invoke(nil, "list", "--type", "production")
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "production/tiny")
	require.Contains(t, i.out.String(), "damaged")
	i, code = invoke(nil, "list", "--type", "sample", "--json")
	require.Equal(t, 0, code)
	require.JSONEq(t, "[]", i.out.String())
	_, code = invoke(nil, "list", "--type", "test")
	require.Equal(t, 2, code)
}

// Claim: report writes the page from what there is, says where it is and what it had to leave
// out, needs no server, and is exit 4 where there is no run.
func TestReport(t *testing.T) {
	folder := finished(t)
	i, code := invoke(nil, "report", "production/tiny")
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "Left out run.json: it is missing\n")
	require.Contains(t, i.out.String(), "outputs/production/tiny/report/index.html: 0 pictures\n")
	require.FileExists(t, filepath.Join(folder, filepath.FromSlash(artifact.ReportKey)))

	i, code = invoke(nil, "report", folder, "--json")
	require.Equal(t, 0, code)
	var done struct {
		Page     string
		Problems []string
	}
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &done))
	require.Contains(t, done.Page, "/report/index.html")
	require.Len(t, done.Problems, 1)

	i, code = invoke(nil, "report", "production/other")
	require.Equal(t, exitNotFound, code)
	require.Contains(t, i.err.String(), "no run.json in")
}

// Claim: where run.json or a table of a run is lost or damaged, every command that needs it says
// so, and names the command that brings it back; that run's folder is not taken for an empty one.
func TestLostFilesOfARun(t *testing.T) {
	folder := finished(t)
	require.NoError(t, os.WriteFile("new.csv", []byte("age\n1\n"), 0o644))
	fails := func(code int, want string, args ...string) {
		t.Helper()
		i, got := invoke(nil, args...)
		require.Equal(t, code, got, args)
		require.Contains(t, i.err.String(), want, args)
		require.Contains(t, i.err.String(), "starter recover ", args)
	}
	fails(exitNotFound, "no run.json in", "track", "status", folder)
	fails(exitNotFound, "no run.json in", "compare", folder, "production/none")
	fails(exitNotFound, "no run.json in", "predict", folder, "--data", "new.csv", "--out", "scored.csv")
	i, code := invoke(nil, "recover", folder)
	require.Equal(t, exitNotFound, code)
	require.Contains(t, i.err.String(), "starter summary and starter results work without; the run's manifests and run.json are both lost")

	require.NoError(t, os.WriteFile(filepath.Join(folder, artifact.RunKey), []byte("{"), 0o644))
	for _, args := range [][]string{{"results"}, {"track", "status"}} {
		fails(exitCorrupt, "run.json: artifact damaged", append(args, folder)...)
	}
	require.NoError(t, os.Remove(filepath.Join(folder, filepath.FromSlash(artifact.MetricsKey))))
	fails(exitNotFound, "no artifacts/model_metrics.csv", "summary", folder)
}
