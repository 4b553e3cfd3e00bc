package crash

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/testsuite/harness"
)

// A worker that kills itself at a named point of a fold's way into the store, of a table's,
// of the final model's or of the predictions': another worker ends the run as if nothing had happened, every fold has exactly
// one acknowledged manifest, and none is fitted after it.
func TestNamedPoints(t *testing.T) {
	for _, point := range []struct {
		name string
		trap trap
		plan plan
	}{
		{"before payload", trap{At: beforeRisk, Nth: 3, Do: kill}, small},
		{"between payloads", trap{At: afterRisk, Nth: 4, Do: kill}, small},
		{"between payload and manifest", trap{At: beforeManifest, Nth: 5, Do: kill}, small},
		{"between manifest and completion", trap{At: afterManifest, Nth: 4, Do: kill}, small},
		{"in publish before the table", trap{At: beforeMetrics, Nth: 2, Do: kill}, small},
		{"in publish after the table", trap{At: afterMetrics, Nth: 2, Do: kill}, small},
		{"in summarize before the table", trap{At: beforeSummary, Nth: 1, Do: kill}, small},
		{"in summarize after the table", trap{At: afterSummary, Nth: 1, Do: kill}, small},
		{"before the manifest of a divided run", trap{At: beforeManifest, Nth: 5, Do: kill}, divided},
		{"after the manifest in a divided run", trap{At: afterManifest, Nth: 4, Do: kill}, divided},
		{"before the final model's file", trap{At: beforeModelFile, Nth: 1, Do: kill}, small},
		{"between model file and model.json", trap{At: beforeModel, Nth: 1, Do: kill}, small},
		{"between model.json and completion", trap{At: afterModel, Nth: 1, Do: kill}, small},
		{"between predictions and out of fold", trap{At: beforeOutOfFold, Nth: 1, Do: kill}, small},
		{"before predictions.json", trap{At: beforePredictions, Nth: 1, Do: kill}, small},
		{"after predictions.json", trap{At: afterPredictions, Nth: 1, Do: kill}, small},
	} {
		t.Run(point.name, func(t *testing.T) {
			t.Parallel()
			l := newServedLab(t, point.plan)
			first := l.watched("first", 2, point.trap)
			s := l.starter()
			l.await("the end of the worker", first.Exited())
			require.Equal(t, -1, first.ExitCode(), "the worker did not end by a signal")
			complete := l.manifests()

			l.watched("next", 2, trap{})
			harness.Ended(l.t, s, 0)
			l.requireUntouched(complete)
			l.requireAsUndisturbed()
			l.records().requireOneManifestEach(t, point.plan)
		})
	}
}
