package activities

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
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

func readArray[T artifact.Element](t *testing.T, l *lab, key string) []T {
	t.Helper()
	content, _, err := store.ReadAll(t.Context(), l.run(), key, 1<<20)
	require.NoError(t, err)
	values, _, err := artifact.ReadNPY[T](bytes.NewReader(content), int64(len(content)))
	require.NoError(t, err)
	return values
}
