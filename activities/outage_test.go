package activities

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
)

// A source that cannot be read for a while, because its store does not answer or the temporary folder
// has no room for a copy, is no damage: recovery is to be tried again, and the run's folder is as it was.
func TestRecoverWaitsForTheSource(t *testing.T) {
	for _, away := range []error{store.ErrUnavailable, dataset.ErrTemporary} {
		for name, lost := range map[string][]string{
			"table":           {artifact.PreparedKey, artifact.ManifestKey("km", 1)},
			"rows to predict": {artifact.FinalRowsKey},
			"run.json":        {artifact.RunKey, artifact.FinalRowsKey},
			"run.json, table": {artifact.RunKey, artifact.PreparedKey},
		} {
			t.Run(name, func(t *testing.T) {
				l := newLab(t)
				in := l.wholeFinal()
				for _, key := range lost {
					l.remove(key)
				}
				left := l.tree()
				l.a.OpenData = func(context.Context, string, config.Store) (io.ReadCloser, int64, error) {
					return nil, 0, fmt.Errorf("open: %w", away)
				}
				l.fresh()
				_, err := l.a.Recover(t.Context(), l.run(), in)
				require.ErrorIs(t, err, away)
				require.Equal(t, left, l.tree())
				_, err = l.env.ExecuteActivity(PrepareDataName, PrepareInput{Spec: in.Spec, Recover: true})
				requireType(t, err, ErrStoreUnavailable, true)
			})
		}
	}
}
