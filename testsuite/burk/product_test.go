package burk

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
)

// curves is the tolerance through the product: the published C are rounded to float32, and
// the stored curves are float32, too.
const curves = 1e-7

// The programs give the published scores in every fold: `starter run` on the shipped specs,
// scores read from model_metrics.csv. One server and one worker serve all runs.
func TestProgramsReproducePublishedScores(t *testing.T) {
	want := published(t)
	specs, err := filepath.Glob(filepath.Join(root, "*.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(specs), 9, "specs of testdata/burk")
	server := harness.Server(t)
	harness.Worker(t, server.Address)
	var seen atomic.Int64
	t.Run("sets", func(t *testing.T) {
		for _, file := range specs {
			set := strings.TrimSuffix(filepath.Base(file), ".yaml")
			t.Run(set, func(t *testing.T) {
				t.Parallel()
				for k, got := range run(t, server, set) {
					if value, ok := want[k]; ok {
						seen.Add(1)
						require.InDelta(t, value, got, curves, "%+v", k)
					}
				}
			})
		}
	})
	require.Equal(t, int64(len(want)), seen.Load(), "published numbers compared")
}

// run starts one spec and reads its scores once it has ended.
func run(t *testing.T, server *harness.TemporalServer, set string) map[key]float64 {
	t.Helper()
	spec, err := filepath.Abs(filepath.Join(root, set+".yaml"))
	require.NoError(t, err)
	env := harness.Env{Address: server.Address, Dir: t.TempDir()}
	ended := harness.Starter(t, env, "run", spec, "--json")
	require.Zero(t, ended.Exit, ended.Stderr)
	content, err := os.ReadFile(filepath.Join(env.Dir, "outputs", "production", "burk-"+set, artifact.MetricsKey))
	require.NoError(t, err)
	rows, err := artifact.ParseMetrics(content)
	require.NoError(t, err)
	out := map[key]float64{}
	for _, r := range rows {
		for metric, value := range map[string]*float64{
			"harrell": r.Scores.CIndexHarrell, "uno": r.Scores.CIndexIPCW, "ibs": r.Scores.IBS,
		} {
			if value != nil {
				out[key{set, r.Model, r.Fold, metric}] = *value
			}
		}
		require.Equal(t, r.Scores.CIndexHarrell, r.Scores.CIndex, "metrics.cindex is harrell")
	}
	return out
}
