package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
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
