package activities

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/store/storetest"
)

// named writes the veteran data with a column of ids, p0 to p136.
func (l *lab) named() string {
	l.t.Helper()
	content, err := os.ReadFile(veteran)
	require.NoError(l.t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	for i := range lines {
		lines[i] = fmt.Sprintf("p%d,", i-1) + lines[i]
	}
	lines[0] = strings.Replace(lines[0], "p-1", "who", 1)
	require.NoError(l.t, os.WriteFile(l.source(), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	return l.source()
}

func (l *lab) newRows() string { return filepath.Join(l.dir, "new.csv") }

// fresh4 are four new rows, two of them of training rows, in another order of columns and with
// others beside; one has a level that the data lack.
const fresh4 = "age,who,note,prior,celltype,diagtime,karno,trt\n" +
	"69,p0,a,0,squamous,7,60,1\n48,new-1,b,1,round,3,90,2\n50,p136,c,0,large,2,40,2\n61,new-2,d,0,adeno,1,80,1\n"

// finalSpec is a run that predicts other rows.
func (l *lab) finalSpec(rows string, set ...string) *config.Spec {
	l.t.Helper()
	require.NoError(l.t, os.WriteFile(l.newRows(), []byte(rows), 0o644))
	set = append([]string{"data.uri=" + l.named(), "data.id=who", "final.data=" + l.newRows(), "final.models=[cox_ph]",
		"final.horizons=[90, 365]"}, set...)
	return l.spec(set...)
}

func (l *lab) predictionsInfo() artifact.PredictionsInfo {
	l.t.Helper()
	var info artifact.PredictionsInfo
	require.NoError(l.t, json.Unmarshal([]byte(l.object(artifact.PredictionsInfoKey)), &info))
	return info
}

// without drops a column of a CSV.
func without(t *testing.T, text, name string) string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	at := slices.Index(rows[0], name)
	require.GreaterOrEqual(t, at, 0)
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for _, row := range rows {
		require.NoError(t, w.Write(slices.Delete(row, at, at+1)))
	}
	w.Flush()
	return out.String()
}

// The rows of final.data are predicted in place of those of the run, as predict does it; in_training
// goes by id, unseen levels are counted. The rows that were checked are those that are predicted,
// though the file is gone by then; the same content is not predicted again, another is.
func TestFinalDataIsPredicted(t *testing.T) {
	l := newLab(t)
	s := l.finalSpec(fresh4)
	plan, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	require.Equal(t, []string{`final.data: column "celltype": 1 of 4 rows have a level that the training rows lack; they count as the reference level`}, plan.Warnings)
	l.train(s, config.Request{})
	l.summarize(s)
	_, err = l.final(s, "cox_ph")
	require.NoError(t, err)
	require.Contains(t, l.object(artifact.CardKey("cox_ph")), "predicts the 4 rows of `"+l.newRows()+"`")
	require.NoError(t, os.Remove(l.newRows()))
	l.fresh()
	out, err := l.predict(s, "cox_ph")
	require.NoError(t, err)
	two := 2
	require.Equal(t, PredictResult{Model: "cox_ph", Action: Train, Data: l.newRows(), Rows: 4, InTraining: &two, OutOfFold: 3 * 137,
		Seconds: out.Seconds, Attempt: 1, Warnings: plan.Warnings}, *out)
	var ids, trained []string
	for _, r := range l.records(artifact.PredictionsKey) {
		ids, trained = append(ids, r["id"]), append(trained, r["in_training"])
	}
	require.Equal(t, []string{"p0", "new-1", "p136", "new-2"}, ids)
	require.Equal(t, []string{"true", "false", "true", "false"}, trained)
	info := l.predictionsInfo()
	require.Equal(t, map[string]int{"celltype": 1}, info.Unseen)
	require.Len(t, info.Inputs[artifact.InputRows], 64)
	require.Len(t, l.records(artifact.OutOfFoldKey), 3*137)

	require.NoError(t, os.WriteFile(l.newRows(), []byte(fresh4), 0o644))
	scored, err := NewScoring(t.Context(), l.run(), openFile, ScoreInput{Data: l.newRows()})
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, scored.Write(t.Context(), &table, dataset.CSV))
	require.Equal(t, table.String(), without(t, l.object(artifact.PredictionsKey), "in_training"))

	again := func(rows string) Action {
		t.Helper()
		s := l.finalSpec(rows)
		_, err := l.prepare(s, config.Request{})
		require.NoError(t, err)
		out, err := l.predict(s, "cox_ph")
		require.NoError(t, err)
		return out.Action
	}
	require.Equal(t, Reuse, again(fresh4))
	require.Equal(t, Reuse, again(strings.Replace(fresh4, ",c,", ",other,", 1)), "a column that no model looks at")
	before := l.object(artifact.PredictionsKey)
	require.Equal(t, Train, again(strings.Replace(fresh4, "61,new-2", "62,new-2", 1)))
	require.NotEqual(t, before, l.object(artifact.PredictionsKey))
	require.Equal(t, Train, again(fresh4))
	require.Equal(t, before, l.object(artifact.PredictionsKey))
}

// A run that stops to name final.data predicts its own rows again, and keeps no others.
func TestFinalDataIsTakenBack(t *testing.T) {
	l := newLab(t)
	l.finished(l.finalSpec(fresh4), "cox_ph")
	require.Contains(t, l.tree(), artifact.FinalRowsKey)
	s := l.finalSpec(fresh4, "final.data=null")
	out := l.finished(s, "cox_ph")
	require.Equal(t, []any{"", 137, (*int)(nil)}, []any{out.Data, out.Rows, out.InTraining})
	require.NotContains(t, l.tree(), artifact.FinalRowsKey)
	require.Empty(t, l.recover(RecoverInput{Report: Never}).Damage)
}

// Without ids nothing tells which rows were fitted on: in_training is empty, not false, in both
// tables, and said so from the beginning.
func TestFinalDataWithoutIDs(t *testing.T) {
	l := newLab(t)
	s := l.finalSpec(fresh4, "data.id=null", "data.ignore=[who]")
	out := l.finished(s, "cox_ph")
	require.Nil(t, out.InTraining)
	require.Contains(t, out.Warnings, "final.data: "+unknownTraining)
	for i, r := range l.records(artifact.PredictionsKey) {
		require.Equal(t, fmt.Sprint(i), r["id"])
		require.Empty(t, r["in_training"])
	}
	x, err := dataset.ReadFeatures(t.Context(), dataset.Source{Name: "p.parquet",
		Open: func(context.Context) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(l.object(artifact.ParquetKey))), -1, nil
		}},
		dataset.FeatureSchema{ID: "id", Numeric: []string{"in_training", "risk"}})
	require.NoError(t, err)
	require.True(t, x.Columns[1].Missing(0) || x.Columns[0].Missing(0))
}

// What cannot be predicted in the end is refused before anything is fitted or written, by the key,
// the file, and what is wrong with it.
func TestFinalDataIsRefused(t *testing.T) {
	l := newLab(t)
	for name, c := range map[string]struct {
		rows string
		set  []string
		want []string
	}{
		"no column": {"who,age\np1,3\n", nil, []string{"final.data: ", "new.csv", "needed, but the file has no such column", "celltype"}},
		"no id":     {strings.Replace(fresh4, "who", "whom", 1), nil, []string{`column "who"`}},
		"text":      {strings.Replace(fresh4, "\n48,", "\nold,", 1), nil, []string{`line 3 (row 1): column "age": holds text where a number is needed`}},
		"empty":     {"", nil, []string{"is empty"}},
		"no rows":   {strings.SplitAfter(fresh4, "\n")[0], nil, []string{"has no data rows"}},
		"gap":       {strings.Replace(fresh4, "\n48,", "\n,", 1), []string{"preprocess.impute=drop-row"}, []string{`row 1: column "age": is missing`}},
		"level gap": {strings.Replace(fresh4, "round", "", 1), []string{"preprocess.impute=error"}, []string{`row 1: column "celltype": is missing`}},
		"no file":   {fresh4, []string{"final.data=" + filepath.Join(l.dir, "none.csv")}, []string{"final.data: ", "none.csv"}},
	} {
		_, err := l.prepare(l.finalSpec(c.rows, c.set...), config.Request{})
		failed := requireType(t, err, ErrDataInvalid, false)
		for _, want := range c.want {
			require.Contains(t, failed.Message(), want, name)
		}
		require.Empty(t, l.tree(), name)
	}
}

// Strata that the rows of the run lack are told of before they are met.
func TestFinalDataTellsOfStrata(t *testing.T) {
	l := newLab(t)
	s := l.finalSpec(fresh4, "models=[{type: cox_ph}, {type: cox_stratified, strata: [celltype]}]", "final.models=all")
	p, err := Prepare(t.Context(), openFile, s)
	require.NoError(t, err)
	require.Len(t, p.Final.Warnings, 2)
	require.Contains(t, p.Final.Warnings[1], "1 of 4 rows are in a stratum that the training rows lack")
}

// A run.json of a release that left final.data out is not taken for one that predicts its own rows;
// nor are rows that the store lost, which no waiting brings back.
func TestFinalDataIsNotThere(t *testing.T) {
	l := newLab(t)
	s := l.finalSpec(fresh4)
	l.finished(s, "cox_ph")
	l.flip(artifact.FinalRowsKey)
	l.remove(artifact.PredictionsInfoKey)
	_, err := l.predict(s, "cox_ph")
	requireType(t, err, ErrArtifactCorrupt, true)
	w := &predictWork{Activities: l.a, store: l.run(), at: &attempt{number: 20, failures: map[string]int{ErrArtifactCorrupt: rowAttempts - 2}}}
	_, err = w.predict(t.Context(), PredictInput{Run: Ref(s), SpecDigest: s.Digest(), Model: "cox_ph"})
	var blocked *BlockedError
	require.NotErrorAs(t, err, &blocked, "interruptions before do not count")
	w.at.failures[ErrArtifactCorrupt]++
	_, err = w.predict(t.Context(), PredictInput{Run: Ref(s), SpecDigest: s.Digest(), Model: "cox_ph"})
	require.ErrorAs(t, err, &blocked)
	require.ErrorContains(t, err, "starter run SPEC reads final.data anew")

	run, etag, err := artifact.ReadRun(t.Context(), l.run())
	require.NoError(t, err)
	run.Data.Final = nil
	require.NoError(t, artifact.WriteRun(t.Context(), l.run(), run, etag))
	_, err = l.predict(s, "cox_ph")
	requireType(t, err, ErrArtifactCorrupt, false)
	require.ErrorContains(t, err, "starter run SPEC reads them")
	out := l.recover(RecoverInput{})
	require.Equal(t, finalUnread, out.Unpredicted.Reason)
	l.finished(s, "cox_ph")
}

// A store that fails while rows are written leaves run.json of before.
func TestFinalDataWriteFails(t *testing.T) {
	l := newLab(t)
	l.finished(l.finalSpec(fresh4), "cox_ph")
	before := l.object(artifact.RunKey)
	s := l.finalSpec(strings.Replace(fresh4, "61,new-2", "62,new-2", 1), "final.horizons=[90]")
	l.root = &storetest.Faulty{Store: l.root, Before: func(op storetest.Op, key string) error {
		if op == storetest.Put && strings.HasSuffix(key, artifact.FinalRowsKey) {
			return store.ErrUnavailable
		}
		return nil
	}}
	_, err := l.prepare(s, config.Request{})
	requireType(t, err, ErrStoreUnavailable, true)
	require.Equal(t, before, l.object(artifact.RunKey))
}
