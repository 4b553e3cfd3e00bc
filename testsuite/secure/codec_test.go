package secure

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/internal/codec"
	"everfold/testsuite/harness"
)

// hidden is in the names that an encrypted run has, plain in those of another.
const (
	hidden = "marked4711hidden"
	plain  = "marked4711plain"
)

// keyLab is a server, a spec whose paths and models have a marked name, and keys.
type keyLab struct {
	t      *testing.T
	server *harness.TemporalServer
	dir    string
	lines  map[string]string // the line of each key
}

func newKeyLab(t *testing.T) *keyLab {
	t.Helper()
	l := &keyLab{t: t, server: harness.Server(t), dir: t.TempDir(), lines: map[string]string{}}
	for _, id := range []string{"k1", "k2"} {
		line, err := app.NewCodecKey(id)
		require.NoError(t, err)
		l.lines[id] = line
	}
	return l
}

// file writes a file of the lab and returns its path.
func (l *keyLab) file(name, content string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	require.NoError(l.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(l.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// env has the keys in a file, the first in front; none without ids.
func (l *keyLab) env(ids ...string) harness.Env {
	l.t.Helper()
	e := harness.Env{Address: l.server.Address, Dir: l.dir}
	if len(ids) > 0 {
		var lines []string
		for _, id := range ids {
			lines = append(lines, l.lines[id])
		}
		e.Set = []string{app.EnvCodecKeysFile + "=" + l.file("keys."+strings.Join(ids, "."), strings.Join(lines, "\n")+"\n")}
	}
	return e
}

// spec writes a spec that has the mark in its data's path, a model's name, and the store.
func (l *keyLab) spec(run, mark, event string) string {
	l.t.Helper()
	data, err := os.ReadFile(filepath.Join(harness.Root(l.t), "examples", "data", "veteran.csv"))
	require.NoError(l.t, err)
	l.file(filepath.Join(mark, "veteran.csv"), string(data))
	return l.file(run+".yaml", `run: `+run+`
type: production
data: {uri: `+mark+`/veteran.csv, time: time, event: `+event+`, categorical: [trt, celltype, prior]}
folds: {k: 2}
models: [{name: `+mark+`, type: cox_ph}]
store: {uri: `+mark+`/outputs}
`)
}

func (l *keyLab) starter(e harness.Env, exit int, args ...string) string {
	l.t.Helper()
	r := harness.Starter(l.t, e, args...)
	require.Equal(l.t, exit, r.Exit, "starter %s\n%s%s", strings.Join(args, " "), r.Stdout, r.Stderr)
	return r.Stdout + r.Stderr
}

func (l *keyLab) worker(e harness.Env, args ...string) *harness.Process {
	l.t.Helper()
	p := harness.StartProgram(l.t, e, harness.WorkerBinary(l.t), args...)
	p.WaitFor("worker is serving")
	return p
}

// temporal is what the temporal program prints.
func (l *keyLab) temporal(args ...string) string {
	l.t.Helper()
	c := exec.CommandContext(l.t.Context(), harness.Temporal(l.t), append(args, "--address", l.server.Address, "--output", "json")...)
	c.Env = []string{"HOME=" + l.dir, "TEMPORAL_CONFIG_FILE=" + os.DevNull}
	out, err := c.CombinedOutput()
	require.NoError(l.t, err, "%v: %s", args, out)
	return string(out)
}

func (l *keyLab) history(run string, args ...string) string {
	l.t.Helper()
	return l.temporal(append([]string{"workflow", "show", "--workflow-id", "everfold/production/" + run}, args...)...)
}

// Claim: with a key, neither history nor the server's database hold anything of a run's
// input, results, heartbeats, memo, summaries, queries or failures, of a schedule's neither;
// without, they do. The codec's endpoint shows them to Temporal's CLI, and to nobody who asks
// from a strange page.
func TestEncryptedHistory(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	with := l.env("k1")
	worker := l.worker(with)
	require.Contains(t, worker.Stderr(), "payloads are encrypted")
	l.starter(with, 0, "run", l.spec("good", hidden, "status"), "--json")
	l.starter(with, 2, "run", l.spec("bad", hidden, hidden), "--json") // the message names the column
	require.Contains(t, l.starter(with, 0, "status", "production/good", "--json"), hidden)
	require.Contains(t, l.starter(with, 0, "status", "production/bad"), hidden)
	l.starter(with, 0, "schedule", "create", l.spec("nightly", hidden, "status"), "--cron", "0 2 * * *", "--json")
	described := decoded(l.temporal("schedule", "describe", "--schedule-id", "everfold/production/nightly"))
	require.Contains(t, described, "binary/encrypted")
	require.NotContains(t, described, hidden)
	for _, run := range []string{"good", "bad"} {
		require.NotContains(t, l.history(run), hidden)
		require.NotContains(t, decoded(l.history(run)), hidden)
		require.NotContains(t, l.temporal("workflow", "describe", "--workflow-id", "everfold/production/"+run), hidden)
	}
	require.Contains(t, l.history("bad"), "DataInvalid", "types of errors are in the clear")

	without := l.env()
	require.Equal(t, 0, worker.Stop())
	l.worker(without)
	l.starter(without, 0, "run", l.spec("clear", plain, "status"), "--json")
	require.Contains(t, l.starter(without, 0, "status", "production/good"), "needs the key k1")
	require.Contains(t, l.starter(without, 2, "watch", "production/good"), app.EnvCodecKeysFile)

	serve := harness.StartStarter(t, with, "codec", "serve", "--listen", "127.0.0.1:0")
	serve.WaitFor("decrypts for Temporal's")
	endpoint, _, _ := strings.Cut(serve.Stdout(), " ")
	require.Contains(t, decoded(l.history("good", "--codec-endpoint", endpoint)), hidden)
	strange, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/decode", strings.NewReader("{}"))
	require.NoError(t, err)
	strange.Header.Set("Origin", "https://elsewhere.example")
	answer, err := http.DefaultClient.Do(strange)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusForbidden, answer.StatusCode)

	database := harness.ReadFiles(t, l.server.DB+"*")
	require.Contains(t, database, plain, "the database is where it is looked for")
	require.NotContains(t, database, hidden)
}

// decoded is a text followed by what its base64 strings mean.
func decoded(text string) string {
	out := text
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\", \n:{}[]", r) }) {
		if content, err := base64.StdEncoding.DecodeString(word); err == nil && len(content) > 8 {
			out += "\n" + string(content)
		}
	}
	return out
}

// Claim: keys are rotated while a run goes on: what one worker began by the old key another
// finishes by the new one, an operator's updates reach it, and both keys are in the history.
// A schedule is encrypted anew when it is created again. Without the old key nobody reads what
// it encrypted, and is told which key is missing.
func TestRotation(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	old, both, fresh := l.env("k1"), l.env("k2", "k1"), l.env("k2")
	first := l.worker(old, "--queues", "everfold-workflows")
	nightly := l.spec("nightly", hidden, "status")
	l.starter(old, 0, "schedule", "create", nightly, "--cron", "0 2 * * *")
	l.starter(old, 0, "run", l.spec("good", hidden, "status"), "--detach")
	l.starter(old, 0, "parallel", "production/good", "2")
	require.Equal(t, 0, first.Stop())

	l.worker(both, "--queues", "everfold-workflows") // nothing is fitted before the update
	l.starter(both, 0, "parallel", "production/good", "1")
	l.worker(both, "--queues", "everfold-train,everfold-io")
	l.starter(both, 0, "watch", "production/good")
	history := l.history("good")
	for _, id := range []string{"k1", "k2"} {
		require.Contains(t, history, base64.StdEncoding.EncodeToString([]byte(id)))
	}
	require.Contains(t, l.starter(both, 0, "schedule", "create", nightly, "--cron", "0 2 * * *", "--json"), `"encryption"`)
	require.Contains(t, l.starter(fresh, 0, "schedule", "show", "production/nightly"), "nightly-{date}")
	require.Contains(t, l.starter(l.env("k1"), 2, "watch", "production/good"), "needs the key k2, and this program has k1")
}

// Claim: by the three steps of OPERATIONS nobody ever lacks a key: workers that are a step apart, in
// every pair of a step, bring a run to its end without a word of one. After the last step new runs
// need the new key alone, and the old ones' results are there still.
func TestRotationSteps(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	steps := []harness.Env{l.env("k1"), l.env("k1", "k2"), l.env("k2", "k1")}
	for i := range steps[1:] {
		for _, pair := range [][2]harness.Env{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}} {
			decides := l.worker(pair[0], "--queues", "everfold-workflows,everfold-io")
			fits := l.worker(pair[1], "--queues", "everfold-train")
			run := fmt.Sprintf("step%d-%s", i+1, filepath.Base(pair[0].Set[0]))
			require.Contains(t, l.starter(pair[1], 0, "run", l.spec(run, hidden, "status"), "--json"), `"completed"`)
			require.Contains(t, l.starter(pair[0], 0, "status", "production/"+run), hidden)
			for _, p := range []*harness.Process{decides, fits} {
				require.Equal(t, 0, p.Stop())
				require.NotContains(t, p.Stderr(), "needs the key", run)
			}
		}
	}
	fresh := l.env("k2")
	l.worker(fresh)
	l.starter(fresh, 0, "run", l.spec("after", hidden, "status"), "--json")
	l.starter(fresh, 0, "results", filepath.Join(hidden, "outputs", "production", "step1-keys.k1"))
	require.Contains(t, l.starter(fresh, 2, "watch", "production/step1-keys.k1"), "needs the key k1, and this program has k2: add the key")
}

// Claim: where a new key comes first too early, a worker that lacks it takes no message of a
// failure that it cannot read for the failure: its task fails, in the clear, so that the server's
// own tools say which key is missing, and with the key the run ends as it should.
func TestNewKeyTooEarly(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	old, early := l.env("k1"), l.env("k2", "k1")
	behind := l.worker(old, "--queues", "everfold-workflows,everfold-io")
	l.worker(early, "--queues", "everfold-train")
	l.starter(old, 0, "run", l.spec("bad", hidden, hidden), "--detach") // no such column: DataInvalid names it
	const says = "needs the key k2, and this program has k1: add the key"
	behind.WaitFor(says)
	harness.Eventually(t, "the server knows why", func() bool { return strings.Contains(l.history("bad"), says) })
	require.NotContains(t, decoded(l.history("bad")), hidden)
	require.Contains(t, l.history("bad"), codec.UnreadablePayload)
	require.Equal(t, 0, behind.Stop())

	l.worker(early, "--queues", "everfold-workflows,everfold-io")
	require.Contains(t, l.starter(early, 2, "watch", "production/bad"), "DataInvalid")
	require.Contains(t, l.starter(early, 0, "status", "production/bad"), hidden)
}

// Claim: workers without the key, and workers with another, harm no run. It waits; starter, worker
// and the server's own tools, which have no key, say which one is missing where, and when workers
// have it, it goes on to its end.
func TestWorkerWithoutKey(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	with, without := l.env("k1"), l.env()
	blind := l.worker(without)
	run := harness.StartStarter(t, with, "run", l.spec("good", hidden, "status"))
	run.WaitFor("the workers cannot answer for the run")
	blind.WaitFor("needs the key k1, and this program has none: set " + app.EnvCodecKeysFile)
	require.Equal(t, 0, blind.Stop())

	l.worker(with, "--queues", "everfold-workflows,everfold-io")
	blind = l.worker(l.env("k2"), "--queues", "everfold-train")
	const says = "needs the key k1, and this program has k2"
	harness.Eventually(t, "status names the key", func() bool {
		return strings.Contains(l.starter(with, 0, "status", "production/good"), says)
	})
	require.Contains(t, l.temporal("workflow", "describe", "--workflow-id", "everfold/production/good"), says)
	require.Equal(t, 0, blind.Stop())
	l.worker(with, "--queues", "everfold-train")
	require.Equal(t, 0, run.Wait(), run.Stdout()+run.Stderr())
}

// Claim: keys that cannot be used end every program with exit code 2 and a message that names
// variable, entry and id, never the key.
func TestUnusableKeys(t *testing.T) {
	t.Parallel()
	l := newKeyLab(t)
	_, secret, _ := strings.Cut(l.lines["k1"], ":")
	for name, c := range map[string]struct {
		set  []string
		says string
	}{
		"both":              {[]string{app.EnvCodecKeys + "=" + l.lines["k1"], app.EnvCodecKeysFile + "=/x"}, "both"},
		"no file":           {[]string{app.EnvCodecKeysFile + "=/no/such/file"}, "no such file"},
		"a key for a file":  {[]string{app.EnvCodecKeysFile + "=" + secret}, "cannot be read"},
		"short":             {[]string{app.EnvCodecKeys + "=k1:" + secret[:20]}, "k1 has 15 bytes"},
		"the same id twice": {[]string{app.EnvCodecKeys + "=" + l.lines["k1"] + "," + l.lines["k1"]}, "entry 2: the key k1 is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			e := harness.Env{Address: l.server.Address, Set: c.set}
			for name, p := range map[string]*harness.Process{
				"status": harness.StartStarter(t, e, "status", "production/x"),
				"serve":  harness.StartStarter(t, e, "codec", "serve"),
				"worker": harness.StartProgram(t, e, harness.WorkerBinary(t)),
			} {
				require.Equal(t, 2, p.Wait(), "%s: %s", name, p.Stderr())
				require.Contains(t, p.Stderr(), c.says, name)
				require.NotContains(t, p.Stdout()+p.Stderr(), secret[:12], name)
			}
		})
	}
}
