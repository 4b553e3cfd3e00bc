package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// Claim: a spec that is wrong is refused with exit code 2 before any server is looked for,
// naming key, line and what is allowed.
func TestBadSpec(t *testing.T) {
	env := harness.Env{Address: "127.0.0.1:1", Dir: exampleFolder(t)}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", veteran, "--set", "flods.k=3"}, "flods"},
		{[]string{"run", veteran, "--set", "folds.k=1"}, "folds.k"},
		{[]string{"run", veteran, "--set", "run=../x"}, "run"},
		{[]string{"run", veteran, "--set", "models=[{type: orsf, tune: {}}]"}, "not available yet"},
		{[]string{"validate", "examples/missing.yaml"}, "examples/missing.yaml does not exist"},
		{[]string{"plan", veteran, "--set", "data.event=nosuch"}, "nosuch"},
		{[]string{"validate", veteran, "--data", "--set", "data.time=celltype"}, "celltype"},
	} {
		r := harness.Starter(t, env, c.args...)
		require.Equal(t, 2, r.Exit, "%v\n%s", c.args, r.Stderr)
		require.True(t, strings.HasPrefix(r.Stderr, "everfold: "), r.Stderr)
		require.Contains(t, r.Stderr, c.want)
		require.Empty(t, r.Stdout)
	}
}

// Claim: without a server the exit code is 5, with the address and what to do; with --json
// the failure is one document, too.
func TestNoServer(t *testing.T) {
	env := harness.Env{Address: "127.0.0.1:1", Dir: exampleFolder(t)}
	r := harness.Starter(t, env, "run", veteran, "--json")
	require.Equal(t, 5, r.Exit)
	require.Contains(t, r.Stderr, "127.0.0.1:1")
	require.Contains(t, r.Stderr, "--embedded")
	require.Equal(t, 5, document[ended](t, r).ExitCode)
}

// Claim: data that a worker refuses end the run with exit code 2 and no data value in the
// message.
func TestBadData(t *testing.T) {
	l := newLab(t)
	l.worker()
	data := filepath.Join(l.env.Dir, "examples", "data", "veteran.csv")
	good, err := os.ReadFile(data)
	require.NoError(t, err)
	bad := strings.Replace(string(good), "1,squamous,72,", "1,squamous,-72315,", 1)
	require.NotEqual(t, string(good), bad)
	require.NoError(t, os.WriteFile(data, []byte(bad), 0o644))

	r := l.starter(2, "run", veteran)
	require.Contains(t, r.Stderr, "DataInvalid")
	require.Contains(t, r.Stderr, "starter validate SPEC --data")
	require.NotContains(t, r.Stderr, "72315")
	require.NotContains(t, r.Stdout, "72315")

	require.NoError(t, os.Remove(data))
	require.Contains(t, l.starter(2, "run", veteran).Stderr, "DataInvalid")
}

// Claim: the JSON that `plan --print-input` prints runs under `temporal workflow start` just
// the same, and a typo in it fails the workflow by name before any activity.
func TestPrintInput(t *testing.T) {
	l := newLab(t)
	l.worker()
	input := l.starter(0, "plan", veteran, "--print-input").Stdout
	l.temporal(t, input, "everfold/production/veteran")
	watched := document[ended](t, l.starter(0, "watch", "production/veteran", "--json"))
	require.Equal(t, 15, watched.Result.Trained)

	typo := strings.Replace(input, `"folds"`, `"flods"`, 1)
	require.NotEqual(t, input, typo)
	l.temporal(t, typo, "everfold/production/veteran")
	failed := document[ended](t, l.starter(2, "watch", "production/veteran", "--json"))
	require.Contains(t, failed.Error, "InvalidSpec")
	require.Contains(t, failed.Error, "flods")
}

// temporal starts the workflow by Temporal's own program.
func (l *lab) temporal(t *testing.T, input, id string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "run.json")
	require.NoError(t, os.WriteFile(file, []byte(input), 0o644))
	p := harness.StartProgram(t, l.env, harness.Temporal(t), "workflow", "start", "--address", l.server.Address,
		"--type", "TrainSurvivalModels", "--task-queue", "everfold-workflows", "--workflow-id", id, "--input-file", file)
	require.Zero(t, p.Wait(), p.Stderr())
}
