package activities

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
)

// A plan expects seconds of every model: by built-in figures at first, then by what equal
// types took in other runs, then by the run's own folds.
func TestPlanExpects(t *testing.T) {
	l := newLab(t)
	first, err := l.prepare(l.spec(), config.Request{})
	require.NoError(t, err)
	for _, m := range first.Models {
		require.Greater(t, m.Seconds, 0.0, m.Model)
	}
	require.Greater(t, first.FinalSeconds, 0.0)
	spec := l.spec()
	l.train(spec, config.Request{})

	slow, err := l.prepare(l.spec(), config.Request{})
	require.NoError(t, err)
	require.NotEqual(t, first.Models[0].Seconds, slow.Models[0].Seconds, "measured in this run")

	other := l.spec("run=other", "models=[{name: mine, type: cox_ph}]")
	elsewhere, err := l.prepare(other, config.Request{})
	require.NoError(t, err)
	require.NotEqual(t, first.Models[0].Seconds, elsewhere.Models[0].Seconds, "measured in another run")
}

// unlisted is a store whose root cannot be listed.
type unlisted struct{ store.Store }

var errUnlisted = errors.New("no list")

func (unlisted) List(context.Context, string) ([]store.Info, error) { return nil, errUnlisted }

// What cannot be read of other runs costs precision, not the plan.
func TestPlanExpectsWithoutOtherRuns(t *testing.T) {
	l := newLab(t)
	spec := l.spec()
	p, err := NewPreview(t.Context(), openFile, l.run(), PrepareInput{Spec: spec}, "test")
	require.NoError(t, err)
	p.Estimate(t.Context(), unlisted{l.root})
	require.Greater(t, p.Cost.Total(), 0.0)
}
