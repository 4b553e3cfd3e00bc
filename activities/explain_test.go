package activities

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/survival"
	"everfold/survival/preprocess"
)

// Importance and dependence of every fold and model but km, for source columns: factors are
// whole. karno, by far the strongest predictor of veteran, is the first for every model.
func TestExplain(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_ph}, {type: rsf, trees: 20}]", "explain={importance: 3, dependence: 4, rows: 30}")
	l.train(s, config.Request{})
	l.summarize(s)
	rows := l.table(artifact.ImportanceKey)
	require.Len(t, rows, 2*3*6, "models × folds × columns")
	for _, row := range rows {
		require.Equal(t, []string{"3", "30"}, []string{row["repeats"], row["rows"]})
		require.Less(t, math.Abs(cell(t, row, "cindex_drop")), 0.5)
	}
	summary := l.table(artifact.ImportanceSummaryKey)
	require.Len(t, summary, 2*6)
	for _, k := range []int{0, 6} {
		row := summary[k]
		require.Equal(t, []string{"karno", "1", "3"}, []string{row["column"], row["rank"], row["n_folds"]})
		require.Greater(t, cell(t, row, "cindex_drop"), 0.05)
		require.Greater(t, cell(t, row, "cindex_drop"), cell(t, row, "cindex_drop_lo"))
		require.Less(t, cell(t, row, "ibs_rise"), cell(t, row, "ibs_rise_hi"))
	}

	// Survival rises with karno (0 to 100), at every horizon and in every fold.
	last := map[string]float64{}
	for _, row := range l.table(artifact.DependenceKey) {
		if row["column"] != "karno" || row["model"] != "cox_ph" {
			continue
		}
		key := row["fold"] + "/" + row["horizon"]
		require.GreaterOrEqual(t, cell(t, row, "survival"), last[key])
		last[key] = cell(t, row, "survival")
	}
	require.Len(t, last, 3*4)
}

// Asked for or not, predictions and scores are the same; asking for it of complete folds
// takes another fit, which needs leave.
func TestExplainChangesNoPrediction(t *testing.T) {
	l := newLab(t)
	plain := l.spec()
	l.train(plain, config.Request{})
	before := l.bytes(".npy")
	on := l.spec("explain={importance: 1}")
	_, err := l.prepare(on, config.Request{})
	require.ErrorContains(t, err, "explain")
	done := l.train(on, config.Request{RetrainChanged: true})
	require.Equal(t, 6, count(done, Train), "km reads no column")
	require.Equal(t, before, l.bytes(".npy"))
}

// Stratum columns are left alone; what is undefined with left truncation is absent.
func TestExplainStrata(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_stratified, strata: [celltype]}]", "explain={importance: 1, dependence: 2}")
	l.train(s, config.Request{})
	l.summarize(s)
	for _, row := range l.table(artifact.ImportanceKey) {
		require.NotEqual(t, "celltype", row["column"])
	}
}

// The sample of rows and the permutations are the fold's: another model has the same.
func TestExplainedRows(t *testing.T) {
	l := newLab(t)
	s := l.spec("explain={importance: 1, rows: 10}")
	j := &job{spec: s, fold: artifact.FoldData{Test: []int{2, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41}}}
	rows := j.explainedRows()
	require.Len(t, rows, 10)
	require.IsIncreasing(t, rows)
	j.seed = 99
	require.Equal(t, rows, j.explainedRows())
	require.Equal(t, []int{2, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41}, j.fold.Test)
}

// A fold holds a bounded number of values, of the most important columns; a warning counts
// what is left out.
func TestDependenceIsBounded(t *testing.T) {
	c := func(v float64) *float64 { return &v }
	require.Equal(t, []string{"b", "d", "a", "c"}, byImportance([]artifact.Importance{
		{Column: "a", CIndexDrop: c(-0.1)}, {Column: "b", CIndexDrop: c(0.3)}, {Column: "c"}, {Column: "d", CIndexDrop: c(0.2)}}))

	l := newLab(t)
	j := &job{spec: l.spec("explain={dependence: 1000}"), fold: artifact.FoldData{Times: []float64{1}}}
	frame := &survival.Frame{Rows: 1000}
	var columns []string
	for k := range 25 {
		f := survival.Feature{Name: string(rune('a' + k)), Values: make([]float64, 1000)}
		for i := range f.Values {
			f.Values[i] = float64(i)
		}
		frame.Columns, columns = append(frame.Columns, f), append(columns, f.Name)
	}
	e := &explainer{job: j, x: frame.Take(nil)}
	e.pipeline, e.model = emptyPipeline(t, frame), constantModel{}
	out, left, err := e.dependence(t.Context(), frame, columns)
	require.NoError(t, err)
	require.Len(t, out, 20)
	require.Equal(t, 5, left)
}

// emptyPipeline uses no column.
func emptyPipeline(t *testing.T, frame *survival.Frame) *preprocess.Pipeline {
	t.Helper()
	p, err := preprocess.Fit(t.Context(), &survival.Frame{Rows: frame.Rows}, []int{0}, preprocess.Options{})
	require.NoError(t, err)
	return p
}

// constantModel predicts nothing.
type constantModel struct{ survival.Model }

func (constantModel) Survival(context.Context, *survival.Design, []float64, func(int, []float64) error) error {
	return nil
}
