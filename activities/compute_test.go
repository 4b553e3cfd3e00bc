package activities

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
)

// A stratified model is fitted with its stratum column as strata, not as a covariate, and
// its stored risks are Σ −log S over the fold's grid, as far as float32 curves tell.
func TestStratifiedModel(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_stratified, strata: [prior, celltype]}]")
	done := l.train(s, config.Request{})
	require.Equal(t, Train, done[artifact.Task{Model: "cox_stratified", Fold: 2}])

	risk := readArray[float64](t, l, artifact.RiskKey("cox_stratified", 2))
	surv := readArray[float32](t, l, artifact.SurvKey("cox_stratified", 2))
	times := len(surv) / len(risk)
	for i, r := range risk {
		sum := 0.0
		for _, v := range surv[i*times : (i+1)*times] {
			sum -= math.Log(float64(v))
		}
		if !math.IsInf(sum, 1) { // a curve below the smallest float32
			require.InEpsilon(t, sum, r, 1e-5, "row %d", i)
		}
	}
}

// A fold that fails by one of its rows names that row as the data file counts, also where rows
// before it were dropped: its place among test rows or in the prepared table nobody could look up.
func TestFailedFoldNamesRowOfFile(t *testing.T) {
	l := newLab(t)
	content, err := os.ReadFile(veteran)
	require.NoError(t, err)
	lines := strings.Split(string(content), "\n")
	lines[1+3] = "1,squamous,0,1,60,9,63,10" // dropped
	lines[1+40] = "1,round,100,1,60,9,63,10" // the one row of its stratum
	data := filepath.Join(l.dir, "rounds.csv")
	require.NoError(t, os.WriteFile(data, []byte(strings.Join(lines, "\n")), 0o644))
	s := l.spec("data.uri="+data, "data.on_zero_time=drop", "models=[{type: cox_stratified, strata: [celltype]}]")
	_, err = l.prepare(s, config.Request{})
	require.NoError(t, err)

	var failed []string
	for k := range s.Folds.K {
		if _, err := l.fit(s, config.CoxStratified, k, ""); err != nil {
			failed = append(failed, err.Error())
		}
	}
	require.Len(t, failed, 1)
	require.Contains(t, failed[0], "row 40: stratum was not among the fitted rows")
}

// The row that a stack's base names is one of the data file, too, and the base stays named.
func TestRowOfABase(t *testing.T) {
	j := &job{table: &dataset.Table{SourceRow: []int64{3, 5, 8, 9}}}
	err := j.located(fmt.Errorf("base cox: %w", &survival.DataError{Row: 1, Column: "age", Problem: "must be finite"}), []int{0, 2})
	require.EqualError(t, err, "base cox: row 8: age must be finite")
}

func readArray[T artifact.Element](t *testing.T, l *lab, key string) []T {
	t.Helper()
	content, _, err := store.ReadAll(t.Context(), l.run(), key, 1<<20)
	require.NoError(t, err)
	values, _, err := artifact.ReadNPY[T](bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	return values
}
