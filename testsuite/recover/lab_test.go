package recover

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

const runName = "ruin"

// lab is a run's folder, made by an undisturbed run, and an embedded server's home.
type lab struct {
	t     *testing.T
	env   harness.Env
	spec  string
	store string
}

// newLab is a lab with a finished run.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{t: t, spec: filepath.Join(dir, "spec.yaml"), store: filepath.Join(dir, "store")}
	home := filepath.Join(dir, "home")
	require.NoError(t, os.Mkdir(home, 0o700))
	ports := harness.FreePorts(t, 2)
	state := fmt.Sprintf(`{"port":%d,"ui_port":%d}`, ports[0], ports[1])
	require.NoError(t, os.WriteFile(filepath.Join(home, "everfold.lock"), []byte(state), 0o600))
	t.Cleanup(func() { harness.NoProcesses(t, "EVERFOLD_HOME="+home) })
	l.env = harness.Env{Dir: dir, Home: home}
	data := filepath.Join(dir, "data.csv")
	content, err := os.ReadFile(filepath.Join(harness.Root(t), "examples", "data", "veteran.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(data, content, 0o600))
	text := fmt.Sprintf(`run: %s
type: production
data: {uri: %s, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 3, seed: 42}
models: [{type: cox_ph}, {type: weibull_aft}, {type: gbsa, trees: 2000}]
store: {uri: %s}
tracker: {uri: off}
`, runName, data, l.store)
	require.NoError(t, os.WriteFile(l.spec, []byte(text), 0o600))
	require.Equal(t, l.folder(), harness.Trained(t, l.store, text))
	return l
}

func (l *lab) folder() string { return filepath.Join(l.store, "production", runName) }

func (l *lab) path(key string) string { return filepath.Join(l.folder(), filepath.FromSlash(key)) }

func (l *lab) file(key string) []byte {
	l.t.Helper()
	content, err := os.ReadFile(l.path(key))
	require.NoError(l.t, err)
	return content
}

func (l *lab) remove(keys ...string) {
	l.t.Helper()
	for _, key := range keys {
		require.NoError(l.t, os.RemoveAll(l.path(key)))
	}
}

func (l *lab) truncate(key string) {
	l.t.Helper()
	content := l.file(key)
	require.NoError(l.t, os.WriteFile(l.path(key), content[:len(content)/2], 0o600))
}

func (l *lab) flip(key string) {
	l.t.Helper()
	content := l.file(key)
	content[len(content)/2] ^= 1
	require.NoError(l.t, os.WriteFile(l.path(key), content, 0o600))
}

// report is what `recover --json` prints, as far as the tests look.
type report struct {
	Planned, Intact int
	Damage          []struct{ File, Found, Done, Cannot string }
	Written         []string
	Execution       *struct{ Result *workflows.Result }
	ExitCode        int `json:"exit_code"`
}

// found are the damaged files, each with what was found.
func (r report) found() string {
	var out strings.Builder
	for _, d := range r.Damage {
		fmt.Fprintln(&out, d.File, d.Found)
	}
	return out.String()
}

// recover runs `starter recover --json` to its end.
func (l *lab) recover(exit int, flags ...string) report {
	l.t.Helper()
	r := harness.Starter(l.t, l.env, append([]string{"recover", l.folder(), "--json"}, flags...)...)
	require.Equal(l.t, exit, r.Exit, r.Stdout+r.Stderr)
	var out report
	require.NoError(l.t, json.Unmarshal([]byte(r.Stdout), &out), r.Stdout)
	require.Equal(l.t, exit, out.ExitCode)
	return out
}

// timed are files that hold times of day, durations or attempts; their results are compared by the
// other files.
var timed = regexp.MustCompile(`^(run\.json|artifacts/\w+/\w+\.json|models/\w+/model\.json|predictions/predictions\.json|logs/.*|checkpoints.*|report/.*)$`)

// results are the run's files without those that measure time, model_metrics.csv without its
// timings. Names that begin with "." are no keys: a killed writer's temporary file is not a result.
func (l *lab) results() map[string]string {
	l.t.Helper()
	out := map[string]string{}
	for path, content := range tree(l.t, l.folder()) {
		key := filepath.ToSlash(strings.TrimPrefix(path, l.folder()+"/"))
		switch {
		case timed.MatchString(key), content == folderMark, strings.HasPrefix(filepath.Base(path), "."):
		case key == artifact.MetricsKey:
			out[key] = withoutTimings(l.t, content)
		default:
			out[key] = content
		}
	}
	return out
}

// requireResults fails where a result is missing, is too much or differs, by its name.
func (l *lab) requireResults(want map[string]string) {
	l.t.Helper()
	got := l.results()
	require.Equal(l.t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for _, key := range slices.Sorted(maps.Keys(want)) {
		require.Equal(l.t, want[key], got[key], key)
	}
}

const folderMark = "folder"

// tree is every file and folder below one, hidden ones too.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			out[path] = folderMark
			return nil
		}
		content, err := os.ReadFile(path)
		out[path] = string(content)
		return err
	}))
	return out
}

func withoutTimings(t *testing.T, content string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	require.NoError(t, err)
	var out strings.Builder
	for _, row := range rows {
		for i, name := range rows[0] {
			if !strings.HasSuffix(name, "_seconds") {
				out.WriteString(row[i] + ",")
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}
