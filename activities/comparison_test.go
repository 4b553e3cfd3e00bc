package activities

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

// comparison.csv has every pair of models by both metrics, with the corrected test; the
// adjusted p is never smaller.
func TestComparison(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.train(s, config.Request{})
	board := l.summarize(s).Leaderboard
	rows := l.table(artifact.ComparisonKey)
	require.Len(t, rows, 2*3, "3 pairs of 3 models, 2 metrics")
	require.Equal(t, []string{"cindex", "cox_ph", "weibull_aft"}, []string{rows[0]["metric"], rows[0]["model_a"], rows[0]["model_b"]})
	mean := map[string]float64{}
	for _, st := range board {
		mean[st.Model] = *st.CIndexMean
	}
	for k, row := range rows {
		if k < 3 {
			require.InDelta(t, mean[row["model_a"]]-mean[row["model_b"]], cell(t, row, "difference"), 1e-12)
		}
		require.LessOrEqual(t, cell(t, row, "p"), cell(t, row, "p_holm"))
		require.Equal(t, []string{"3", "2"}, []string{row["n_folds"], row["df"]})
	}
}

// Holm's adjustment by hand; comparisons without p are no part of the family.
func TestHolm(t *testing.T) {
	p := func(v float64) *float64 { return &v }
	family := []artifact.Comparison{{P: p(0.03)}, {}, {P: p(0.01)}, {P: p(0.04)}, {P: p(0.6)}}
	holm(family)
	require.Nil(t, family[1].PHolm)
	for i, want := range map[int]float64{2: 0.04, 0: 0.09, 3: 0.09, 4: 0.6} {
		require.InDelta(t, want, *family[i].PHolm, 1e-15)
	}
}

// selection.csv names the best model by final.select, with its score on all rows, which is
// the leaderboard's, and what that is worth; by the IBS lower is better.
func TestSelection(t *testing.T) {
	for _, by := range []string{byCIndex, byIBS} {
		for _, group := range []string{"", "diagtime"} {
			l := newLab(t)
			set := []string{"final.select=" + by}
			if group != "" {
				set = append(set, "data.group="+group)
			}
			s := l.spec(set...)
			l.train(s, config.Request{})
			board := l.summarize(s).Leaderboard
			rows := l.table(artifact.SelectionKey)
			require.Len(t, rows, 1)
			row := rows[0]
			require.Equal(t, []string{by, "2", "137"}, []string{row["metric"], row["n_models"], row["rows"]})
			for _, st := range board {
				want := st.CIndexMean
				if by == byIBS {
					want = st.IBSMean
				}
				if st.Model == row["model"] {
					require.InDelta(t, *want, cell(t, row, "apparent"), 1e-12)
				}
			}
			sign := 1.0
			if by == byIBS {
				sign = -1
			}
			require.InDelta(t, sign*(cell(t, row, "apparent")-cell(t, row, "corrected")), cell(t, row, "optimism"), 1e-12)
			require.Greater(t, cell(t, row, "replicates"), 190.0)
			require.Less(t, cell(t, row, "lo"), cell(t, row, "hi"))
		}
	}
}

// A fold of which no row is drawn, one of few rows among very many, has no score; it is left
// out of the mean and stops nothing.
func TestSelectionWithoutRowsOfAFold(t *testing.T) {
	for _, by := range []string{byCIndex, byIBS} {
		l := newLab(t)
		s := l.spec("final.select=" + by)
		l.train(s, config.Request{})
		run, _, err := artifact.ReadRun(t.Context(), l.run())
		require.NoError(t, err)
		table, err := l.a.tables.get(t.Context(), l.run(), run.Data.File)
		require.NoError(t, err)
		c := &choice{run: run, metric: by, models: []string{"cox_ph"}}
		c.units(table)
		fold, err := artifact.ReadFoldData(t.Context(), l.run(), run.Folds[0], table.Rows())
		require.NoError(t, err)
		c.drawn = slices.DeleteFunc(c.drawn, func(rows []int) bool { return slices.Contains(fold.Test, rows[0]) })
		for _, info := range run.Folds {
			m, _, err := artifact.ReadManifest(t.Context(), l.run(), "cox_ph", info.Index)
			require.NoError(t, err)
			require.NoError(t, c.read(t.Context(), l.run(), table, m))
		}
		require.Empty(t, c.folds[run.Folds[0].Index].tests)
		units := make([]int, len(c.drawn))
		for i := range units {
			units[i] = i
		}
		score, err := c.score(0, units)
		require.NoError(t, err)
		require.Positive(t, score)
	}
}

// One model is not chosen from any, and needs no correction.
func TestNoSelection(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_ph}]")
	l.train(s, config.Request{})
	l.summarize(s)
	require.NotContains(t, l.bytes(".csv"), artifact.SelectionKey)
}
