package metrics

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

const rulesFile = "deploy/prometheus/everfold.rules.yaml"

const spec = `run: watched
type: production
data: {uri: veteran.csv, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 2}
models: [{type: cox_ph}, {type: rsf, trees: 20}]
notify: ['${EVERFOLD_NOTIFY_TEAM}']
tracker: {timeout: 1s, budget: 2s, attempts: 2}
`

// Claim: a worker shows what it did in a run whose tracker and alert endpoint refuse every
// connection, and every metric and label that an alert rule asks for. No label has the name
// of a run or a file: their number has no bound.
func TestScrape(t *testing.T) {
	families := scrape(t)
	t.Run("what happened", func(t *testing.T) { checkValues(t, families) })
	t.Run("what rules ask for", func(t *testing.T) { checkRules(t, families) })
	t.Run("labels", func(t *testing.T) { checkLabels(t, families) })
}

func checkValues(t *testing.T, families map[string]*dto.MetricFamily) {
	for _, c := range []struct {
		name   string
		labels map[string]string
		value  float64
	}{
		{"everfold_fits_total", map[string]string{"activity_type": "FitFold", "model_type": "cox_ph", "outcome": "trained"}, 2},
		{"everfold_fits_total", map[string]string{"activity_type": "FitFold", "model_type": "km", "outcome": "trained"}, 2},
		{"everfold_fits_total", map[string]string{"activity_type": "FitFinal", "outcome": "trained"}, 1},
		{"everfold_alerts_total", map[string]string{"event": "completed", "outcome": "refused"}, -1},
		{"everfold_tracker_calls_total", map[string]string{"call": "probe", "outcome": "failed", "reason": "unavailable"}, -1},
		{"everfold_store_written_bytes_total", nil, -1},
		{"everfold_store_read_bytes_total", nil, -1},
		{"everfold_run_end_timestamp_seconds", map[string]string{"workflow_type": "TrainSurvivalModels", "outcome": "completed"}, -1},
		{"temporal_worker_task_slots_available", map[string]string{"task_queue": "everfold-train"}, -1},
	} {
		got, found := sum(families[c.name], c.labels)
		require.Positive(t, found, "%s%v", c.name, c.labels)
		if c.value >= 0 {
			require.Equal(t, c.value, got, "%s%v", c.name, c.labels)
		} else {
			require.Positive(t, got, "%s%v", c.name, c.labels)
		}
	}
}

func checkRules(t *testing.T, families map[string]*dto.MetricFamily) {
	asked := rules(t)
	require.Greater(t, len(asked), 9)
	for _, a := range asked {
		family := families[a.Metric]
		require.NotNil(t, family, "%s asks for %s", a.Alert, a.Metric)
		for _, label := range a.Labels {
			require.Contains(t, labelsOf(family), label, "%s asks for %s of %s", a.Alert, label, a.Metric)
		}
	}
}

func checkLabels(t *testing.T, families map[string]*dto.MetricFamily) {
	for name, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				require.NotContains(t, l.GetValue(), "watched", "%s{%s}", name, l.GetName())
				require.NotContains(t, l.GetValue(), "veteran", "%s{%s}", name, l.GetName())
			}
		}
	}
}

// Claim: every alert fires on what it is for and on nothing else, by Prometheus's own engine: the
// tests of testsuite/rules, a module that nothing else would run.
func TestRulesFire(t *testing.T) {
	c := exec.CommandContext(t.Context(), "go", "test", ".")
	c.Dir = filepath.Join(harness.Root(t), "testsuite", "rules")
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
}

// Claim: every alert names the section of the runbook that says what to do.
func TestRunbook(t *testing.T) {
	root := harness.Root(t)
	text, err := os.ReadFile(filepath.Join(root, rulesFile))
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	require.NoError(t, err)
	anchors := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			anchors[regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(title), "")] = true
		}
	}
	named := regexp.MustCompile(`runbook: docs/OPERATIONS\.md#(\S+)`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, named, strings.Count(string(text), "- alert:"))
	for _, m := range named {
		require.True(t, anchors[strings.ReplaceAll(m[1], "-", " ")], "docs/OPERATIONS.md has no section #%s", m[1])
	}
}

// Claim: an address that somebody else has ends the worker at once, with an error that names
// it; one that is none is a usage error.
func TestAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	address := l.Addr().String()
	for set, want := range map[string]struct {
		exit int
		says string
	}{
		address: {1, "worker: serve metrics on " + address + ": "},
		"9464":  {2, `"9464": want host:port`},
	} {
		p := harness.StartProgram(t, harness.Env{Address: "127.0.0.1:1", Set: []string{"EVERFOLD_METRICS_LISTEN=" + set}}, harness.WorkerBinary(t))
		require.Equal(t, want.exit, p.Wait())
		require.Contains(t, p.Stderr(), want.says)
	}
}

// scrape runs the spec to its end with one worker, and asks that for its metrics.
func scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	server, dir := harness.Server(t), t.TempDir()
	data, err := os.ReadFile(filepath.Join(harness.Root(t), "examples", "data", "veteran.csv"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "veteran.csv"), data, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "spec.yaml"), []byte(spec), 0o644))
	nobody := harness.FreePorts(t, 1)[0]
	worker := harness.StartProgram(t, harness.Env{Address: server.Address, Set: []string{
		fmt.Sprintf("EVERFOLD_NOTIFY_TEAM=generic+http://127.0.0.1:%d/x", nobody),
		fmt.Sprintf("MLFLOW_TRACKING_URI=http://127.0.0.1:%d", nobody),
	}}, harness.WorkerBinary(t), "--metrics-listen", "127.0.0.1:0")
	worker.WaitFor("worker is serving")
	ran := harness.Starter(t, harness.Env{Address: server.Address, Dir: dir}, "run", "spec.yaml")
	require.Zero(t, ran.Exit, ran.Stderr)

	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+/metrics`).FindString(worker.Stderr())
	require.NotEmpty(t, url, worker.Stderr())
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	require.NoError(t, err)
	return families
}

// sum adds the series of a family that have the labels, and counts them.
func sum(family *dto.MetricFamily, labels map[string]string) (total float64, found int) {
	for _, m := range family.GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		match := true
		for name, value := range labels {
			match = match && has[name] == value
		}
		if match {
			found++
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return total, found
}

func labelsOf(family *dto.MetricFamily) map[string]bool {
	names := map[string]bool{}
	for _, m := range family.GetMetric() {
		for _, l := range m.GetLabel() {
			names[l.GetName()] = true
		}
	}
	return names
}

// asked is a vector selector in a rule's expression.
type asked struct {
	Alert, Metric string
	Labels        []string
}

// rules reads the shipped rules by Prometheus's own parsers.
func rules(t *testing.T) []asked {
	t.Helper()
	root := harness.Root(t)
	c := exec.CommandContext(t.Context(), "go", "run", ".", filepath.Join(root, rulesFile))
	c.Dir = filepath.Join(root, "testsuite", "rules")
	var trouble strings.Builder
	c.Stderr = &trouble
	out, err := c.Output()
	require.NoError(t, err, trouble.String())
	var all []asked
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var a asked
		require.NoError(t, d.Decode(&a))
		all = append(all, a)
	}
	return all
}
