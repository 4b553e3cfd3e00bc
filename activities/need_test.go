package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
)

// Claim: every model type has an estimate that grows with rows, columns and, where it matters,
// threads, trees and the grid; a fit that would not fit is refused with both figures, for good.
func TestMemoryEstimate(t *testing.T) {
	l := newLab(t)
	s := l.spec("models=[{type: cox_ph}, {type: coxnet}, {type: gbsa}, {type: rsf}, {type: orsf}, {type: weibull_aft}, {type: stack, of: [cox_ph, gbsa]}]")
	p, err := Prepare(t.Context(), openFile, s)
	require.NoError(t, err)
	of := func(model config.Model, change func(*job)) int64 {
		spec := *s
		j := &job{spec: &spec, model: model, table: p.Table, fold: p.foldData(0)}
		if change != nil {
			change(j)
		}
		return j.memory(2)
	}
	for _, m := range s.AllModels() {
		base := of(m, nil)
		require.Greater(t, base, int64(fitBase), m.Type)
		require.Greater(t, of(m, func(j *job) { j.fold.Train = append(j.fold.Train, j.fold.Train...) }), base, m.Type)
		require.Greater(t, of(m, func(j *job) { j.fold.Times = make([]float64, 1000) }), base, m.Type)
		if m.Type != config.KM {
			require.Greater(t, of(m, func(j *job) {
				wider := *j.table
				wider.Columns = append(wider.Columns, wider.Columns...)
				j.table = &wider
			}), base, m.Type)
		}
	}
	forest, err := s.Model("rsf")
	require.NoError(t, err)
	final := func(j *job) { j.fold.Test = nil }
	few := of(forest, final)
	forest.Settings["trees"] = 1e4
	require.Greater(t, of(forest, final), few+1<<20, "a final fit holds its trees")

	err = checkMemory("rsf fold 1", 1<<60)
	require.ErrorContains(t, err, "rsf fold 1 needs about 1099511627776 MiB, this worker may use ")
	require.Equal(t, ErrNoMemory, ErrorType(err))
}

// Claim: explaining a fold needs memory for the rows that are explained, and no more than it has.
func TestExplanationMemoryEstimate(t *testing.T) {
	l := newLab(t)
	s := l.spec("explain={importance: 1, rows: 20}")
	p, err := Prepare(t.Context(), openFile, s)
	require.NoError(t, err)
	model, err := s.Model("cox_ph")
	require.NoError(t, err)
	of := func(rows int) int64 {
		spec := *s
		spec.Explain.Rows = rows
		j := &job{spec: &spec, model: model, table: p.Table, fold: p.foldData(0)}
		return j.memory(2)
	}
	require.Greater(t, of(20), of(10))
	require.Equal(t, of(1_000_000), of(len(p.foldData(0).Test)))
}

// Claim: what predictions need grows with rows, columns, horizons, threads, the model file and the
// curves of the folds, and is more where a model sums curves; what would not fit is refused, with
// both figures, for good.
func TestPredictionMemoryEstimate(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.finished(s, "cox_ph")
	of := func(rows, threads int, change func(*predictWork)) int64 {
		w := &predictWork{Activities: l.a, store: l.run(), at: &attempt{}}
		var err error
		w.run, _, err = artifact.ReadRun(t.Context(), l.run())
		require.NoError(t, err)
		w.model, err = artifact.ReadFinal(t.Context(), l.run(), "cox_ph")
		require.NoError(t, err)
		require.NoError(t, w.plan(t.Context()))
		change(w)
		return w.memory(rows, threads)
	}
	as := func(*predictWork) {}
	base := of(1e6, 2, as)
	require.Greater(t, of(2e6, 2, as), base)
	require.Greater(t, of(1e6, 4, as), base)
	for what, change := range map[string]func(*predictWork){
		"columns":  func(w *predictWork) { w.model.Columns = append(w.model.Columns, w.model.Columns...) },
		"horizons": func(w *predictWork) { w.wanted.Horizons = append(w.wanted.Horizons, 1, 2) },
		"file":     func(w *predictWork) { w.model.File.Bytes *= 2 },
		"curves":   func(w *predictWork) { w.run.Folds[0].Times.Shape[0] *= 2 },
		"sums":     func(w *predictWork) { w.model.Type = config.RSF },
	} {
		require.Greater(t, of(1e6, 2, change), base, what)
	}
	estimate, err := PredictionMemory(t.Context(), l.run(), "cox_ph", 2)
	require.NoError(t, err)
	require.Greater(t, estimate, int64(fitBase))
	_, err = PredictionMemory(t.Context(), l.run(), "none", 2)
	require.ErrorIs(t, err, store.ErrNotFound)

	of(1, 1, func(w *predictWork) {
		w.model.File.Bytes = 1 << 60
		_, err = w.write(t.Context(), s.Digest())
	})
	require.ErrorContains(t, err, "predicting by cox_ph needs about ")
	require.Equal(t, ErrNoMemory, ErrorType(err))
}
