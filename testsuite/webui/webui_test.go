//go:build linux

package webui

import (
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/internal/app"
	"everfold/testsuite/harness"
)

var browse = flag.Bool("browser", false, "look with chromium")

// hidden is a model's name: part of a run's input and of its result.
const hidden = "marked4711hidden"

// encrypted is in what the UI shows of a payload that nobody has decrypted.
const encrypted = `"encryption-key-id"`

// Claim: Temporal's Web UI shows an encrypted run's input and result where its user has named the
// endpoint of `starter codec serve`, with and without a browser's credentials, and nothing of them
// where not, nor when the endpoint does not know the page.
func TestCodecInWebUI(t *testing.T) {
	if !*browse {
		return // see doc.go
	}
	key, err := app.NewCodecKey("2026-11")
	require.NoError(t, err)
	server := harness.Unstarted(t)
	server.Shown = true
	server.Restart()
	env := harness.Env{Address: server.Address, Dir: t.TempDir(), Set: []string{app.EnvCodecKeys + "=" + key}}
	page := runOn(t, server, env)
	here := serve(t, env, server.Page())
	b := newBrowser(t)

	b.open(page)
	b.shows(encrypted, hidden)
	for _, credentials := range []bool{false, true} {
		b.use(here, credentials)
		b.shows(hidden, encrypted)
	}
	b.use(serve(t, env, "http://elsewhere.example"), false)
	b.shows("Codec Server could not connect", hidden)
	b.shows(encrypted, hidden)
}

// runOn has a run with the hidden name, and returns its page.
func runOn(t *testing.T, server *harness.TemporalServer, env harness.Env) string {
	t.Helper()
	worker := harness.StartProgram(t, env, harness.WorkerBinary(t))
	worker.WaitFor("payloads are encrypted")
	spec := filepath.Join(env.Dir, "spec.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(`run: seen
type: sample
data: {uri: `+filepath.Join(harness.Root(t), "examples", "data", "veteran.csv")+`, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 2}
models: [{name: `+hidden+`, type: cox_ph}]
`), 0o600))
	harness.Completed(t, harness.StartStarter(t, env, "run", spec, "--json"))
	run, err := server.Client().DescribeWorkflowExecution(t.Context(), "everfold/sample/seen", "")
	require.NoError(t, err)
	return server.Page() + "/namespaces/default/workflows/" + url.PathEscape("everfold/sample/seen") + "/" +
		run.GetWorkflowExecutionInfo().GetExecution().GetRunId() + "/history"
}

// serve starts the endpoint for one page, and returns its address.
func serve(t *testing.T, env harness.Env, origin string) string {
	t.Helper()
	p := harness.StartStarter(t, env, "codec", "serve", "--listen", "127.0.0.1:0", "--origin", origin)
	p.WaitFor("decrypts for Temporal's")
	endpoint, _, _ := strings.Cut(p.Stdout(), " ")
	return endpoint
}

// use names the endpoint, as the UI's dialogue stores it, and loads the page anew.
func (b *browser) use(endpoint string, credentials bool) {
	b.t.Helper()
	b.script(`localStorage.setItem("endpoint", ` + strconv.Quote(strconv.Quote(endpoint)) + `); localStorage.setItem("includeCredentials", "` +
		strconv.FormatBool(credentials) + `"); location.reload()`)
}
