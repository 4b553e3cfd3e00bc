package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/testsuite/harness"
	"everfold/workflows"
)

const finalDataSpec = `
run: other
type: production
data: {uri: data.csv, id: who, time: time, event: status, categorical: [trt, celltype, prior]}
folds: {k: 3}
models: [{type: cox_ph}, {type: weibull_aft}]
final: {models: [cox_ph], data: new.csv}
`

const twoRows = "who,celltype,trt,prior,age,diagtime,karno\np0,squamous,1,0,69,7,60\nn1,round,2,1,48,3,90\n"

// otherRows goes to a folder with the files of finalDataSpec and returns what of them may change.
func otherRows(t *testing.T) (spec string, write func(rows string)) {
	t.Helper()
	dir := t.TempDir()
	lines := strings.Split(strings.TrimSpace(content(t, "../examples/data/veteran.csv")), "\n")
	for i := range lines {
		lines[i] = map[bool]string{true: "who", false: fmt.Sprintf("p%d", i-1)}[i == 0] + "," + lines[i]
	}
	t.Chdir(dir)
	require.NoError(t, os.WriteFile("data.csv", []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	require.NoError(t, os.WriteFile("spec.yaml", []byte(finalDataSpec), 0o600))
	write = func(rows string) {
		t.Helper()
		require.NoError(t, os.WriteFile("new.csv", []byte(rows), 0o600))
	}
	write(twoRows)
	return "spec.yaml", write
}

// Claim: validate --data and plan read final.data as a run would, say what it holds and what the
// run's rows lack, and refuse it as a run would, by its own key.
func TestFinalDataIsChecked(t *testing.T) {
	spec, write := otherRows(t)
	i, code := invoke(nil, "validate", spec, "--data")
	require.Equal(t, 0, code, i.err.String())
	require.Regexp(t, `Predict  2 rows of .*/new.csv, with every column that is needed`, i.out.String())
	require.Contains(t, i.out.String(), `final.data: column "celltype": 1 of 2 rows have a level that the training rows lack`)
	i, code = invoke(nil, "validate", spec, "--data", "--json")
	require.Equal(t, 0, code)
	var v validation
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &v))
	require.Equal(t, 2, v.Data.Predict.Rows)
	require.Len(t, v.Data.Predict.Digest, 64)

	i, code = invoke(nil, "plan", spec, "--explain")
	require.Equal(t, 0, code)
	require.Contains(t, i.out.String(), "/new.csv: none of its rows are predicted yet\n")
	require.NoDirExists(t, "outputs")

	for _, command := range [][]string{{"validate", spec, "--data"}, {"plan", spec}} {
		write("who,age\np1,3\n")
		i, code = invoke(nil, command...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, i.err.String(), "DataInvalid: final.data: ")
		require.Contains(t, i.err.String(), "the file has no such column")
		require.NoError(t, os.Remove("new.csv"))
		i, code = invoke(nil, command...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, i.err.String(), "--set final.data=FILE takes another file")
		write(twoRows)
	}
}

// Claim: plan tells whether the rows are those predicted last; recover says what became of rows
// that are lost with their file, by its exit code too; the report says what was predicted.
func TestFinalDataOfFinishedRun(t *testing.T) {
	spec, write := otherRows(t)
	dir, err := os.Getwd()
	require.NoError(t, err)
	text := strings.NewReplacer("uri: data.csv", "uri: "+dir+"/data.csv", "data: new.csv", "data: "+dir+"/new.csv").Replace(finalDataSpec)
	folder := harness.Trained(t, filepath.Join(dir, "outputs"), text)
	plan := func() string {
		t.Helper()
		i, code := invoke(nil, "plan", spec, "--explain")
		require.Equal(t, 0, code, i.err.String())
		return i.out.String()
	}
	require.Contains(t, plan(), "/new.csv: as predicted last\n")
	write(strings.Replace(twoRows, "48,3,90", "49,3,90", 1))
	require.Contains(t, plan(), "/new.csv: its rows are not those predicted last: they are predicted anew\n")
	require.Contains(t, content(t, filepath.Join(folder, "report", "index.html")), "2 rows of new.csv (final.data), 1 of them fitted on, by cox_ph")

	rows := filepath.Join(folder, filepath.FromSlash(artifact.FinalRowsKey))
	recover := func(code int, flags ...string) *invocation {
		t.Helper()
		i, got := invoke(nil, append([]string{"recover", folder}, flags...)...)
		require.Equal(t, code, got, i.out.String()+i.err.String())
		return i
	}
	require.NoError(t, os.Remove(rows))
	require.Contains(t, recover(0).out.String(), "missing  data/final.parquet: not found; not made again: final.data: "+dir+"/new.csv has changed")
	require.NoError(t, os.Remove(filepath.Join(folder, filepath.FromSlash(artifact.PredictionsKey))))
	recover(0, "--dry-run")
	i := recover(exitNotFound, "--json")
	var document recovered
	require.NoError(t, json.Unmarshal(i.out.Bytes(), &document))
	require.Equal(t, exitNotFound, document.ExitCode)
	require.Contains(t, document.Unpredicted.Reason, "has changed")
	require.Contains(t, document.Error, "no predictions are made: data/final.parquet: not found")
	require.NoError(t, os.WriteFile(rows, []byte("not it"), 0o600))
	require.Contains(t, recover(exitCorrupt).err.String(), "bring the file of final.data back")
	write(twoRows)
	require.Contains(t, recover(0).out.String(), "prepared again from "+dir+"/new.csv")
	require.Contains(t, recover(0).out.String(), "Written  nothing")
}

// Claim: the end of a run says of which rows its predictions are.
func TestPredictedRows(t *testing.T) {
	known := 12
	for want, p := range map[string]workflows.Predictions{
		"137 rows":         {Rows: 137},
		"1 row of new.csv": {Rows: 1, Data: "s3://bucket/x/new.csv"},
		"40 rows of new.csv, 12 of them fitted on,": {Rows: 40, Data: "/x/new.csv", InTraining: &known},
	} {
		require.Equal(t, want, predictedRows(&p))
	}
}
