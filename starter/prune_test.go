package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// oldRuns goes to a folder with a store of runs that began and have no folds, each started
// so many days ago.
func oldRuns(t *testing.T, daysAgo map[string]int) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, days := range daysAgo {
		folder := filepath.Join("outputs", "production", name)
		s, err := (&app.Stores{}).Open(t.Context(), config.Store{URI: folder})
		require.NoError(t, err)
		spec, err := config.ParseYAML([]byte("run: "+name+"\ntype: production\ndata: {uri: /x.csv, time: t, event: e}\n"), "")
		require.NoError(t, err)
		require.NoError(t, artifact.WriteRun(t.Context(), s, &artifact.Run{Spec: spec, Updated: time.Now().AddDate(0, 0, -days)}, ""))
	}
}

// alone runs a command line where no server is configured.
func alone(args ...string) (*invocation, int) {
	i := prepared(nil)
	i.program.services.configured = func() (bool, error) { return false, nil }
	return i, i.program.main(context.Background(), args)
}

func there(name string) bool {
	_, err := os.Stat(filepath.Join("outputs", "production", name))
	return err == nil
}

// Claim: prune removes what is too old of the runs that it is told of; without a server it
// spares what was written to within the last hour; a dry run changes nothing.
func TestPrune(t *testing.T) {
	oldRuns(t, map[string]int{"churn-1": 100, "churn-2": 5, "other": 100})
	args := []string{"prune", "--max-age", "90d", "--name", "churn-*"}
	i, code := alone(args...)
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "it was written to")
	require.Contains(t, i.out.String(), "removed 0 runs, 0 B; 2 kept")

	i, code = alone(append(args, "--force", "--dry-run")...)
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "started more than 90d ago")
	require.Contains(t, i.out.String(), "would remove 1 run")
	require.True(t, there("churn-1"))

	i, code = alone(append(args, "--force", "--json")...)
	require.Equal(t, 0, code)
	var document pruned
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &document))
	require.Equal(t, 1, document.Removed)
	require.Equal(t, 1, document.Kept)
	require.Equal(t, "churn-2", document.Runs[0].Run, "newest first")
	require.Equal(t, "remove", document.Runs[1].Action)
	require.False(t, there("churn-1"))
	require.True(t, there("churn-2"))
	require.True(t, there("other"))

	i, code = alone("prune", "--keep", "1", "--type", "sample")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "no runs in")
}

// Claim: a configured server is asked for each run's lock; one that does not answer is exit
// code 5, and nothing is removed.
func TestPruneAsksTheServer(t *testing.T) {
	oldRuns(t, map[string]int{"churn-1": 100})
	args := []string{"prune", "--max-age", "90d"}
	server := &fakeServer{described: []describeAnswer{running()}}
	ask := func() (*invocation, int) {
		return invoke(server, args...)
	}
	i, code := ask()
	require.Equal(t, 0, code, i.err.String())
	require.Contains(t, i.out.String(), "it is running")
	server.described = []describeAnswer{{err: serviceerror.NewUnavailable("gone")}}
	_, code = ask()
	require.Equal(t, 5, code)
	require.True(t, there("churn-1"))
	server.described = []describeAnswer{{err: serviceerror.NewNotFound("no workflow")}}
	_, code = ask()
	require.Equal(t, 0, code)
	require.False(t, there("churn-1"))

	oldRuns(t, map[string]int{"churn-1": 100})
	server.described = []describeAnswer{running()}
	i = prepared(server)
	i.program.services.configured = func() (bool, error) { return false, nil }
	require.Equal(t, 0, i.program.main(t.Context(), append(args, "--embedded")))
	require.Contains(t, i.out.String(), "it is running", "this machine's own server was asked")

	i = prepared(server)
	i.program.services.configured = func() (bool, error) { return false, app.ErrConnectionSettings }
	require.Equal(t, 2, i.program.main(t.Context(), args))
}

// Claim: a prune that fails on the way tells what it removed and kept before, as text and as JSON,
// and ends with the code of the failure.
func TestPruneFailsOnTheWay(t *testing.T) {
	free := describeAnswer{err: serviceerror.NewNotFound("no workflow")}
	gone := describeAnswer{err: serviceerror.NewUnavailable("gone")}
	for _, more := range [][]string{{"--json"}, nil} {
		oldRuns(t, map[string]int{"churn-1": 100, "churn-2": 101})
		// Both are asked for before anything is removed, and each again before its own removal.
		server := &fakeServer{described: []describeAnswer{free, free, free, gone}}
		i, code := invoke(server, append([]string{"prune", "--max-age", "90d", "--type", "production"}, more...)...)
		require.Equal(t, 5, code, i.err.String())
		require.False(t, there("churn-1"))
		require.True(t, there("churn-2"))
		require.Contains(t, i.err.String(), "gone")
		if more == nil {
			require.Contains(t, i.out.String(), "removed 1 run")
			require.Contains(t, i.out.String(), "may be half done")
			continue
		}
		var document struct {
			Runs    []artifact.PruneVerdict
			Removed int
			Kept    int
			Outcome string
			Code    int `json:"exit_code"`
			Error   string
		}
		require.NoError(t, json.Unmarshal(i.out.Bytes(), &document), i.out.String())
		require.Equal(t, []int{1, 1, 5}, []int{document.Removed, document.Kept, document.Code})
		require.Equal(t, "failed", document.Outcome)
		require.Contains(t, i.err.String(), document.Error)
		require.Equal(t, "its removal failed, and may be half done", document.Runs[1].Reason)
	}
}

// Claim: what is not understood is exit code 2, a store that cannot be read 5.
func TestPruneRefusals(t *testing.T) {
	oldRuns(t, map[string]int{"churn-1": 1})
	require.NoError(t, os.WriteFile("a-file", nil, 0o600))
	for _, args := range [][]string{
		{}, {"--keep", "-1"}, {"--max-age", "old"}, {"--keep", "1", "--type", "test"}, {"--keep", "1", "--name", "["},
		{"--keep", "1", "--store", "a-file"}, {"--keep", "1", "extra"},
	} {
		_, code := alone(append([]string{"prune"}, args...)...)
		require.Equal(t, 2, code, args)
	}
	require.Equal(t, 5, exitCode(fileError("x", errors.Join(app.ErrStoreUnavailable))))
}

// Claim: on a narrow terminal the tables keep what decides, and lose the rest.
func TestNarrowTables(t *testing.T) {
	r := &pruned{}
	r.Runs = []artifact.PruneVerdict{{Type: "production", Run: "churn-1", Action: "remove", Reason: "2 finished runs are newer"}}
	require.Contains(t, r.table(false, true).Render(), "0 B")
	narrow := r.table(false, false).Render()
	require.NotContains(t, narrow, "0 B")
	require.Contains(t, narrow, "2 finished runs are newer")
	lines := []scheduleLine{{Schedule: "production/churn", When: []string{"0 2 * * *"}, Timezone: "UTC", Next: &nextNight, Paused: true}}
	require.Contains(t, scheduleTable(lines, false, true).Render(), "0 2 * * *")
	narrow = scheduleTable(lines, false, false).Render()
	require.NotContains(t, narrow, "0 2 * * *")
	require.Contains(t, narrow, "2026-11-28 23:30 +0000")
	require.Contains(t, narrow, "paused")
}

// Claim: sizes have one digit and the unit that fits.
func TestByteCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 2_300_000: "2.3 MB", 4_560_000_000: "4.6 GB"} {
		require.Equal(t, want, byteCount(n))
	}
}
