package report

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
	"everfold/survival"
)

// heldOut is a run of six rows in two repeats of two folds, and the reader of its table.
func heldOut(t testing.TB, use func(p *predicted) error) *outOfFoldReader {
	t.Helper()
	s := storetest.Memory()
	spec, err := config.ParseYAML([]byte(`{run: demo, type: sample, data: {uri: /x.csv, time: t, event: e}, folds: {k: 2, repeats: 2}, models: [{type: cox_ph}]}`), "")
	require.NoError(t, err)
	run := &artifact.Run{Spec: spec, Data: artifact.DataInfo{Rows: 6}, Grid: artifact.Grid{Times: []float64{1}},
		Versions: artifact.Versions{Preprocess: 1, Metric: 1, Models: map[string]int{"km": 1, "cox_ph": 1}}}
	for k, test := range [][]int{{0, 2, 4}, {1, 3, 5}, {0, 1, 2}, {3, 4, 5}} {
		var train []int
		for row := range 6 {
			if !slices.Contains(test, row) {
				train = append(train, row)
			}
		}
		info, err := artifact.WriteFoldData(t.Context(), s, artifact.FoldData{Index: k, Repeat: k / 2, Test: test, Train: train, Times: []float64{1}}, 6)
		require.NoError(t, err)
		run.Folds = append(run.Folds, info)
	}
	require.NoError(t, artifact.WriteRun(t.Context(), s, run, ""))
	c, err := artifact.ReadContents(t.Context(), s)
	require.NoError(t, err)
	c.Predictions = &artifact.PredictionsInfo{Horizons: []float64{1, 2}}
	b := &builder{Input: Input{Contents: c, Outcome: survival.Outcome{Time: make([]float64, 6), Event: make([]bool, 6)},
		RowID: func(row int) string { return "r" + strconv.Itoa(row) }}}
	return &outOfFoldReader{builder: b, use: use}
}

const oofHeader = "id,fold,model,risk,survival_1,survival_2\n"

// wholeModel is every row of a model, fold after fold.
func wholeModel(model string) string {
	var text strings.Builder
	for k, test := range [][]string{{"r0", "r2", "r4"}, {"r1", "r3", "r5"}, {"r0", "r1", "r2"}, {"r3", "r4", "r5"}} {
		for _, id := range test {
			text.WriteString(id + "," + strconv.Itoa(k) + "," + model + ",0.5,0.25,\n")
		}
	}
	return text.String()
}

// Models come one by one, with the rows of the table that their predictions are of, once each:
// those of the first repeat. Cells beyond a fold's curves are not a number.
func TestOutOfFold(t *testing.T) {
	var models []string
	r := heldOut(t, func(p *predicted) error {
		models = append(models, p.model)
		require.Equal(t, []int{0, 2, 4, 1, 3, 5}, p.rows)
		require.Equal(t, []int{0, 0, 0, 1, 1, 1}, p.folds)
		require.Equal(t, []float64{0.25, 0.25, 0.25, 0.25, 0.25, 0.25}, p.surv[0])
		require.NotEqual(t, p.surv[1][0], p.surv[1][0])
		return nil
	})
	require.NoError(t, r.read(t.Context(), strings.NewReader(oofHeader+wholeModel("cox_ph")+wholeModel("km"))))
	require.Equal(t, []string{"cox_ph", "km"}, models)
}

// A table that is not of these rows is refused, wherever it differs; an error of whoever uses
// it, and the end of the context, come through as they are.
func TestOutOfFoldMismatch(t *testing.T) {
	good := wholeModel("cox_ph")
	for name, text := range map[string]string{
		"empty":          "",
		"no table":       oofHeader + "\"",
		"few columns":    oofHeader + "r0,0,cox_ph,0.5\n",
		"no fold":        oofHeader + "r0,x,cox_ph,0.5,0.25,\n",
		"unknown fold":   oofHeader + "r0,9,cox_ph,0.5,0.25,\n",
		"another id":     oofHeader + strings.Replace(good, "r2,0", "r3,0", 1),
		"a row too many": oofHeader + "r0,0,m,1,1,1\nr2,0,m,1,1,1\nr4,0,m,1,1,1\nr5,0,m,1,1,1\n",
		"a row too few":  oofHeader + strings.Replace(good, "r4,0,cox_ph,0.5,0.25,\n", "", 1),
		"cut at the end": oofHeader + strings.TrimSuffix(good, "r5,3,cox_ph,0.5,0.25,\n"),
		"no risk":        oofHeader + strings.Replace(good, "0.5", "high", 1),
		"no survival":    oofHeader + strings.Replace(good, "0.25", "low", 1),
	} {
		err := heldOut(t, func(*predicted) error { return nil }).read(t.Context(), strings.NewReader(text))
		require.ErrorIs(t, err, errMismatch, name)
	}
	err := heldOut(t, func(*predicted) error { return store.ErrUnavailable }).read(t.Context(), strings.NewReader(oofHeader+good))
	require.ErrorIs(t, err, store.ErrUnavailable)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, heldOut(t, nil).read(ended, strings.NewReader(oofHeader+good)), context.Canceled)
}

// FuzzOutOfFold: whatever a table with a right digest holds, what is handed over of it are rows that there
// are, with a number for each.
func FuzzOutOfFold(f *testing.F) {
	f.Add(oofHeader + wholeModel("cox_ph") + wholeModel("km"))
	f.Add(oofHeader + strings.ReplaceAll(wholeModel("cox_ph"), "0.25", "1e999"))
	f.Add(oofHeader + "r0,99999999999999999999,cox_ph,NaN,,\n")
	f.Add("id,fold\n\"r0\nr1")
	b := heldOut(f, nil).builder
	f.Fuzz(func(t *testing.T, text string) {
		r := &outOfFoldReader{builder: b, use: func(p *predicted) error {
			require.NotEmpty(t, p.model)
			require.Len(t, p.folds, len(p.rows))
			require.Len(t, p.risk, len(p.rows))
			for _, s := range p.surv {
				require.Len(t, s, len(p.rows))
			}
			for _, row := range p.rows {
				require.Less(t, uint(row), uint(6))
			}
			return nil
		}}
		_ = r.read(t.Context(), strings.NewReader(text))
	})
}
