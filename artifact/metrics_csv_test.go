package artifact_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/artifact"
)

const header = "model,fold,cindex,ibs,cindex_harrell,cindex_ipcw,auc_mean,n_train,n_test,events_train,events_test," +
	"fit_seconds,predict_seconds,converged,repeat,ipa,reason\n"

// finite draws floats that a metric may have, extreme ones included, and nil.
func optionalFloat(t *rapid.T, label string) *float64 {
	if rapid.Bool().Draw(t, label+" defined") {
		v := rapid.Float64().Draw(t, label)
		return &v
	}
	return nil
}

func drawRow(t *rapid.T, model string, fold int) artifact.MetricsRow {
	count := rapid.IntRange(0, 1_000_000)
	return artifact.MetricsRow{
		Task: artifact.Task{Model: model, Fold: fold}, Repeat: rapid.IntRange(0, 9).Draw(t, "repeat"),
		Scores: artifact.Scores{
			CIndex: optionalFloat(t, "cindex"), IBS: optionalFloat(t, "ibs"), CIndexHarrell: optionalFloat(t, "harrell"),
			CIndexIPCW: optionalFloat(t, "ipcw"), AUCMean: optionalFloat(t, "auc"), IPA: optionalFloat(t, "ipa"),
		},
		TrainRows: count.Draw(t, "n_train"), TestRows: count.Draw(t, "n_test"),
		TrainEvents: count.Draw(t, "events_train"), TestEvents: count.Draw(t, "events_test"),
		FitSeconds: rapid.Float64Min(0).Draw(t, "fit"), PredictSeconds: rapid.Float64Min(0).Draw(t, "predict"),
		Converged: rapid.Bool().Draw(t, "converged"),
		Reason:    rapid.StringMatching(`[ -~]{0,30}`).Draw(t, "reason"),
	}
}

// Every table is read back as it was, to the last bit, and formats to the same bytes.
func TestMetricsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []artifact.MetricsRow
		for i, model := range []string{"a", "b-1", "km"} {
			for fold := range rapid.IntRange(0, 3).Draw(t, "folds") {
				rows = append(rows, drawRow(t, model, fold+i))
			}
		}
		text := artifact.FormatMetrics(rows)
		got, err := artifact.ParseMetrics(text)
		require.NoError(t, err)
		require.Equal(t, rows, got)
		require.Equal(t, string(text), string(artifact.FormatMetrics(got)))
	})
}

// Columns, their order and the form of cells are those that scripts of others read.
func TestMetricsFormat(t *testing.T) {
	c, tiny := 0.30000000000000004, 1e-7
	m := artifact.Manifest{Model: "cox", Fold: 3, Repeat: 1, Scores: artifact.Scores{CIndex: &c, IBS: &tiny},
		Reasons:   map[string]string{"auc_mean": "no, \"case\"", "cindex_ipcw": "no comparable pair", "cindex_harrell": "no comparable pair", "zz": "other"},
		TrainRows: 8, TestRows: 4, TrainEvents: 3, TestEvents: 2, FitSeconds: 1.5, PredictSeconds: 20, Converged: true}
	require.Equal(t, header+
		`cox,3,0.30000000000000004,1e-07,,,,8,4,3,2,1.5,20,true,1,,"cindex_harrell, cindex_ipcw: no comparable pair; auc_mean: no, ""case""; zz: other"`+"\n",
		string(artifact.FormatMetrics([]artifact.MetricsRow{m.Row()})))
	require.Equal(t, header, string(artifact.FormatMetrics(nil)))
}

// Whatever this program does not write is refused with its line, without quoting a cell.
func TestParseMetricsIsStrict(t *testing.T) {
	const good = "cox,0,0.7,0.1,,,,8,4,3,2,1.5,20,true,0,,\n"
	line := func(column int, cell string) string {
		cells := strings.Split(strings.TrimSpace(good), ",")
		cells[column] = cell
		return strings.Join(cells, ",") + "\n"
	}
	for name, c := range map[string]struct {
		text string
		line int
		says string
	}{
		"empty":        {"", 1, "empty"},
		"header":       {strings.Replace(header, "ibs", "brier", 1), 1, "header"},
		"few cells":    {header + good + "cox,1,0.7\n", 3, "wrong number of fields"},
		"quote":        {header + good + "\"cox", 3, "quote"},
		"twice":        {header + good + good, 3, "second time"},
		"NaN":          {header + line(2, "NaN"), 2, "cindex is not a finite"},
		"Inf":          {header + line(3, "Inf"), 2, "ibs"},
		"hex":          {header + line(2, "0x1p-1"), 2, "cindex"},
		"underscore":   {header + line(2, "1_0"), 2, "cindex"},
		"overflow":     {header + line(2, "1e999"), 2, "cindex"},
		"space":        {header + line(2, " 0.5"), 2, "cindex"},
		"no time":      {header + line(11, ""), 2, "fit_seconds"},
		"fold":         {header + line(1, "-1"), 2, "fold"},
		"leading zero": {header + line(1, "01"), 2, "fold"},
		"fraction":     {header + line(7, "1.5"), 2, "n_train"},
		"huge":         {header + line(7, "99999999999999999999"), 2, "n_train"},
		"flag":         {header + line(13, "yes"), 2, "converged"},
		"model":        {header + line(0, "=cmd()"), 2, "model"},
		"no model":     {header + line(0, ""), 2, "model"},
	} {
		_, err := artifact.ParseMetrics([]byte(c.text))
		var at *artifact.CSVError
		require.ErrorAs(t, err, &at, name)
		require.Equal(t, c.line, at.Line, name)
		require.ErrorContains(t, err, fmt.Sprintf("line %d", c.line), name)
		require.ErrorContains(t, err, c.says, name)
		require.NotContains(t, err.Error(), "cmd", name)
	}
}

// Whatever bytes come, parsing ends with rows or a *CSVError, and what parses is written
// back to the same rows.
func FuzzParseMetrics(f *testing.F) {
	f.Add([]byte(header + "cox,0,0.7,0.1,,,,8,4,3,2,1.5,20,true,0,,\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, err := artifact.ParseMetrics(text)
		if err != nil {
			return
		}
		for _, r := range rows {
			require.False(t, r.Scores.CIndex != nil && math.IsNaN(*r.Scores.CIndex))
		}
		again, err := artifact.ParseMetrics(artifact.FormatMetrics(rows))
		require.NoError(t, err)
		require.Equal(t, len(rows), len(again))
		_, err = artifact.SummaryFromMetrics(text, nil)
		require.NoError(t, err)
	})
}
