package python

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival/registry"
	"everfold/testsuite/harness"
)

// tolerance of predict.py, absolute below 1 and relative above.
const tolerance = 1e-12

// Claim: predict.py of every type of model predicts as Go does to 1e-12: risk, survival at
// any times, also beyond the last, and the restricted mean, of rows with gaps and with levels
// that the training rows lack; and it warns of these with the same counts.
func TestEqualsGo(t *testing.T) {
	var jobs []job
	var expected []answer
	for _, e := range experiments {
		run := e.fit(t, t.TempDir())
		x := newRows(t, run, true)
		data := write(t, x)
		for k, name := range e.models {
			folder := filepath.Join(run, "models", name)
			m := readModel(t, folder)
			last := m.info.Times.Last
			for _, horizon := range []float64{last, last / 3, 1.5 * last} {
				q := job{folder, data, []string{"", "rows"}[k%2], []float64{last / 2, last / 100, last, last / 7, 2 * last, 59, last / 2}, horizon}
				jobs, expected = append(jobs, q), append(expected, m.expect(t, x, q))
			}
		}
	}
	var answers []answer
	ask(t, jobs, &answers)
	for i, got := range answers {
		name := jobs[i].Folder // …/<experiment>/models/<model>
		require.Empty(t, got.Error, name)
		requireAnswer(t, expected[i], got, name)
	}
}

func requireClose(t *testing.T, want, got []*float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		require.Equal(t, want[i] == nil, got[i] == nil, "%s, row %d is there", what, i)
		if want[i] != nil {
			require.InDelta(t, *want[i], *got[i], tolerance*math.Max(1, math.Abs(*want[i])), "%s, row %d", what, i)
		}
	}
}

// simple is a run with one Cox model, for what does not depend on the type.
var simple = experiment{"simple", "lung.csv", `
data: {time: time, event: event, numeric: [age, wt.loss], categorical: [sex]}
models: [{type: cox_ph}, {type: cox_stratified, strata: [sex]}]
`, []string{"cox_ph", "cox_stratified"}}

// Claim: what is wrong with rows is refused by column and row; what is wrong with files by
// what is damaged. Nothing is guessed.
func TestRefusals(t *testing.T) {
	run := simple.fit(t, t.TempDir())
	folder := filepath.Join(run, "models", "cox_ph")
	damaged := func(file string, change func([]byte) []byte) string {
		dir := t.TempDir()
		for _, name := range []string{"model.json", "model.bin", "predict.py"} {
			content := read(t, folder, name)
			if name == file {
				content = change(content)
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
		return dir
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	stratified := filepath.Join(run, "models", "cox_stratified")
	cases := []struct{ folder, data, message string }{
		{folder, "age,sex\n50,1\n", "DataError: missing columns: 'wt.loss'"},
		{folder, "id\n1\n", "DataError: missing columns: 'age', 'sex', 'wt.loss'"},
		{folder, "age,sex,wt.loss\n50,1,3\nold,1,3\n", "DataError: row 1: column 'age' holds text where a number is needed"},
		{folder, "age,sex,wt.loss\n50,1,1_0\n", "DataError: row 0: column 'wt.loss' holds text where a number is needed"},
		{folder, "age,sex,wt.loss\n50,1,1e999\n", "DataError: row 0: column 'wt.loss' holds an infinite number"},
		{folder, "age,sex,wt.loss\n50,1\n", "DataError: data.csv: line 2 has 2 cells, the header line 3"},
		{folder, "age,age,sex,wt.loss\n50,1,1,1\n", "DataError: data.csv has two columns of one name"},
		{folder, "", "DataError: data.csv is empty"},
		{stratified, "age,sex,wt.loss\n50,1,3\n50,3,3\n50,,3\n", "DataError: row 1: its stratum ['sex'] is none of the training rows; so it is in 2 rows"},
		{damaged("model.json", flip), "age\n1\n", "ModelError: model.json is damaged"},
		{damaged("model.bin", flip), "age\n1\n", "ModelError: model.bin is not the file that model.json names"},
		{damaged("model.bin", func([]byte) []byte { return read(t, stratified, "model.bin") }), "age\n1\n", "ModelError: model.bin is not the file"},
	}
	var jobs []job
	dir := t.TempDir()
	for i, c := range cases {
		path := filepath.Join(dir, strconv.Itoa(i)+".csv")
		require.NoError(t, os.WriteFile(path, []byte(c.data), 0o600))
		jobs = append(jobs, job{Folder: c.folder, Data: path, Times: []float64{100}, Horizon: 100})
	}
	var answers []answer
	ask(t, jobs, &answers)
	for i, c := range cases {
		got := strings.ReplaceAll(answers[i].Error, jobs[i].Data, "data.csv")
		require.Contains(t, got, c.message, "case %d", i)
	}
}

// Claim: numbers become the same text in both programs, so that tables can be compared.
func TestNumbersAsText(t *testing.T) {
	run := simple.fit(t, t.TempDir())
	numbers := []float64{0, 1, -1, 0.5, 1e5, 1e6, 999999, 1234567, 123456.5, 1e20, 1e21, 1e22, 1e-4, 9.9e-5, 1e-7, 1.0 / 3,
		2.0 / 3e7, 5e-324, math.MaxFloat64, 59, 100, 1e300, 0.1 + 0.2, -1234567.25, -0.00012}
	for i := range 2000 {
		numbers = append(numbers, math.Float64frombits(uint64(i)*0x9E3779B97F4A7C15>>2+1))
	}
	var texts []string
	ask(t, numbers, &texts, filepath.Join(run, "models", "cox_ph"))
	for i, v := range numbers {
		require.Equal(t, strconv.FormatFloat(v, 'g', -1, 64), texts[i])
	}
}

// Claim: as a command predict.py writes the table whole, with ids, to the times asked for, and
// says on standard error what it counted; where it fails nothing changes.
func TestCommand(t *testing.T) {
	run := simple.fit(t, t.TempDir())
	script := filepath.Join(run, "models", "cox_ph", "predict.py")
	dir := t.TempDir()
	data := filepath.Join(dir, "new.csv")
	require.NoError(t, os.WriteFile(data, []byte("who,age,sex,wt.loss\na,50,1,3\n\"b,c\",60,4,\n"), 0o600))
	command := func(args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), harness.Python(t), append([]string{script}, args...)...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	out, err := command("--data", "new.csv", "--out", "out.csv", "--times", "100,2000,200", "--horizon", "300", "--id", "who")
	require.NoError(t, err, out)
	require.Equal(t, "predict.py: column 'sex': 1 of 2 rows have a level that the training rows lack; they count as the reference level\nout.csv: 2 rows\n", out)
	table := strings.Split(string(read(t, dir, "out.csv")), "\n")
	require.Equal(t, "id,survival_100,survival_2000,survival_200,rmst,risk", table[0])
	require.Regexp(t, `^a,0\.[0-9]+,,0\.[0-9]+,[0-9.]+,-?[0-9.e-]+$`, table[1])
	require.Regexp(t, `^"b,c",0\.`, table[2])
	require.Len(t, table, 4)

	before := read(t, dir, "out.csv")
	for _, args := range [][]string{
		{"--data", "none.csv", "--out", "out.csv"}, {"--data", "new.csv", "--out", "out.csv", "--id", "none"},
		{"--data", "new.csv", "--out", "out.csv", "--times", "soon"}, {"--data", "new.csv", "--out", "none/out.csv"},
	} {
		out, err = command(args...)
		require.Error(t, err)
		require.True(t, strings.HasPrefix(out, "predict.py: "), out)
		require.NotContains(t, out, "Traceback")
	}
	require.Equal(t, before, read(t, dir, "out.csv"))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 2, "nothing half-written")
}

// Claim: model.json without everfold's spaces, and keys in it that a later program adds, change
// nothing: the digest is over its text.
func TestModelJSONOfAnotherProgram(t *testing.T) {
	run := simple.fit(t, t.TempDir())
	folder := filepath.Join(run, "models", "cox_ph")
	var compact strings.Builder
	require.NoError(t, json.NewEncoder(&compact).Encode(json.RawMessage(read(t, folder, "model.json"))))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "model.json"), []byte(compact.String()), 0o600))
	path := filepath.Join(t.TempDir(), "new.csv")
	require.NoError(t, os.WriteFile(path, []byte("age,sex,wt.loss\n50,1,3\n"), 0o600))
	var answers []answer
	ask(t, []job{{Folder: folder, Data: path, Times: []float64{100}, Horizon: 100}}, &answers)
	require.Empty(t, answers[0].Error)
	require.Len(t, answers[0].Risk, 1)
}

// Claim: predict.py knows the version of every type that this program writes: whoever raises
// one looks at the second reader, too.
func TestKnowsEveryVersion(t *testing.T) {
	want := map[string]int{}
	for _, typ := range registry.Types() {
		kind, _ := registry.Lookup(typ)
		want[typ] = kind.Version
	}
	run := simple.fit(t, t.TempDir())
	c := exec.CommandContext(t.Context(), harness.Python(t), "-c", "import json, predict; print(json.dumps(predict.NEWEST))")
	c.Dir = filepath.Join(run, "models", "cox_ph")
	out, err := c.Output()
	require.NoError(t, err)
	var got map[string]int
	require.NoError(t, json.Unmarshal(out, &got))
	require.Equal(t, want, got)
}
