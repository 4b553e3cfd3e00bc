package artifact_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/artifact"
)

// row is a row of model_metrics.csv with those scores; NaN is undefined.
func row(model string, fold int, cindex, ibs float64) artifact.MetricsRow {
	r := artifact.MetricsRow{Task: artifact.Task{Model: model, Fold: fold}, TrainRows: 80, TestRows: 20, Converged: true}
	if !math.IsNaN(cindex) {
		r.Scores.CIndex = &cindex
	}
	if !math.IsNaN(ibs) {
		r.Scores.IBS = &ibs
	}
	return r
}

func standings(t require.TestingT, rows []artifact.MetricsRow, plan *artifact.SummaryPlan) []artifact.Standing {
	s, err := artifact.Standings(artifact.FormatMetrics(rows), plan)
	require.NoError(t, err)
	return s
}

// outline is "model:rank:rank_ibs:failed …" of a leaderboard.
func outline(s []artifact.Standing) string {
	var parts []string
	for _, r := range s {
		parts = append(parts, fmt.Sprintf("%s:%d:%d:%d", r.Model, r.Rank, r.RankIBS, r.FailedFolds))
	}
	return strings.Join(parts, " ")
}

var nan = math.NaN()

// A case by hand: means, sample deviations, the corrected interval and the columns.
func TestSummaryByHand(t *testing.T) {
	var rows []artifact.MetricsRow
	for fold, c := range []float64{0.5, 0.75, 0.625, 0.625} {
		rows = append(rows, row("cox", fold, c, 0.25))
	}
	for fold, c := range []float64{0.75, 0.75, 0.75, 0.75} {
		rows = append(rows, row("forest", fold, c, 0.5))
	}
	for fold := range 4 {
		rows = append(rows, row("km", fold, 0.5, 0.125))
	}
	// cox: mean 5/8, squared deviations 1/64 + 1/64, s² = (2/64)/3 = 1/96.
	// t(0.975; 3) = 3.182446305284263 (tables); √(1/4 + 20/80) = √½.
	half := 3.182446305284263 * math.Sqrt(1.0/96) * math.Sqrt(0.5)
	s := standings(t, rows, nil)
	require.Equal(t, "forest:1:2:0 cox:2:1:0 km:0:0:0", outline(s))
	cox := s[1]
	require.Equal(t, 0.625, *cox.CIndexMean)
	require.InDelta(t, math.Sqrt(1.0/96), *cox.CIndexStd, 1e-16)
	require.InDelta(t, 0.625-half, *cox.CIndexLo, 1e-12)
	require.InDelta(t, 0.625+half, *cox.CIndexHi, 1e-12)
	require.Nil(t, cox.IPAMean)
	text, err := artifact.SummaryFromMetrics(artifact.FormatMetrics(rows[4:]), nil)
	require.NoError(t, err)
	require.Equal(t, "model,cindex_mean,cindex_std,ibs_mean,ibs_std,n_folds,rank,cindex_lo,cindex_hi,ipa_mean,rank_ibs,failed_folds\n"+
		"forest,0.75,0,0.5,0,4,1,0.75,0.75,,1,0\nkm,0.5,0,0.125,0,4,,0.5,0.5,,,0\n", string(text))
}

// Quantiles of Student's t agree with published tables (Abramowitz and Stegun, table 26.10).
func TestIntervalQuantiles(t *testing.T) {
	for folds, quantile := range map[int]float64{2: 12.706, 3: 4.303, 5: 2.776, 10: 2.262, 31: 2.042} {
		var rows []artifact.MetricsRow
		for fold := range folds {
			rows = append(rows, row("cox", fold, 0.5+0.25*float64(fold%2), 0.1))
		}
		s := standings(t, rows, nil)[0]
		factor := math.Sqrt(1/float64(folds) + 0.25)
		require.InDelta(t, quantile, (*s.CIndexHi-*s.CIndexMean)/(*s.CIndexStd*factor), 6e-4, "%d folds", folds)
	}
}

// One fold has a mean, but neither deviation nor interval.
func TestSummaryOfOneFold(t *testing.T) {
	s := standings(t, []artifact.MetricsRow{row("cox", 0, 0.7, 0.1)}, nil)[0]
	require.Equal(t, 0.7, *s.CIndexMean)
	require.Nil(t, s.CIndexStd)
	require.Nil(t, s.CIndexLo)
	require.Equal(t, 1, s.Rank)
}

// Only models with all planned folds are ranked; others come after, then km; equal means
// share the lowest rank.
func TestRanking(t *testing.T) {
	rows := []artifact.MetricsRow{
		row("late", 0, 0.99, 0.01), // lacks fold 1
		row("a", 0, 0.6, 0.2), row("a", 1, 0.8, 0.2),
		row("b", 0, 0.6, 0.1), row("b", 1, 0.8, 0.1),
		row("c", 0, 0.5, 0.3), row("c", 1, 0.5, 0.3),
		row("km", 0, 0.9, 0.0), row("km", 1, 0.9, 0.0),
	}
	require.Equal(t, "a:1:2:0 b:1:1:0 c:3:3:0 late:0:0:1 km:0:0:0", outline(standings(t, rows, nil)))
	plan := &artifact.SummaryPlan{Models: []string{"gone", "late", "a", "b", "c", "km"}, Folds: []int{0, 1}}
	require.Equal(t, "a:1:2:0 b:1:1:0 c:3:3:0 gone:0:0:2 late:0:0:1 km:0:0:0", outline(standings(t, rows, plan)))
	plan.Folds = []int{0, 1, 2}
	require.Equal(t, "gone:0:0:3 late:0:0:2 a:0:0:1 b:0:0:1 c:0:0:1 km:0:0:1", outline(standings(t, rows, plan)))
}

// A fold undefined for all models leaves mean and ranking; one undefined for a single
// model costs that model its rank.
func TestUndefinedFolds(t *testing.T) {
	rows := []artifact.MetricsRow{
		row("a", 0, 0.6, 0.2), row("a", 1, nan, nan), row("a", 2, 0.8, 0.2),
		row("b", 0, 0.5, 0.3), row("b", 1, nan, 0.3), row("b", 2, 0.5, 0.3),
		row("km", 0, 0.5, 0.4), row("km", 1, nan, 0.4), row("km", 2, 0.5, 0.4),
	}
	s := standings(t, rows, nil)
	require.Equal(t, "a:1:0:0 b:2:1:0 km:0:0:0", outline(s))
	require.InDelta(t, 0.7, *s[0].CIndexMean, 1e-15)
	require.Equal(t, 3, s[0].Folds)
	all := []artifact.MetricsRow{row("a", 0, nan, 0.1), row("km", 0, nan, 0.2)}
	require.Equal(t, "a:0:1:0 km:0:0:0", outline(standings(t, all, nil)), "nothing to rank by")
	require.Nil(t, standings(t, all, nil)[0].CIndexMean)
	require.Empty(t, standings(t, nil, nil))
}

// For any table: ranks follow the means, ties share the lowest, km is last and unranked,
// no fold is lost, and the summary depends on the metrics' text alone.
func TestSummaryProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		score := rapid.SampledFrom([]float64{0.5, 0.6, 0.6, 0.7, 0.8125, nan})
		folds := rapid.IntRange(1, 4).Draw(t, "folds")
		var rows []artifact.MetricsRow
		for _, model := range []string{"d", "a", "c", "b", "km"} {
			for fold := range folds {
				if rapid.IntRange(0, 9).Draw(t, "present") > 0 {
					rows = append(rows, row(model, fold, score.Draw(t, "cindex"), score.Draw(t, "ibs")))
				}
			}
		}
		text := artifact.FormatMetrics(rows)
		s := standings(t, rows, nil)
		again, err := artifact.SummaryFromMetrics(text, nil)
		require.NoError(t, err)
		require.Equal(t, string(artifact.FormatSummary(s)), string(again))

		total := 0
		for i, r := range s {
			total += r.Folds
			require.False(t, r.Model == "km" && (i != len(s)-1 || r.Rank != 0 || r.RankIBS != 0))
			require.False(t, r.Rank > 0 && r.FailedFolds > 0)
			better := 0
			for _, other := range s {
				if other.Rank > 0 && r.Rank > 0 && *other.CIndexMean > *r.CIndexMean {
					better++
				}
			}
			require.True(t, r.Rank == 0 || r.Rank == better+1)
		}
		require.Equal(t, len(rows), total)
		ranks := []int{}
		for _, r := range s {
			if r.Rank > 0 {
				ranks = append(ranks, r.Rank)
			}
		}
		require.True(t, slices.IsSorted(ranks))
		for i := range ranks {
			require.NotZero(t, s[i].Rank, "ranked models come first")
		}
	})
}

// A damaged metrics file gives its line instead of a summary.
func TestSummaryOfDamagedMetrics(t *testing.T) {
	_, err := artifact.SummaryFromMetrics([]byte(header+"cox\n"), nil)
	require.ErrorContains(t, err, "line 2")
}

func ExampleSummaryFromMetrics() {
	metrics := `model,fold,cindex,ibs,cindex_harrell,cindex_ipcw,auc_mean,n_train,n_test,events_train,events_test,fit_seconds,predict_seconds,converged,repeat,ipa,reason
cox_ph,0,0.75,0.125,,,,80,20,40,10,1.5,0.1,true,0,,
cox_ph,1,0.625,0.125,,,,80,20,40,10,1.5,0.1,true,0,,
`
	summary, err := artifact.SummaryFromMetrics([]byte(metrics), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.SplitAfterN(string(summary), "\n", 2)[1][:28])
	// Output: cox_ph,0.6875,0.088388347648
}
