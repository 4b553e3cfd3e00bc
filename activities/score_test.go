package activities

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
)

func (l *lab) score(in ScoreInput) (*Scoring, error) {
	l.t.Helper()
	if in.Data == "" {
		in.Data = veteran
	}
	return NewScoring(l.t.Context(), l.run(), openFile, in)
}

// A run without a τ of its own has the default rule's, of its table, as its predictions do; and
// horizons beyond the last time are told of before anything is predicted.
func TestScoringHorizons(t *testing.T) {
	l := newLab(t)
	s := l.spec("metrics.convention=mlr3proba", "metrics.grid=burk80", "metrics.cindex=harrell", "models=[{type: cox_ph}]")
	l.finished(s, "cox_ph")
	out, err := l.score(ScoreInput{})
	require.NoError(t, err)
	require.Empty(t, out.Warnings)
	var table bytes.Buffer
	require.NoError(t, out.Write(t.Context(), &table, dataset.CSV))
	shared := func(csv string) string {
		return strings.ReplaceAll(strings.ReplaceAll(csv, ",true,false", ",false"), ",in_training", "")
	}
	require.Equal(t, shared(l.object(artifact.PredictionsKey)), table.String())

	beyond := l.spec("final.horizons=[90, 5000]", "final.rmst=2000", "models=[{type: cox_ph}]", "run=beyond")
	l.train(beyond, config.Request{})
	require.Empty(t, l.summarize(beyond).Incomplete)
	_, err = l.final(beyond, "cox_ph")
	require.NoError(t, err)
	out, err = NewScoring(t.Context(), store.Prefixed(l.root, "production/beyond"), openFile, ScoreInput{Model: "cox_ph", Data: veteran})
	require.NoError(t, err)
	require.Equal(t, []string{"[survival_5000 rmst] of the predictions lie beyond the last observed time: their cells are empty"}, out.Warnings)
}

// A model of another spec than run.json's still predicts, with a warning.
func TestScoringOfAnotherSpec(t *testing.T) {
	l := newLab(t)
	l.finished(l.spec("models=[{type: cox_ph}]"), "cox_ph")
	_, err := l.prepare(l.spec("models=[{type: cox_ph, alpha: 3}]"), config.Request{RetrainChanged: true})
	require.NoError(t, err)
	out, err := l.score(ScoreInput{Model: "cox_ph"})
	require.NoError(t, err)
	require.Len(t, out.Warnings, 1)
	require.Contains(t, out.Warnings[0], "the final cox_ph was fitted from other inputs than those of run.json")
}

// Conditional predictions do not depend on which rows are predicted together, nor on threads.
func TestScoringGivenBlocks(t *testing.T) {
	l := newLab(t)
	l.finished(l.spec("models=[{type: rsf, trees: 3}]"), "rsf")
	var tables []string
	for _, threads := range []int{1, 3} {
		out, err := l.score(ScoreInput{Given: "karno", Threads: threads})
		require.NoError(t, err)
		var table bytes.Buffer
		require.NoError(t, out.Write(t.Context(), &table, dataset.CSV))
		tables = append(tables, table.String())
	}
	require.Equal(t, tables[0], tables[1])

	s := &Scoring{Rows: 1000, given: make([]float64, 1000)}
	for i := range s.given {
		s.given[i] = float64((i * 7) % 600)
	}
	blocks, seen := s.givenBlocks(), map[int]bool{}
	require.Len(t, blocks, 3)
	for _, rows := range blocks {
		times := map[float64]bool{}
		for _, r := range rows {
			require.False(t, seen[r])
			seen[r], times[s.given[r]] = true, true
		}
		require.LessOrEqual(t, len(times), givenTimes)
	}
	require.Len(t, seen, 1000)
}
