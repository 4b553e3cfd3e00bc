package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// committed are the flags' files as seen from this folder.
func committed() options {
	return options{entry: "entry.yaml", data: "../../testdata/burk", results: "results.csv", page: "../../docs/RANKING.md", table: "ranks.csv", workers: 1}
}

func committedStudy(t *testing.T) study {
	t.Helper()
	o := committed()
	e, err := readEntry(o.entry)
	require.NoError(t, err)
	specs, err := e.specs(o.data)
	require.NoError(t, err)
	require.Len(t, specs, 18)
	s, err := o.study(specs)
	require.NoError(t, err)
	return s
}

// The page and the table are what the committed results give.
func TestPageFollowsFromResults(t *testing.T) {
	s, o := committedStudy(t), committed()
	require.True(t, s.complete(s.entry), "the entry is scored on every fold")
	page, err := os.ReadFile(o.page)
	require.NoError(t, err)
	require.Equal(t, s.page(), string(page), "run: go run ./bench/rank -fit=false")
	table, err := os.ReadFile(o.table)
	require.NoError(t, err)
	require.Equal(t, s.table(), string(table), "run: go run ./bench/rank -fit=false")
}

// The machinery is sound: our Cox and Kaplan–Meier, fitted like the entry, have the
// published means of CPH and KM on every set, but for the random fill of hdfail's Cox and
// broken ties, so they would rank as these do.
func TestCoxRanksAsPublishedCox(t *testing.T) {
	s := committedStudy(t)
	for model, learner := range map[string]string{"cox_ph": "CPH", "km": "KM"} {
		for _, m := range []measure{harrell, ibs} {
			means, failed := ours(s.results, model, s.folds, m)
			require.Zero(t, failed)
			require.Len(t, means, 18)
			for set, got := range means {
				tolerance := 1.01e-5
				if set == "hdfail" && model == "cox_ph" {
					tolerance = 1e-3
				}
				require.InDelta(t, s.published[m.Name][set][learner], got, tolerance, "%s %s of %s", set, m.Name, model)
			}
		}
	}
}

// Ranks: the best is 1, equal values share the average.
func TestRanks(t *testing.T) {
	values := map[string]float64{"a": 0.7, "b": 0.6, "c": 0.7, "d": 0.5}
	require.Equal(t, map[string]float64{"a": 1.5, "c": 1.5, "b": 3, "d": 4}, ranks(values, 1))
	require.Equal(t, map[string]float64{"d": 1, "b": 2, "a": 3.5, "c": 3.5}, ranks(values, -1))
}

// The mean rank is over sets, fallbacks are counted and left out of the own rank, and the
// sets on which the entry is better or equal are counted.
func TestRanking(t *testing.T) {
	s := scores{
		"one": {"KM": 0.5, "A": 0.7, "B": 0.5, "we": 0.7},
		"two": {"KM": 0.5, "A": 0.6, "B": 0.8, "we": 0.7},
	}
	lines := ranking(s, harrell, "we")
	require.Equal(t, "we", lines[0].Learner)
	byName := map[string]standing{}
	for _, l := range lines {
		byName[l.Learner] = l
	}
	require.Equal(t, standing{Learner: "we", Mean: 1.75, Own: 1.75, Equal: 2}, byName["we"])
	require.Equal(t, standing{Learner: "B", Mean: 2.25, Own: 1, Fallbacks: 1, Better: 1, Difference: 0.5}, byName["B"])
	require.Equal(t, standing{Learner: "A", Mean: 2.25, Own: 2.25, Better: 1, Equal: 1, Difference: 0.5}, byName["A"])
	require.Equal(t, 1, place(lines, "we"))
	require.Equal(t, 2, place(lines, "A"))
	require.Equal(t, 2, place(lines, "B"))
}

// Critical differences are those of the table of Demšar (2006) for two to ten learners.
func TestCriticalDifference(t *testing.T) {
	for k, q := range map[int]float64{2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164} {
		require.InDelta(t, q*math.Sqrt(float64(k*(k+1))/6/30), criticalDifference(k, 30), 6e-4, "%d learners", k)
	}
}

// A fold that could not be fitted has Kaplan–Meier's score; a set with a fold that was not
// tried has no mean.
func TestMeansOfFolds(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	results := map[task]result{}
	add := func(set, model string, fold int, c *float64) {
		k := task{set, model, fold}
		results[k] = result{task: k, Harrell: c}
	}
	add("s", "m", 0, v(0.8))
	add("s", "m", 1, nil)
	add("s", "km", 0, v(0.5))
	add("s", "km", 1, v(0.5))
	add("u", "m", 0, v(0.9))
	means, failed := ours(results, "m", map[string]int{"s": 2, "u": 2}, harrell)
	require.Equal(t, map[string]float64{"s": 0.65}, means)
	require.Equal(t, 1, failed)
}

// Results are read as they were written; of two lines for a task the last counts; a line
// that a kill cut short does not.
func TestResultsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.csv")
	none, err := readResults(path)
	require.NoError(t, err)
	require.Empty(t, none)
	c := 0.75
	want := result{task: task{"s", "m", 3}, Harrell: &c, Seconds: 1.5, Fingerprint: "ab", Reason: "no curve, sorry"}
	require.NoError(t, writeResults(path, map[task]result{{"s", "m", 3}: {task: want.task, Reason: "first"}}))
	j, err := openJournal(path)
	require.NoError(t, err)
	require.NoError(t, j.add(want))
	require.NoError(t, j.close())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("m,s,4,0.9")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got, err := readResults(path)
	require.NoError(t, err)
	require.Equal(t, map[task]result{want.task: want}, got)

	require.NoError(t, os.WriteFile(path, []byte("m,s,x,,,1,,\n"), 0o600))
	_, err = readResults(path)
	require.ErrorContains(t, err, "record 1")
	require.NoError(t, os.WriteFile(path, []byte("m,s\n"), 0o600))
	_, err = readResults(path)
	require.ErrorContains(t, err, "2 fields")
}

// The entry's keys replace those of each set's spec; without models, or with an unknown
// key, there is no entry.
func TestEntry(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "entry.yaml")
	require.NoError(t, os.WriteFile(path, []byte("preprocess: {scale: standard}\nmodels: [{name: net, type: coxnet, alphas: 20}, {type: cox_ph}]\n"), 0o600))
	e, err := readEntry(path)
	require.NoError(t, err)
	s, err := e.spec("../../testdata/burk/hdfail.yaml")
	require.NoError(t, err)
	require.Equal(t, "standard", s.Preprocess.Scale)
	require.Equal(t, 5, s.Preprocess.RareKeep, "the set's own")
	require.Equal(t, []string{"net", "cox_ph"}, []string{s.Models[0].Name, s.Models[1].Name})
	for _, text := range []string{"models: []\n", "model: []\n"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err = readEntry(path)
		require.Error(t, err)
	}
}

// A run fits what is missing, goes on after an interruption, fits nothing twice, and writes
// page and table.
func TestRunGoesOn(t *testing.T) {
	o := committed()
	dir := t.TempDir()
	o.data, o.results, o.page, o.table = dir, filepath.Join(dir, "r.csv"), filepath.Join(dir, "p.md"), filepath.Join(dir, "t.csv")
	for _, file := range []string{"mgus.csv", "mgus.folds.csv", "mgus.yaml", "published_means.csv"} {
		text, err := os.ReadFile(filepath.Join("../../testdata/burk", file))
		require.NoError(t, err)
		if file == "published_means.csv" {
			lines := strings.Split(string(text), "\n")
			kept := lines[:1]
			for _, line := range lines[1:] {
				if strings.HasPrefix(line, "mgus,") {
					kept = append(kept, line)
				}
			}
			text = []byte(strings.Join(kept, "\n") + "\n")
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), text, 0o600))
	}
	o.entry, o.fit, o.models = filepath.Join(dir, "entry"), true, "km"
	require.NoError(t, os.WriteFile(o.entry, []byte("models: [{type: cox_ph}]\n"), 0o600))
	require.NoError(t, o.run(t.Context()))
	page, err := os.ReadFile(o.page)
	require.NoError(t, err)
	require.Contains(t, string(page), "not scored on every fold")

	o.models = ""
	require.NoError(t, o.run(t.Context()))
	first, err := os.ReadFile(o.results)
	require.NoError(t, err)
	require.NoError(t, o.run(t.Context()))
	second, err := os.ReadFile(o.results)
	require.NoError(t, err)
	require.Equal(t, string(first), string(second), "nothing was fitted again, timings included")
	page, err = os.ReadFile(o.page)
	require.NoError(t, err)
	require.Contains(t, string(page), "| mgus | 30 | 0.69681 |")
}
