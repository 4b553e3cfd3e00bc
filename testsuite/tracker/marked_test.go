package tracker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// everything is what the server's database holds, as SQL.
const everything = `
import sqlite3, sys
for line in sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).iterdump():
    print(line)
`

const markedSpec = `run: %s
type: production
data: {uri: %s, ` + harness.MarkedData + `}
folds: {k: 2}
models: [{type: cox_ph}, {type: weibull_aft}, {type: rsf, trees: 10}, {type: coxnet}]
explain: {importance: 2, dependence: 3}
tracker: {experiment: marked}
%s`

// Claim: what a real server keeps of runs, one of which fails, has no cell of their data and no
// credential of the programs: neither its database nor its artifacts nor its log. Numbers of the
// data are in what is uploaded by design alone: final models, and the report, which has the ranges
// of columns; ids and text are not even there.
func TestMarkedRowsOnServer(t *testing.T) {
	server, l := shared(t), newLab(t)
	key, err := app.NewCodecKey("k1")
	require.NoError(t, err)
	_, secret, _ := strings.Cut(key, ":")
	env := harness.Env{Address: l.server.Address, Dir: l.dir, Set: []string{
		"MLFLOW_TRACKING_URI=" + server.url, "MLFLOW_TRACKING_TOKEN=" + hush, app.EnvCodecKeys + "=" + key,
		"AWS_SECRET_ACCESS_KEY=s3-" + hush, "EVERFOLD_NOTIFY_HOOK=generic://127.0.0.1:1/" + hush,
	}}
	harness.StartProgram(t, env, harness.WorkerBinary(t)).WaitFor("worker is serving")
	data := filepath.Join(l.dir, "customers.csv")
	require.NoError(t, os.WriteFile(data, []byte(harness.MarkedTable(120, nil)), 0o600))
	for run, more := range map[string]string{"marked": "", "marked-failing": "resources: {fit_timeout: 1ms}\n"} {
		spec := filepath.Join(l.dir, run+".yaml")
		require.NoError(t, os.WriteFile(spec, fmt.Appendf(nil, markedSpec, run, data, more), 0o600))
		exit := 0
		if more != "" {
			exit = 1
		}
		harness.Ended(t, harness.StartStarter(t, env, "run", spec, "--json"), exit)
	}

	dump := runPython(t, server.url, everything, filepath.Join(server.cmd.Dir, "mlflow.db"))
	require.Contains(t, dump, "production/marked-failing@", "the database is where it is looked for")
	require.NotRegexp(t, harness.Marks, dump)
	for _, word := range []string{hush, secret} {
		require.NotContains(t, dump, word)
		require.NotContains(t, server.log.String(), word)
		require.Empty(t, harness.FilesWith(t, server.cmd.Dir, word))
	}
	require.NotRegexp(t, harness.Marks, server.log.String())
	require.Empty(t, harness.FilesWith(t, server.cmd.Dir, harness.MarkedText))
	byDesign := harness.FilesWith(t, server.cmd.Dir, harness.MarkedDigits)
	require.NotEmpty(t, byDesign, "what is looked for is to be found")
	for _, path := range byDesign {
		require.Regexp(t, "/artifacts/(models|report)/", filepath.ToSlash(path))
	}
}
