package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

const recoverSpec = `
run: lost
type: production
data: {uri: %s, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 3}
models: [{type: cox_ph}, {type: weibull_aft}]
`

// ruin is a finished run, to be damaged.
type ruin struct {
	t            *testing.T
	folder, data string
	spec         string // the spec's file
}

func newRuin(t *testing.T) *ruin {
	t.Helper()
	dir := t.TempDir()
	r := &ruin{t: t, data: filepath.Join(dir, "data.csv"), spec: filepath.Join(dir, "lost.yaml")}
	require.NoError(t, os.WriteFile(r.data, []byte(content(t, "../examples/data/veteran.csv")), 0o600))
	text := fmt.Sprintf(recoverSpec, r.data)
	require.NoError(t, os.WriteFile(r.spec, []byte(text), 0o600))
	r.folder = harness.Trained(t, filepath.Join(dir, "outputs"), text)
	return r
}

func (r *ruin) path(key string) string { return filepath.Join(r.folder, filepath.FromSlash(key)) }

func (r *ruin) remove(key string) {
	r.t.Helper()
	require.NoError(r.t, os.Remove(r.path(key)))
}

func (r *ruin) damage(key string) {
	r.t.Helper()
	text := []byte(content(r.t, r.path(key)))
	text[len(text)/2] ^= 1
	require.NoError(r.t, os.WriteFile(r.path(key), text, 0o600))
}

// recover runs the command on the run's folder.
func (r *ruin) recover(server *fakeServer, code int, flags ...string) *invocation {
	r.t.Helper()
	i, got := invoke(server, append([]string{"recover", r.folder}, flags...)...)
	require.Equal(r.t, code, got, i.out.String()+i.err.String())
	return i
}

// tree is every file below a folder, hidden ones too.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			out[path] = "folder"
		} else if err == nil {
			out[path] = content(t, path)
		}
		return err
	}))
	return out
}

// Claim: recover on a whole run says so, writes nothing and asks no server; so it does after a
// recovery.
func TestRecoverWhole(t *testing.T) {
	r := newRuin(t)
	before := tree(t, filepath.Dir(filepath.Dir(r.folder)))
	i := r.recover(nil, 0)
	require.Contains(t, i.out.String(), "9 of 9 folds verified with every file")
	require.Contains(t, i.out.String(), "every other file too")
	require.Contains(t, i.out.String(), "Written  nothing")
	require.Equal(t, before, tree(t, filepath.Dir(filepath.Dir(r.folder))))
	r.remove(artifact.SummaryKey)
	i = r.recover(nil, 0)
	require.Contains(t, i.out.String(), "missing  artifacts/model_summary.csv; made anew from the manifests")
	require.Contains(t, r.recover(nil, 0).out.String(), "Written  nothing")
	require.Equal(t, before, tree(t, filepath.Dir(filepath.Dir(r.folder))))
}

// Claim: a dry run names every damage and what would be done, and changes no byte, lock files
// included.
func TestRecoverDryRun(t *testing.T) {
	r := newRuin(t)
	r.remove(artifact.MetricsKey)
	r.damage(artifact.ManifestKey("cox_ph", 1))
	r.remove(artifact.ManifestKey("km", 0))
	r.remove(artifact.ManifestKey("km", 2))
	r.damage(artifact.PreparedKey)
	root := filepath.Dir(filepath.Dir(r.folder))
	require.NoError(t, os.RemoveAll(filepath.Join(root, ".lock")))
	before := tree(t, root)
	said := r.recover(nil, 0, "--dry-run").out.String()
	require.Equal(t, before, tree(t, root))
	for _, want := range []string{
		"6 of 9 folds verified", "km fold 0, 2: no manifest; to be fitted", "artifacts/cox_ph/cox_ph_fold1.json",
		"data/prepared.parquet", "to be prepared again from " + r.data, "missing  artifacts/model_metrics.csv; to be made anew",
		"would be written before any fit", "to fit: 3 folds and the final model", "starter recover " + r.folder,
	} {
		require.Contains(t, said, want)
	}
	var doc recovered
	require.NoError(t, json.Unmarshal(r.recover(nil, 0, "--dry-run", "--json").out.Bytes(), &doc))
	require.True(t, doc.DryRun)
	require.Equal(t, 6, doc.Intact)
	require.Len(t, doc.Folds, 3)
	require.Equal(t, before, tree(t, root))
}

// Claim: a fold whose fit stands under other metric settings is to be scored, not fitted, again.
func TestRecoverScores(t *testing.T) {
	r := newRuin(t)
	s := openFolder(t, r.folder)
	run, etag, err := artifact.ReadRun(t.Context(), s)
	require.NoError(t, err)
	run.Spec.Metrics.CIndex = "harrell"
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, etag))
	said := r.recover(nil, 0, "--dry-run").out.String()
	require.Contains(t, said, "km fold 2: artifacts/km/km_fold2.json: metric settings changed; to be scored again")
}

// Claim: without fits no server is asked, and what is left is told with the command that does it.
func TestRecoverNoFit(t *testing.T) {
	r := newRuin(t)
	r.damage(artifact.RiskKey("weibull_aft", 2))
	r.remove(artifact.SummaryKey)
	said := r.recover(nil, 0, "--no-fit", "--dry-run").out.String()
	require.Contains(t, said, "Next     starter recover "+r.folder+" --no-fit\n")
	said = r.recover(nil, 0, "--no-fit").out.String()
	for _, want := range []string{"artifacts/weibull_aft/weibull_aft_fold2_risk.npy", "to be fitted again", "Left     to fit: 1 fold and", "weibull_aft fold 2: artifacts/weibull_aft", "starter recover " + r.folder} {
		require.Contains(t, said, want)
	}
	require.Len(t, strings.Split(strings.TrimSpace(content(t, r.path(artifact.MetricsKey))), "\n"), 9)
	require.FileExists(t, r.path(artifact.SummaryKey))
	require.Contains(t, r.recover(nil, 0, "--only", "metrics").out.String(), "Left     to fit: 1 fold")
	said = r.recover(nil, 0, "--dry-run", "--no-fit").out.String()
	require.Contains(t, said, "Next     starter recover "+r.folder+"\n", "it has nothing left to do itself")
	said = r.recover(nil, 0, "--dry-run", "--only", "folds", "--only", "final").out.String()
	require.Contains(t, said, "Next     starter recover "+r.folder+" --only folds --only final\n")
}

// Claim: what only fits can mend is sent as RecoverRun under the run's id, with the spec of
// run.json and the wishes; a run that is running by that spec is attached to, unless there are
// wishes.
func TestRecoverStartsTheWorkflow(t *testing.T) {
	r := newRuin(t)
	r.remove(artifact.ManifestKey("cox_ph", 0))
	run, _, err := artifact.ReadRun(t.Context(), openFolder(t, r.folder))
	require.NoError(t, err)
	server := func() *fakeServer {
		answer := closed()
		answer.digest = run.SpecDigest
		return &fakeServer{described: []describeAnswer{answer}, progress: []workflows.Progress{tiny()},
			result: workflows.Result{Outcome: workflows.Completed, Planned: 9, Trained: 1, Reused: 8, Leaderboard: board()}}
	}
	s := server()
	said := r.recover(s, 0, "--model", "weibull_aft", "--only", "metrics", "--only", "folds", "--only", "final").out.String()
	require.Contains(t, said, "9 folds: 1 trained, 8 reused")
	require.Equal(t, "everfold/production/lost", s.started.ID)
	spec, wishes, err := config.DecodeRecovery(s.input)
	require.NoError(t, err)
	require.Equal(t, run.SpecDigest, spec.Digest())
	require.Equal(t, config.Recovery{Model: "weibull_aft", Only: []config.Stage{config.StageFolds, config.StageFinal}}, wishes)

	s = server()
	s.startErr = alreadyStarted()
	require.Contains(t, r.recover(s, 0).out.String(), "is running already by the same spec")
	s = server()
	s.startErr = alreadyStarted()
	require.Contains(t, r.recover(s, 2, "--model", "cox_ph").err.String(), "--model and --only cannot be given to a running run")
	s = server()
	s.described[0].digest = strings.Repeat("0", 64)
	s.startErr = alreadyStarted()
	require.Contains(t, r.recover(s, 2).err.String(), "running already with another spec")

	var doc struct {
		Intact    int     `json:"intact"`
		Execution *ending `json:"execution"`
	}
	s = server()
	s.result.Outcome, s.result.Failed = workflows.Partial, 1
	require.Contains(t, r.recover(s, exitPartial).err.String(), "once the reason is mended: starter recover "+r.folder+"\n")
	require.NoError(t, json.Unmarshal(r.recover(server(), 0, "--json").out.Bytes(), &doc))
	require.Equal(t, 8, doc.Intact)
	require.Equal(t, 1, doc.Execution.Result.Trained)
}

// Claim: without a configured server, and with --embedded, the embedded one is used; settings
// that cannot be used are refused.
func TestRecoverChoosesTheServer(t *testing.T) {
	r := newRuin(t)
	r.remove(artifact.ManifestKey("cox_ph", 0))
	for _, c := range []struct {
		configured bool
		failure    error
		flags      []string
		code       int
		want       string
	}{
		{true, nil, nil, exitFailed, "the configured one"},
		{false, nil, nil, exitFailed, "the embedded one"},
		{false, nil, []string{"--embedded"}, exitFailed, "the embedded one"},
		{true, nil, []string{"--embedded"}, exitFailed, "the embedded one"},
		{false, errors.New("bad profile"), nil, exitFailed, "bad profile"},
	} {
		i := prepared(nil)
		i.program.services.configured = func() (bool, error) { return c.configured, c.failure }
		i.program.services.dial = refuseLink("the configured one")
		i.program.services.embed = func(ctx context.Context, _ *console) (*link, error) { return refuseLink("the embedded one")(ctx) }
		require.Equal(t, c.code, i.program.main(t.Context(), append([]string{"recover", r.folder}, c.flags...)), i.err.String())
		require.Contains(t, i.err.String(), c.want)
	}
}

// Claim: where the embedded server does not start, on a damaged database perhaps, there is a
// command that leaves it alone.
func TestRecoverBesideABrokenServer(t *testing.T) {
	r := newRuin(t)
	r.remove(artifact.ManifestKey("cox_ph", 0))
	i := prepared(nil)
	i.program.services.embed = func(context.Context, *console) (*link, error) {
		return nil, fail(exitUnreachable, "look at its log", "it does not start")
	}
	require.Equal(t, exitUnreachable, i.program.main(t.Context(), []string{"recover", r.folder, "--embedded"}))
	require.Contains(t, i.err.String(), "look at its log\n")
	require.Contains(t, i.err.String(), "EVERFOLD_HOME=$(mktemp -d) starter recover "+r.folder+" --embedded")
}

func openFolder(t *testing.T, folder string) store.Store {
	t.Helper()
	s, err := local.Open(folder)
	require.NoError(t, err)
	return s
}

func refuseLink(name string) func(context.Context) (*link, error) {
	return func(context.Context) (*link, error) { return nil, errors.New("asked " + name) }
}

// Claim: where run.json is damaged or missing, recover says what there is and takes the spec,
// whatever its own run id; another spec is refused.
func TestRecoverSpec(t *testing.T) {
	r := newRuin(t)
	before := tree(t, r.folder)
	r.damage(artifact.RunKey)
	refused := r.recover(nil, exitCorrupt).err.String()
	require.Contains(t, refused, "9 verify with every file")
	require.Contains(t, refused, "--spec SPEC")
	require.Contains(t, refused, "starter summary works without") // results would read run.json
	require.Contains(t, r.recover(nil, exitUsage, "--spec", r.spec, "--set", "folds.seed=7").err.String(), "not that of these folds")
	require.Contains(t, r.recover(nil, exitUsage, "--spec", r.spec, "--set", "type=sample").err.String(), "the spec is of sample/lost")
	said := r.recover(nil, 0, "--dry-run", "--spec", r.spec, "--set", "run=another").out.String()
	require.Contains(t, said, "Next     starter recover "+r.folder+" --spec "+r.spec+" --set run=another\n")
	said = r.recover(nil, 0, "--dry-run", "--spec", r.spec, "--no-fit", "--only", "metrics", "--embedded").out.String()
	require.Contains(t, said, "Next     starter recover "+r.folder+" --spec "+r.spec+" --only metrics --no-fit --embedded\n")
	said = r.recover(nil, 0, "--spec", r.spec, "--set", "run=another").out.String()
	require.Contains(t, said, "restored from the spec")
	after := tree(t, r.folder)
	for _, files := range []map[string]string{before, after} { // the report tells when, too
		maps.DeleteFunc(files, func(path, _ string) bool {
			return path == r.path(artifact.RunKey) || strings.HasPrefix(path, r.path("report"))
		})
	}
	require.True(t, maps.Equal(before, after))
	require.Contains(t, r.recover(nil, 0).out.String(), "Written  nothing")

	r.remove(artifact.RunKey)
	require.Contains(t, r.recover(nil, exitNotFound).err.String(), "there is no run.json")
	require.Contains(t, r.recover(nil, exitNotFound).err.String(), "starter summary and starter results work without")
	r.damage(artifact.PreparedKey)
	require.NoError(t, os.Remove(r.data))
	require.Contains(t, r.recover(nil, exitNotFound, "--spec", r.spec).err.String(), "from a backup")
}

// Claim: with the data file gone and the prepared table damaged or missing, the tables are made
// all the same, and the exit code and the hint say why no model can be fitted and what works.
func TestRecoverBlocked(t *testing.T) {
	r := newRuin(t)
	require.NoError(t, os.Remove(r.data))
	r.remove(artifact.ManifestKey("cox_ph", 0))
	r.damage(artifact.PreparedKey)
	for _, c := range []struct {
		code int
		what string
	}{{exitCorrupt, "damaged"}, {exitNotFound, "missing"}} {
		require.NoError(t, os.RemoveAll(r.path(artifact.SummaryKey)))
		i := prepared(nil)
		i.program.services.configured = func() (bool, error) { return false, nil }
		require.Equal(t, c.code, i.program.main(t.Context(), []string{"recover", r.folder}), i.err.String())
		require.Contains(t, i.err.String(), "1 fold and the final model cannot be fitted")
		require.Contains(t, i.err.String(), "no such file")
		require.Contains(t, i.err.String(), "starter results, summary, report, predict")
		require.Contains(t, i.out.String(), c.what+"  data/prepared.parquet: ")
		require.FileExists(t, r.path(artifact.SummaryKey))
		require.NoError(t, os.RemoveAll(r.path(artifact.PreparedKey)))
	}
}

// Claim: a folder in another store than run.json names is looked after, but nothing is fitted
// there until that is asked for.
func TestRecoverMovedFolder(t *testing.T) {
	r := newRuin(t)
	elsewhere := filepath.Join(t.TempDir(), "backup", "production", "lost")
	require.NoError(t, os.MkdirAll(filepath.Dir(elsewhere), 0o755))
	require.NoError(t, os.Rename(r.folder, elsewhere))
	r.folder = elsewhere
	require.Contains(t, r.recover(nil, 0).out.String(), "the folder was moved or copied")
	r.remove(artifact.ManifestKey("cox_ph", 0))
	require.Contains(t, r.recover(nil, exitUsage).err.String(), "--moved")
	said := r.recover(nil, 0, "--no-fit", "--moved").out.String()
	require.Contains(t, said, "made to name the present store")
	require.NotContains(t, r.recover(nil, 0, "--no-fit").out.String(), "moved or copied")
}

// Claim: what is no run, no folder of a run or no stage is refused with what is wanted.
func TestRecoverRefusals(t *testing.T) {
	r := newRuin(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{t.TempDir()}, exitUsage, "is not the folder of a run"},
		{[]string{"production/nothing"}, exitNotFound, "no run in"},
		{[]string{r.folder, "--only", "everything"}, exitUsage, "metrics, folds, final, predictions, report"},
		{[]string{r.folder, "--model", "rsf"}, exitUsage, `no model "rsf"`},
		{[]string{r.folder, "--spec", "nowhere.yaml"}, exitUsage, "does not exist"},
		{nil, exitUsage, "needs RUN or DIR"},
	} {
		i, code := invoke(nil, append([]string{"recover"}, c.args...)...)
		require.Equal(t, c.code, code, i.err.String())
		require.Contains(t, i.err.String(), c.want)
	}
	renamed := filepath.Join(filepath.Dir(r.folder), "other")
	require.NoError(t, os.Rename(r.folder, renamed))
	r.folder = renamed
	require.Contains(t, r.recover(nil, exitUsage).err.String(), "run.json is that of production/lost")
}
