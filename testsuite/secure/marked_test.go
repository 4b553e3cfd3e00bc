package secure

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
	"everfold/testsuite/sinks"
	"everfold/tracker/trackertest"
)

// markLab runs everything that there is on marked tables, and keeps what anybody sees of it.
type markLab struct {
	t       *testing.T
	server  *harness.TemporalServer
	dir     string
	said    []*harness.Process
	hook    *sinks.Webhook
	mu      sync.Mutex
	sent    map[string]string // to the tracking server, by path
	tracker *trackertest.Server
}

func newMarkLab(t *testing.T) *markLab {
	t.Helper()
	l := &markLab{t: t, server: harness.Server(t), dir: t.TempDir(), hook: sinks.NewWebhook(t, "token"),
		tracker: trackertest.NewServer(t), sent: map[string]string{}}
	l.tracker.Disturb(func(_ http.ResponseWriter, r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return false // the client was killed
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent[r.URL.String()] += string(body)
		return false
	})
	return l
}

func (l *markLab) write(name, content string) {
	l.t.Helper()
	require.NoError(l.t, os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o600))
}

// spec writes a spec of a table; more are lines that are added.
func (l *markLab) spec(run, data, more string) string {
	l.t.Helper()
	l.write(run+".yaml", fmt.Sprintf(`run: %s
type: production
data: {uri: %s, `+harness.MarkedData+`%s
notify: ['${EVERFOLD_NOTIFY_HOOK}']
`, run, data, more))
	return run + ".yaml"
}

func (l *markLab) env() harness.Env {
	return harness.Env{Address: l.server.Address, Dir: l.dir, Set: []string{
		"EVERFOLD_NOTIFY_HOOK=" + l.hook.URL(), "MLFLOW_TRACKING_URI=" + l.tracker.URL,
	}}
}

func (l *markLab) starter(exit int, args ...string) {
	l.t.Helper()
	p := harness.StartStarter(l.t, l.env(), args...)
	l.said = append(l.said, p)
	require.Equal(l.t, exit, p.Wait(), "starter %v\n%s%s", args, p.Stdout(), p.Stderr())
}

const quick = "}\nfolds: {k: 2}\n"

// Claim: whatever happens to a run, no cell of its data turns up outside its store: not in
// histories and the server's database, not in log files and the terminals of worker and
// starter, not in alerts, metrics, or what the tracking server is told. What a run uploads
// there by design are its tables, its report, which has the ranges of numbers, and its final
// model: not even they have an id, or text of a column that the spec ignores.
func TestMarkedRows(t *testing.T) {
	t.Parallel()
	l := newMarkLab(t)
	metrics := fmt.Sprintf("127.0.0.1:%d", harness.FreePorts(t, 1)[0])
	worker := harness.StartProgram(t, l.env(), harness.WorkerBinary(t), "--metrics-listen", metrics, "--log-format", "json")
	l.said = append(l.said, worker)
	worker.WaitFor("worker is serving")

	l.write("good.csv", harness.MarkedTable(120, nil))
	l.starter(0, "run", l.spec("good", "good.csv", quick+"models: [{type: cox_ph}, {type: weibull_aft}, {type: rsf, trees: 10}, {type: coxnet}]\nexplain: {importance: 2, dependence: 3}"), "--verbose")
	l.starter(0, "status", "production/good", "--json")
	l.warns()
	l.fails()
	l.refuses()
	l.uses()

	l.requireNone("the metrics", scrape(t, "http://"+metrics+"/metrics"))
	require.Equal(t, 0, worker.Stop())
	l.look()
}

// warns has runs with warnings about data and convergence.
func (l *markLab) warns() {
	l.write("warn.csv", harness.MarkedTable(120, func(i int, row []string) {
		switch {
		case i%11 == 0:
			row[3] = "" // a gap
		case i == 7:
			row[1] = "0"
		case i == 8:
			row[5] = "rare"
		}
		row[7] = []string{"0", "1"}[(i*7%10)/6] // tells the event: no finite estimate
	}))
	l.starter(0, "run", l.spec("warn", "warn.csv", ", on_zero_time: drop"+quick+"models: [{type: cox_ph}, {type: gbsa, trees: 20}]"))
	require.Contains(l.t, l.logs("warn"), `"category":"data"`)
	require.Contains(l.t, l.logs("warn"), `"category":"convergence"`)
}

// fails has folds without events, which is noticed beforehand, and fits that all fail.
func (l *markLab) fails() {
	var folds strings.Builder
	folds.WriteString("fold,row\n")
	for i := range 120 {
		fmt.Fprintf(&folds, "%d,%d\n", 1-(i*7%10)/6, i)
	}
	l.write("folds.csv", folds.String())
	l.starter(2, "run", l.spec("eventless", "good.csv", "}\nfolds: {file: folds.csv}\nmodels: [{type: cox_ph}, {type: weibull_aft}]"))
	require.Contains(l.t, l.logs("eventless"), "NoEvents")
	l.starter(1, "run", l.spec("failing", "good.csv", quick+"models: [{type: cox_ph}]\nresources: {fit_timeout: 1ms}"))
}

// refuses has every kind of bad table, and two of them in a run.
func (l *markLab) refuses() {
	one := func(column int, cell string) func(int, []string) {
		return func(i int, row []string) {
			if i == 60 {
				row[column] = cell
			}
		}
	}
	bad := map[string]string{
		"twice":    harness.MarkedTable(90, func(i int, row []string) { row[0] = fmt.Sprintf("%sid%03d", harness.MarkedText, i/2) }),
		"noid":     harness.MarkedTable(90, one(0, "")),
		"negative": harness.MarkedTable(90, one(1, "-1."+harness.MarkedDigits)),
		"words":    harness.MarkedTable(90, one(1, harness.MarkedText)),
		"infinite": harness.MarkedTable(90, one(1, "1e999")),
		"event":    harness.MarkedTable(90, one(2, harness.MarkedText+" as a long text")),
		"mixed":    harness.MarkedTable(90, one(3, harness.MarkedText)),
		"huge":     harness.MarkedTable(90, one(4, harness.MarkedDigits+"e400")),
		"levels":   harness.MarkedTable(900, func(i int, row []string) { row[7] = row[0] }),
		"quote":    harness.MarkedTable(90, one(6, harness.MarkedText+`"x`)),
		"wide":     harness.MarkedTable(90, one(6, harness.MarkedText+`x",9`)),
		"headless": strings.Replace(harness.MarkedTable(90, nil), harness.MarkedHead, "", 1),
		"short":    harness.MarkedTable(90, nil) + harness.MarkedText + "\n",
		"binary":   harness.MarkedTable(90, one(6, harness.MarkedText+"\x00\xff\xfe")),
	}
	for name, table := range bad {
		l.write(name+".csv", table)
		code := 2
		if name == "binary" {
			code = 0 // the column is ignored
		}
		l.spec(name, name+".csv", quick)
		if name == "levels" { // what is not listed is looked at
			text, err := os.ReadFile(filepath.Join(l.dir, "levels.yaml"))
			require.NoError(l.t, err)
			l.write("levels.yaml", strings.Replace(string(text), "categorical: [area], ", "", 1))
		}
		l.starter(code, "validate", name+".yaml", "--data")
	}
	l.starter(2, "run", "event.yaml")
	l.starter(2, "run", "headless.yaml", "--json")
	l.write("folds.csv", "fold,row\n0,"+harness.MarkedText+"\n")
	l.starter(2, "validate", "eventless.yaml", "--data")
}

// uses predicts, and recovers a run that has lost files.
func (l *markLab) uses() {
	for name, cell := range map[string]string{"new.csv": "", "text.csv": harness.MarkedText, "infinite.csv": "1e999"} {
		l.write(name, harness.MarkedTable(20, func(i int, row []string) {
			if i == 3 && cell != "" {
				row[3] = cell
			}
		}))
		l.starter(map[bool]int{true: 0, false: 2}[cell == ""], "predict", "production/good", "--data", name, "--out", "scored.csv")
	}
	folder := filepath.Join(l.dir, "outputs", "production", "good")
	require.NoError(l.t, os.RemoveAll(filepath.Join(folder, "artifacts", "cox_ph")))
	require.NoError(l.t, os.Remove(filepath.Join(folder, "artifacts", "model_metrics.csv")))
	l.starter(0, "recover", "production/good", "--verbose")
	l.starter(0, "results", "production/good")
	l.starter(0, "track", "sync", "production/good")
	l.starter(2, "compare", "production/good", "production/warn", "--json") // other rows
	l.starter(0, "report", "production/good")
}

// logs are a run's log files.
func (l *markLab) logs(run string) string {
	l.t.Helper()
	return harness.ReadFiles(l.t, filepath.Join(l.dir, "outputs", "production", run, "logs", "*.log"))
}

func (l *markLab) requireNone(what, text string) {
	l.t.Helper()
	require.NotEmpty(l.t, text, what)
	if at := harness.Marks.FindStringIndex(text); at != nil {
		l.t.Errorf("%s: …%s…", what, text[max(0, at[0]-200):min(len(text), at[1]+100)])
	}
}

// look looks everywhere.
func (l *markLab) look() {
	l.t.Helper()
	database := harness.ReadFiles(l.t, l.server.DB+"*")
	require.Contains(l.t, database, "good.csv", "the database is where it is looked for")
	l.requireNone("Temporal's database", database)
	predictions, err := os.ReadFile(filepath.Join(l.dir, "outputs", "production", "good", "predictions", "predictions.csv"))
	require.NoError(l.t, err)
	require.Contains(l.t, string(predictions), harness.MarkedText, "what is looked for is in the store")
	for _, p := range l.said {
		l.requireNone("a terminal", p.Stdout()+p.Stderr()+" ")
	}
	for _, run := range []string{"good", "warn", "failing", "eventless", "event"} {
		l.requireNone("logs of "+run, l.logs(run))
	}
	require.NotEmpty(l.t, l.hook.Messages())
	l.requireNone("alerts", strings.Join(l.hook.Messages(), "\n"))
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(l.t, l.sent)
	for path, body := range l.sent {
		require.NotContains(l.t, body, harness.MarkedText, path)
		if !strings.Contains(path, "/models/") && !strings.Contains(path, "/report/") {
			l.requireNone(path, body+" ")
		}
	}
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}
