package artifact_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
)

// reasons maps "model fold k" to the reason of its plan.
func reasons(p *artifact.Plan) map[string]string {
	out := map[string]string{}
	for _, f := range p.Folds {
		out[f.Task.String()] = f.Reason
	}
	return out
}

// An empty run trains everything, in spec order with km last; a complete one nothing.
func TestPlanOfEmptyAndComplete(t *testing.T) {
	s := memory()
	run := newRun(t, s, parse(t, baseSpec))
	p := plan(t, s, run, artifact.PlanOptions{})
	require.Equal(t, "cox:0=train cox:1=train cox:2=train forest:0=train forest:1=train forest:2=train "+
		"km:0=train km:1=train km:2=train", actions(p))
	require.Equal(t, "no manifest", p.Folds[0].Reason)
	require.NoError(t, p.Check(config.Request{}))

	s = memory()
	run = completeRun(t, s)
	p = plan(t, s, run, artifact.PlanOptions{})
	require.Empty(t, actions(p))
	require.Equal(t, "complete", p.Folds[0].Reason)
	require.NotNil(t, p.Folds[0].Manifest)
}

// Another metric setting rescores and never refits.
func TestPlanRescores(t *testing.T) {
	s := memory()
	completeRun(t, s)
	run := newRun(t, s, with(t, "folds:", "metrics: {cindex: harrell}\nfolds:"))
	p := plan(t, s, run, artifact.PlanOptions{})
	for _, f := range p.Folds {
		require.Equal(t, artifact.Rescore, f.Action)
		require.Equal(t, "metric settings changed", f.Reason)
		require.NotNil(t, f.Manifest)
	}
	require.NoError(t, p.Check(config.Request{}))
}

// Changed inputs of complete folds stop the start, listing folds and inputs, unless
// retraining is asked for. Added models and repeats do not.
func TestPlanStopsOnChangedInputs(t *testing.T) {
	s := memory()
	completeRun(t, s)
	changed := newRun(t, memory(), with(t, "trees: 10", "trees: 20"))
	p := plan(t, s, changed, artifact.PlanOptions{})
	require.Equal(t, "forest:0=train forest:1=train forest:2=train", actions(p))
	err := p.Check(config.Request{})
	var list *artifact.ChangedError
	require.ErrorAs(t, err, &list)
	require.Len(t, list.Folds, 3)
	require.ErrorContains(t, err, "forest fold 1: fitted from other inputs: model.trees")
	require.ErrorContains(t, err, "--retrain-changed")
	require.NoError(t, p.Check(config.Request{RetrainChanged: true}))
	force := config.Request{Force: []string{"forest"}} // repeats a fit, does not allow another one
	require.ErrorAs(t, plan(t, s, changed, artifact.PlanOptions{Request: force}).Check(force), &list)

	added := newRun(t, memory(), with(t, "trees: 10}", "trees: 10}\n  - {name: boost, type: gbsa}"))
	p = plan(t, s, added, artifact.PlanOptions{})
	require.Equal(t, "boost:0=train boost:1=train boost:2=train", actions(p))
	require.NoError(t, p.Check(config.Request{}))

	data := newRun(t, memory(), parse(t, baseSpec))
	data.Data.Digest = "other"
	err = plan(t, s, data, artifact.PlanOptions{}).Check(config.Request{})
	require.ErrorContains(t, err, "9 complete folds")
	require.ErrorContains(t, err, "cox fold 0: fitted from other inputs: data")
}

// The list of changed folds is cut at ten.
func TestChangedErrorIsBounded(t *testing.T) {
	err := &artifact.ChangedError{Folds: make([]artifact.FoldPlan, 14)}
	require.Contains(t, err.Error(), "and 4 more")
}

// A changed fold that is damaged protects nothing.
func TestDamagedChangedFoldIsJustTrained(t *testing.T) {
	s := memory()
	completeRun(t, s)
	for fold := range 3 {
		require.NoError(t, s.Delete(t.Context(), artifact.RiskKey("forest", fold)))
	}
	changed := newRun(t, memory(), with(t, "trees: 10", "trees: 20"))
	require.NoError(t, plan(t, s, changed, artifact.PlanOptions{}).Check(config.Request{}))
}

// Force trains what it names and carries the digest of what may be replaced.
func TestPlanForce(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	p := plan(t, s, run, artifact.PlanOptions{Request: config.Request{Force: []string{"cox:1", "km"}}})
	require.Equal(t, "cox:1=train km:0=train km:1=train km:2=train", actions(p))
	for _, f := range p.Folds {
		if f.Action == artifact.Train {
			require.Equal(t, "forced", f.Reason)
			require.Equal(t, f.Manifest.SHA256, f.Force)
		} else {
			require.Empty(t, f.Force)
		}
	}
	var bad *config.Error
	_, err := artifact.BuildPlan(t.Context(), s, run, artifact.PlanOptions{Request: config.Request{Force: []string{"other"}}})
	require.ErrorAs(t, err, &bad)
	run.Folds = run.Folds[:2] // as of a folds file, whose numbers the spec does not tell
	_, err = artifact.BuildPlan(t.Context(), s, run, artifact.PlanOptions{Request: config.Request{Force: []string{"cox:2"}}})
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "no fold 2")
}

// A forced fold that is not complete is trained like any other.
func TestPlanForceOfIncomplete(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("cox", 1)))
	p := plan(t, s, run, artifact.PlanOptions{Request: config.Request{Force: []string{"cox:1"}}})
	require.Equal(t, "no manifest", reasons(p)["cox fold 1"])
	require.Empty(t, p.Folds[1].Force)
}

// Only-failed leaves alone what was not planned before.
func TestPlanOnlyFailed(t *testing.T) {
	s := memory()
	former := completeRun(t, s)
	require.NoError(t, s.Delete(t.Context(), artifact.ManifestKey("cox", 1)))
	run := newRun(t, memory(), with(t, "trees: 10}", "trees: 10}\n  - {name: boost, type: gbsa}"))
	request := config.Request{OnlyFailed: true}
	p := plan(t, s, run, artifact.PlanOptions{Request: request, Former: former})
	require.Equal(t, "cox:1=train", actions(p))
	require.Equal(t, []artifact.Task{{Model: "boost", Fold: 0}, {Model: "boost", Fold: 1}, {Model: "boost", Fold: 2}}, p.Left)
	require.Len(t, plan(t, s, run, artifact.PlanOptions{Request: request}).Left, 12, "nothing was planned before")
}

// Planning under a cancelled context says so.
func TestPlanHonoursContext(t *testing.T) {
	s := memory()
	run := completeRun(t, s)
	ctx, cancel := cancelled(t)
	defer cancel()
	_, err := artifact.BuildPlan(ctx, s, run, artifact.PlanOptions{Parallel: 1})
	require.ErrorIs(t, err, ctx.Err())
}
