package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/internal/app"
	"everfold/testsuite/harness"
)

// comparedSpec is a run of a second.
const comparedSpec = `{run: base, type: production, data: {uri: DATA, time: time, event: event},
 folds: {k: 3}, models: [{type: cox_ph}, {type: weibull_aft}]}`

// twoRuns are the folders of production/base and production/ridge below the current folder's
// outputs; set changes the second.
func twoRuns(t *testing.T, set ...string) {
	t.Helper()
	data, err := filepath.Abs("../testdata/public/veteran_lung.csv")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	spec := strings.Replace(comparedSpec, "DATA", data, 1)
	outputs, err := filepath.Abs("outputs")
	require.NoError(t, err)
	harness.Folds(t, outputs, spec)
	harness.Folds(t, outputs, spec, append(set, "run=ridge")...)
}

// Claim: compare reads two runs from their files alone; every format has every comparison.
func TestCompare(t *testing.T) {
	twoRuns(t, "models=[{type: cox_ph, alpha: 50}, {type: weibull_aft}, {name: ties, type: cox_ph, ties: breslow}]")
	i, code := invoke(nil, "compare", "production/base", "production/ridge", "--json")
	require.Zero(t, code, i.err.String())
	require.Empty(t, i.err.String())
	var c compared
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &c))
	require.Equal(t, []string{"ties"}, c.B.OnlyHere)
	require.Equal(t, []int{0, 1, 2}, c.Shared.Folds)
	require.Equal(t, "models.cox_ph.alpha", c.Settings[0].Key)

	i, code = invoke(nil, "compare", "outputs/production/base", "production/ridge", "--format", "csv")
	require.Zero(t, code)
	rows, err := csv.NewReader(&i.out).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+len(c.Comparisons))
	for k, d := range c.Comparisons {
		require.Equal(t, []string{d.Metric, d.A, d.B}, rows[k+1][:3])
		require.Equal(t, strconv.FormatFloat(*d.Difference, 'g', -1, 64), rows[k+1][7])
	}
	for _, f := range []string{"table", "markdown"} {
		i, code = invoke(nil, "compare", "production/base", "production/ridge", "--format", f)
		require.Zero(t, code)
		require.Contains(t, i.out.String(), "models.cox_ph.alpha: 0 → 50")
		require.Contains(t, i.out.String(), "the same fits")
	}
}

// comparison is one of each kind: tested, of two models, the same, on fewer folds.
func comparison() *compared {
	c := &compared{
		A:      comparedRun{Run: "production/base", Folder: "/data/outputs/production/base", Best: "cox_ph", Select: "cindex", OnlyHere: []string{"coxnet"}},
		B:      comparedRun{Run: "production/wide", Folder: "/data/outputs/production/wide", Best: "rsf", Select: "ibs", OnlyFolds: []int{5, 6, 7}},
		Shared: sharedFolds{DataDigest: "0123456789abcdef", Rows: 137, Events: 128, Folds: []int{0, 1, 2, 3, 4}, CIndex: "ipcw"},
		Settings: []artifact.SettingDifference{
			{Key: "metrics.tau", A: []byte("null"), B: []byte("365")}, {Key: "models.cox_ph.ties", A: []byte(`"efron"`), B: []byte(`"breslow"`)},
		},
	}
	for _, metric := range comparedMetrics {
		c.Comparisons = append(c.Comparisons,
			app.RunDifference{Metric: metric.name, A: "cox_ph", B: "cox_ph", Folds: 5, MeanA: number(0.7), MeanB: number(0.7123), Difference: number(0.0123),
				SE: number(0.004), Low: number(0.0012), High: number(0.0234), T: number(3.075), DF: 4, P: number(0.0371), PHolm: number(0.0742)},
			app.RunDifference{Metric: metric.name, A: "weibull_aft", B: "weibull_aft", Folds: 5, MeanA: number(0.71), MeanB: number(0.71), Difference: number(0), Reason: "the same fits"},
			app.RunDifference{Metric: metric.name, A: "cox_ph", B: "rsf", Best: true, Folds: 4, MeanA: number(0.7), MeanB: number(0.69), Difference: number(-0.01),
				SE: number(0.001), Low: number(-0.0132), High: number(-0.0068), T: number(-10), DF: 3, P: number(0.0021), PHolm: number(0.0042)})
	}
	return c
}

// Claim: the comparison in every format: tables rounded, CSV and JSON with every digit.
func TestCompareFormats(t *testing.T) {
	for _, f := range formats {
		var out bytes.Buffer
		require.NoError(t, comparison().write(screen{Writer: &out}, f))
		golden(t, "compare."+string(f), out.String())
		require.NotContains(t, out.String(), "NaN")
	}
	var out bytes.Buffer
	require.NoError(t, comparison().write(screen{Writer: &out, live: true}, formatTable))
	golden(t, "compare.live", out.String())
	require.LessOrEqual(t, widest(comparison().narrowTable("ibs").Render()), 40)
}

// Claim: what cannot be compared is refused with its exit code, the difference and a way out.
func TestCompareRefusals(t *testing.T) {
	twoRuns(t, "folds.seed=7")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"production/base", "production/ridge"}, exitUsage, "production/base and production/ridge: their scores cannot be compared: folds 0, 1, 2 have other rows (folds.seed: 42 and 7)"},
		{[]string{"production/base", "outputs/production/base"}, exitUsage, "both are the same run"},
		{[]string{"production/base"}, exitUsage, "starter compare needs a second RUN or DIR"},
		{[]string{"production/base", "production/none"}, exitNotFound, "no run in "},
		{[]string{"production/base", "production/ridge", "--format", "xml"}, exitUsage, `"xml"`},
	} {
		i, code := invoke(nil, append([]string{"compare"}, c.args...)...)
		require.Equal(t, c.code, code, c.args)
		require.Contains(t, i.err.String(), c.want)
		require.Empty(t, i.out.String())
	}
	require.NoError(t, os.WriteFile("outputs/production/ridge/run.json", []byte("{}"), 0o600))
	_, code := invoke(nil, "compare", "production/base", "production/ridge")
	require.Equal(t, exitCorrupt, code)
}

// Claim: the last line says which differences are more than chance, in the direction that is
// better by that metric.
func TestCompareVerdict(t *testing.T) {
	c := &compared{}
	require.Equal(t, "No difference could be tested.", c.verdict())
	c.Comparisons = []app.RunDifference{
		{Metric: "cindex", A: "cox_ph", B: "cox_ph", Difference: number(0.1), PHolm: number(0.2)},
		{Metric: "ibs", A: "cox_ph", B: "rsf", Best: true, Difference: number(0.1), PHolm: number(0.3)},
	}
	require.Contains(t, c.verdict(), "No difference is more than chance")
	c.Comparisons[0].PHolm, c.Comparisons[1].PHolm = number(0.01), number(0.02)
	require.Equal(t, "More than chance would give (adjusted p below 0.05): cox_ph is better in B by C-index; "+
		"cox_ph → rsf (best) is worse in B by IBS.", c.verdict())
	require.Equal(t, "< 0.001", pValue(number(1e-9)))
}
