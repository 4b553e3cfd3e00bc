package app

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	sdktest "go.temporal.io/sdk/testsuite"

	"everfold/activities"
	"everfold/config"
)

// Claim: a run whose spec names what this worker does not allow leaves a log that says so in a store
// that is allowed, and nothing else there; of a store that is not allowed it leaves nothing in it, whatever
// else is wrong.
func TestRefusedRunLeavesItsLog(t *testing.T) {
	root := t.TempDir()
	folder := func(name string) string {
		path := filepath.Join(root, name)
		require.NoError(t, os.Mkdir(path, 0o755))
		return path
	}
	in, out, data, secret := folder("in"), folder("out"), folder("data"), folder("secret")
	for _, tc := range []struct{ run, data, store, says string }{
		{"data", secret, in, "data.uri"},
		{"missing", data, in, "no such file"},
		{"store", data, out, "store.uri"},
		{"both", secret, out, "store.uri"},
		{"bucket", secret, "s3://bucket/x", "store.uri"},
	} {
		t.Run(tc.run, func(t *testing.T) {
			o := WorkerOptions{Name: "w", Allow: Allowed{Data: []string{data}, Store: []string{in}}, Cache: t.TempDir(), Terminal: slog.DiscardHandler}
			s := newServices(o.withDefaults())
			defer s.close(time.Minute)
			var suite sdktest.WorkflowTestSuite
			suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestActivityEnvironment()
			activities.Register(env, s.activities)
			spec, err := config.ParseYAML(fmt.Appendf(nil, "{run: %s, type: production, data: {uri: %s/x.csv, time: t, event: e}, store: {uri: %q}}",
				tc.run, tc.data, tc.store), "spec.yaml")
			require.NoError(t, err)
			_, err = env.ExecuteActivity(activities.PrepareDataName, activities.PrepareInput{Spec: spec})
			require.ErrorContains(t, err, tc.says)

			left, err := filepath.Glob(filepath.Join(root, "*", "production", tc.run, "*"))
			require.NoError(t, err)
			if tc.store != in {
				require.Empty(t, left)
				return
			}
			require.Equal(t, []string{filepath.Join(in, "production", tc.run, "logs")}, left)
			require.Contains(t, logged(t, in, tc.run, "main", 1), tc.says)
		})
	}
	for _, empty := range []string{out, data, secret} {
		entries, err := os.ReadDir(empty)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
