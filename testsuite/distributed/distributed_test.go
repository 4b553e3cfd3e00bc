//go:build linux

package distributed

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"everfold/store/local"
	"everfold/store/s3"
	"everfold/testsuite/harness"
)

// The run: the production job's five models and five folds, on a smaller table.
const (
	rows   = "3000"
	run    = "production"
	folder = "production/" + run
	bucket = "s3://everfold/outputs"
	fits   = 6 * 5 // km is always fitted
)

// Claim: every service of docker-compose.yml is made of what stands for its image: a program, an
// environment and mounts, in an order in which each finds what it needs.
func TestServicesTranslate(t *testing.T) {
	p := newPlace(t, t.TempDir())
	for name, s := range p.project.Services {
		for _, instance := range instances(s) {
			c := p.container(name, instance)
			require.NotEmpty(t, c.Args, name)
			require.NotZero(t, c.User, name)
			for _, b := range c.Binds {
				require.False(t, b.Writable && !slices.Contains(slices.Collect(volumeTargets(p, name)), b.To), "%s: %s", name, b.To)
			}
		}
	}
	require.Len(t, p.addresses, len(p.project.Services)+1, "two workers")
}

func volumeTargets(p *place, service string) func(func(string) bool) {
	targets := map[string]bool{}
	for _, v := range p.project.Services[service].Volumes {
		targets[v.Target] = !v.ReadOnly
	}
	return maps.Keys(targets)
}

// Claim: the topology of docker-compose.yml comes up in the order of the file, its one-shots may
// be repeated, and a run goes through two workers, S3 and MLflow to the bytes of a run on one
// machine, though PostgreSQL, the Temporal server and a worker are killed on the way. The tracking
// server has all of it, the Web UI shows it, search finds it. What a spec names beside the specs'
// folder, the bucket and the two servers is refused. Everything stops within its grace period, and
// held less memory than its limit.
func TestTopology(t *testing.T) {
	if !*start {
		return // TestServicesTranslate is what there is to test without root
	}
	require.Zero(t, os.Geteuid(), "it makes namespaces and changes users: run it as root")
	require.NoError(t, loopbackUp())
	specs := makeSpecs(t)
	want := undisturbed(t, specs)
	l := newLab(t, specs)

	l.up("worker")
	l.up("temporal-ui")
	require.ElementsMatch(t, longLived(l.project), []string{"postgres", "temporal", "temporal-ui", "s3", "mlflow", "worker"})
	for _, again := range []string{"temporal-schema", "temporal-namespace"} {
		l.restart(again, again)
	}
	settings := l.run("temporal", "validate-dynamic-config", "/etc/everfold/dynamic.yaml")
	require.NotRegexp(t, "error|warning", settings)
	t.Log(l.starter("doctor", "/specs/spec.yaml"))

	p := l.launch(l.container("starter", "starter", "run", "/specs/spec.yaml", "--json"))
	for _, death := range []struct {
		folds             int
		service, instance string
	}{{3, "postgres", "postgres"}, {10, "temporal", "temporal"}, {17, "worker", "worker-1"}} {
		l.waitFolds(death.folds)
		require.False(t, ended(p), "the run has ended before %s could be killed", death.instance)
		l.kill(death.service, death.instance)
	}
	l.wait("the run has ended", func() bool { return ended(p) })
	end := harness.Completed(t, p)
	require.Equal(t, fits, end.Trained+end.Reused) // reused: the end of the fit was not written down
	require.Empty(t, want.Differences(harness.ReadTree(t, l.store(), folder, "/specs/data/production.parquet")))

	l.requireSeen()
	l.requireClosed()
	l.requireRoom()
	l.stop()
}

// makeSpecs is a folder with the production spec, its table, and the store on S3.
func makeSpecs(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "specs")
	require.NoError(t, os.Mkdir(dir, 0o755))
	table := filepath.Join(dir, "production.parquet")
	r := harness.Starter(t, harness.Env{}, "data", "generate", "--rows", rows, "--seed", "1", "--out", table)
	require.Zero(t, r.Exit, r.Stderr)
	require.NoError(t, os.Chmod(table, 0o644))
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "examples", "production.yaml"))
	require.NoError(t, err)
	changed := []byte("store: {uri: " + bucket + "}\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "spec.yaml"), append(text, changed...), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o755))
	require.NoError(t, os.Rename(table, filepath.Join(dir, "data", "production.parquet")))
	return dir
}

// undisturbed is what the same run leaves in a local folder, by an embedded server.
func undisturbed(t *testing.T, specs string) harness.Tree {
	t.Helper()
	dir := t.TempDir()
	p := harness.StartStarter(t, harness.Env{}, "run", filepath.Join(specs, "spec.yaml"), "--embedded", "--json", "--set", "store.uri="+dir)
	<-p.Exited()
	require.Zero(t, p.ExitCode(), "%s%s", p.Stdout(), p.Stderr())
	s, err := local.Open(dir)
	require.NoError(t, err)
	return harness.ReadTree(t, s, folder, filepath.Join(specs, "data", "production.parquet"))
}

// runFolder is a path in the run's folder: the S3 server keeps objects as files.
func (l *lab) runFolder(parts ...string) string {
	return filepath.Join(append([]string{l.dir, "volumes", "s3", "everfold", "outputs", folder}, parts...)...)
}

// waitFolds waits until so many folds are complete.
func (l *lab) waitFolds(folds int) {
	l.t.Helper()
	l.wait("folds are complete", func() bool {
		found, err := filepath.Glob(l.runFolder("artifacts", "*", "*.json"))
		require.NoError(l.t, err)
		return len(found) >= folds
	})
}

// store is the bucket, seen from the test.
func (l *lab) store() *s3.Store {
	l.t.Helper()
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "access", SecretAccessKey: "secret"}, nil
	})
	st, err := s3.Open(l.t.Context(), bucket, s3.Options{
		Endpoint: "http://" + l.addresses["s3"] + ":7070", PathStyle: true, Region: "us-east-1", Credentials: keys,
	})
	require.NoError(l.t, err)
	return st
}

// requireSeen asks everything that shows a run.
func (l *lab) requireSeen() {
	l.t.Helper()
	require.Contains(l.t, l.starter("results", bucket+"/"+folder), "rsf")
	var status struct{ Missing int }
	out := l.starter("track", "status", bucket+"/"+folder, "--json")
	require.NoError(l.t, json.Unmarshal([]byte(out), &status), out)
	require.Zero(l.t, status.Missing, out)
	found := l.run("temporal-namespace", "-c", `temporal workflow list --query "EverfoldOutcome = 'completed' AND EverfoldRun = 'production'"`)
	require.Contains(l.t, found, "everfold/"+folder)
	require.Contains(l.t, l.get("temporal-ui", "8080/api/v1/namespaces/default/workflows"), "everfold/"+folder)
	for _, worker := range []string{"worker-1", "worker-2"} {
		logs, err := filepath.Glob(l.runFolder("logs", "main_*_"+worker+"-*.log"))
		require.NoError(l.t, err)
		require.NotEmpty(l.t, logs, "%s has had no part in it", worker)
		require.Contains(l.t, l.get(worker, "9464/metrics"), "everfold_build_info", worker)
	}
}

// requireClosed has specs that name what they may not: a folder that workers have, for data and for
// a store, and a server that is not the tracker.
func (l *lab) requireClosed() {
	l.t.Helper()
	for set, flag := range map[string]string{
		"data.uri=/cache/customers.csv":           "--allow-data",
		"store.uri=/cache/outputs":                "--allow-store",
		"tracker.uri=http://temporal-ui:8080/api": "--allow-host",
	} {
		code, out, errs := l.once(l.container("starter", "starter-run", "run", "/specs/spec.yaml", "--run", "outside", "--set", set))
		require.Equal(l.t, 2, code, "%s\n%s%s", set, out, errs)
		require.Contains(l.t, out+errs, flag)
	}
	for _, worker := range instances(l.project.Services["worker"]) {
		said := l.running[worker].Stderr()
		require.Contains(l.t, said, "specs may name these alone", worker)
		require.NotContains(l.t, said, "limited in part", worker)
	}
}

func (l *lab) get(instance, path string) string {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://"+l.addresses[instance]+":"+path, nil)
	require.NoError(l.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(l.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(l.t, err)
	require.Equal(l.t, http.StatusOK, response.StatusCode, string(body))
	return string(body)
}
