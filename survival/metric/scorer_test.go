package metric

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Over all rows the scores are those of Evaluate; a row that occurs twice weighs twice.
func TestScorer(t *testing.T) {
	f := simulatedFold(300, 10, 1)
	all, twice := make([]int, 300), []int{}
	weighted := f
	weighted.Test.Weight = make([]float64, 300)
	for i := range all {
		all[i], weighted.Test.Weight[i] = i, 1
		twice = append(twice, i)
		if i%3 == 0 {
			twice, weighted.Test.Weight[i] = append(twice, i), 2
		}
	}
	for _, c := range conventions {
		for _, which := range []string{CIndexIPCW, CIndexHarrell} {
			cfg := Config{Convention: c, CIndex: which, Tau: 1.2}
			s, err := NewScorer(f, cfg)
			require.NoError(t, err)
			for rows, fold := range map[*[]int]Fold{&all: f, &twice: weighted} {
				want, err := Evaluate(background, fold, cfg)
				require.NoError(t, err)
				cindex, err := s.CIndex(*rows)
				require.NoError(t, err)
				require.InDelta(t, *want.CIndex, cindex, 1e-12)
				ibs, err := s.IBS(*rows)
				require.NoError(t, err)
				require.InDelta(t, *want.IBS, ibs, 1e-12)
			}
		}
	}
}

// Other predictions of the same rows are scored as a new scorer would.
func TestScorerPredicting(t *testing.T) {
	f, other := simulatedFold(100, 8, 1), simulatedFold(100, 8, 3)
	cfg, rows := config(RiskRegression), []int{3, 50, 2, 9, 70, 31, 44}
	s, err := NewScorer(f, cfg)
	require.NoError(t, err)
	s, err = s.Predicting(other.Risk, other.Surv)
	require.NoError(t, err)
	want, err := NewScorer(other, cfg)
	require.NoError(t, err)
	a, err := s.IBS(rows)
	require.NoError(t, err)
	b, err := want.IBS(rows)
	require.NoError(t, err)
	require.Equal(t, b, a)
	_, err = s.Predicting(other.Risk, make([]float32, 800))
	require.NoError(t, err)
	other.Surv[5] = 3
	_, err = s.Predicting(other.Risk, other.Surv)
	require.Error(t, err)
}

// Undefined scores have their reason, a wrong prediction is an error, and curves that are
// not there panic.
func TestScorerUndefined(t *testing.T) {
	f := simulatedFold(20, 5, 1)
	cfg := config(RiskRegression)
	s, err := NewScorer(f, cfg)
	require.NoError(t, err)
	_, err = s.CIndex(nil)
	require.Equal(t, ReasonNoPair, reasonOf(err))
	_, err = s.IBS(nil)
	require.Equal(t, ReasonNoRow, reasonOf(err))

	truncated := f
	truncated.Train.Entry = make([]float64, 20)
	s, err = NewScorer(truncated, cfg)
	require.NoError(t, err)
	for _, score := range []func([]int) (float64, error){s.CIndex, s.IBS} {
		_, err = score([]int{1, 2})
		require.Equal(t, ReasonTruncated, reasonOf(err))
	}

	f.Surv = nil
	s, err = NewScorer(f, cfg)
	require.NoError(t, err)
	require.Panics(t, func() { _, _ = s.IBS([]int{1}) })
	f.Surv = []float32{2}
	require.Panics(t, func() { _, _ = NewScorer(f, cfg) })
	f = simulatedFold(20, 5, 1)
	f.Surv[3] = -1
	_, err = NewScorer(f, cfg)
	require.ErrorContains(t, err, "outside [0, 1]")
}
