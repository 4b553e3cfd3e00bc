package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"everfold/examples"
	"everfold/internal/app"
)

// Claim: whatever a tired person types wrong, the message says what is wrong and where, and
// the lines below it what would be right.
func TestMistakes(t *testing.T) {
	twoRuns(t)
	require.NoError(t, os.WriteFile("churn.yaml", []byte("run: churn\ntype: production\ndata: {uri: churn.csv, time: t, event: e}\nfolds: {k: 5, sede: 1}\n"), 0o600))
	require.NoError(t, examples.Install("examples"))
	require.NoError(t, os.WriteFile("churn.csv", []byte("t,e\n1,1\n"), 0o600))
	away := &fakeServer{described: []describeAnswer{{err: serviceerror.NewNotFound("no workflow")}}}
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"resluts production/base", 2, []string{`starter has no command "resluts"`, "did you mean results?"}},
		{"train churn.yaml", 2, []string{`starter has no command "train"`, "starter --help lists the commands"}},
		{"data genrate", 2, []string{`starter data has no command "genrate": generate`, "did you mean generate?"}},
		{"track", 2, []string{"track needs a command: sync or status"}},
		{"run", 2, []string{"starter run needs SPEC", "usage: starter run SPEC"}},
		{"run chrun.yaml", 2, []string{"spec chrun.yaml does not exist (looked in " + here(t) + ")", "did you mean churn.yaml?"}},
		{"run ../" + filepath.Base(here(t)) + "s/churn.yaml", 2, []string{"does not exist (looked in "}},
		{"run exmaples/veteran.yaml", 2, []string{"did you mean examples/veteran.yaml?"}},
		{"run churn.yaml --force cox", 2, []string{"churn.yaml", "sede"}},
		{"run examples/veteran.yaml --force cox", 2, []string{`--force: no model "cox" in models`}},
		{"run examples/veteran.yaml --set k=10", 2, []string{"k: unknown key", `did you mean "folds.k"?`, "given by --set"}},
		{"plan examples/veteran.yaml --set data.uri=vetran.csv", 2, []string{"no such file", "data.uri starts at the spec's folder"}},
		{"list --store churn.csv", 2, []string{here(t) + "/churn.csv: "}},
		{"compare churn.csv production/base", 2, []string{here(t) + "/churn.csv: ", "is a file"}},
		{"run outputs", 2, []string{"outputs is a folder; a spec is a file"}},
		{"run .", 2, []string{". is a folder", "specs there: churn.yaml"}},
		{"validate churn.yaml", 2, []string{"churn.yaml", "line 4", "sede", `did you mean "seed"`}},
		{"validate churn.csv", 2, []string{"churn.csv"}},
		{"run churn.yaml --set folds", 2, []string{"--set", "folds"}},
		{"results production/base --formt csv", 2, []string{"starter results has no flag --formt", "did you mean --format?"}},
		{"results production/base --format cvs", 2, []string{`--format "cvs" is not known: table, csv, json or markdown`, "did you mean csv?"}},
		{"results production/base --format", 2, []string{"starter results: flag needs an argument: --format"}},
		{"results production/bsae", 4, []string{"no run in " + here(t) + "/outputs/production/bsae: there is no such folder", "did you mean production/base?"}},
		{"results base", 4, []string{"no run in " + here(t) + "/base", "did you mean production/base?", "runs in outputs: production/base, production/ridge"}},
		{"results prodution/base", 4, []string{"did you mean production/base?"}},
		{"results outputs", 4, []string{"is a store of runs, not a run", "its runs: production/base, production/ridge"}},
		{"results churn.csv", 2, []string{"churn.csv is a file"}},
		{"summary production/none", 4, []string{"no run in ", "production/base"}},
		{"compare production/base production/rige", 4, []string{"did you mean production/ridge?"}},
		{"predict production/base --data new.xlsx --out a.csv", 2, []string{"--data", "new.xlsx", ".parquet"}},
		{"predict production/base --data churn.csv", 2, []string{"--out is missing"}},
		{"predict production/base --data churn.csv --out no/where.csv", 2, []string{"no folder no", "create that folder first"}},
		{"predict production/base --data chrun.csv --out a.csv", 2, []string{"--data chrun.csv does not exist (looked in " + here(t) + ")"}},
		{"predict production/none --data churn.csv --out a.csv", 4, []string{"no run in ", "runs in "}},
		{"status base", 2, []string{`"base" is not a run`, "RUN is <type>/<run>", "did you mean production/base?"}},
		{"status production/gone", 4, []string{"the Temporal server knows no run production/gone", "starter results"}},
		{"status production/base", 4, []string{"knows no run production/base", "its files are in " + here(t) + "/outputs/production/base: starter run SPEC", "starter recover " + here(t)}},
		{"parallel production/base many", 2, []string{"N is a whole number", `"many"`}},
		{"list --type prod", 2, []string{`--type "prod" is not known: sample or production`}},
		{"completion bsh", 2, []string{`no completion for "bsh"`, "did you mean bash?"}},
		{"version now", 2, []string{`starter version takes 0 arguments, not "now" too`}},
		{"data generate --out a.xls", 2, []string{"--out", ".csv"}},
		{"data generate --rows 0 --out a.csv", 2, []string{"--rows 0: allowed are 1 to"}},
		{"run churn.yaml --resume=maybe", 2, []string{"starter run: invalid argument \"maybe\""}},
	} {
		i, code := invoke(away, strings.Fields(c.line)...)
		require.Equal(t, c.code, code, "%s\n%s", c.line, i.err.String())
		require.Empty(t, i.out.String(), c.line)
		for _, want := range c.want {
			require.Contains(t, i.err.String(), want, c.line)
		}
		require.LessOrEqual(t, strings.Count(i.err.String(), "\n"), 8, "%s\n%s", c.line, i.err.String())
	}
}

// Claim: without a server the message names the address and three ways out.
func TestNoServerMistake(t *testing.T) {
	i := prepared(nil)
	i.program.services.dial = func(context.Context) (*link, error) {
		return nil, &app.UnreachableError{Address: "127.0.0.1:7233", Namespace: "default", Err: errors.New("connection refused")}
	}
	require.Equal(t, exitUnreachable, i.program.main(t.Context(), []string{"status", "production/base"}))
	for _, want := range []string{"127.0.0.1:7233", "TEMPORAL_ADDRESS", "--embedded"} {
		require.Contains(t, i.err.String(), want)
	}
}

// here is the current folder.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return dir
}

// Claim: nobody is sent to the files of a run that the server does not know in a store that does not say
// whether it has them; where one is called lost, it is the store that must say so.
func TestUnknownRunOfSilentStore(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer silent.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_S3", silent.URL)
	run := runRef{"production", "gone"}
	err := missingFrom("s3://bucket", run, serviceerror.NewNotFound("no"))
	require.ErrorContains(t, err, "knows no run production/gone")
	require.NotContains(t, hintOf(err), "its files are in")
	require.Contains(t, hintOf(err), "starter list")
	require.True(t, hasRun("s3://bucket/production/gone"), "it may be there")
}
