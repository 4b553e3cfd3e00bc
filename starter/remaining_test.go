package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/workflows"
)

// Claim: the time left is the open folds' at the mean of their model's trained folds, shared
// by the fits that workers have in hand; of a plan that said nothing it is a lower bound
// while some model has none, and nothing is claimed before a fold was trained, nor of less
// than a second.
func TestRemaining(t *testing.T) {
	half := tiny()
	e, known := remaining(&half, &snapshot{})
	require.True(t, known)
	require.Equal(t, estimate{left: 8 * time.Second}, e) // two folds of the baseline, none trained: 4 s each as cox_ph's
	beats := map[cellID]workflows.FitProgress{{"km", 0}: {Stage: "fit", Done: 3, Total: 4}}
	e, _ = remaining(&half, &snapshot{beats: beats})
	require.Equal(t, 5*time.Second, e.left)
	e, _ = remaining(&half, &snapshot{beats: map[cellID]workflows.FitProgress{{"km", 0}: {Stage: "load"}, {"km", 1}: {Stage: "load"}}})
	require.Equal(t, 4*time.Second, e.left)
	require.Equal(t, "about 4s left", e.String())
	half.Models[1].Model = "rsf"
	half.Models[0].Folds[0].State = workflows.Waiting
	e, _ = remaining(&half, &snapshot{})
	require.Equal(t, estimate{left: 4 * time.Second, bound: true}, e)
	require.Equal(t, "over 4s left", e.String())
	require.Empty(t, estimate{left: 900 * time.Millisecond}.String())
	_, known = remaining(&workflows.Progress{Models: half.Models[1:]}, &snapshot{})
	require.False(t, known)
}

// Claim: what the plan expects counts from the start, corrected by the folds trained since;
// final fits count once their folds are done and until they are.
func TestRemainingOfAPlan(t *testing.T) {
	fold := func(state workflows.FoldState, seconds float64) workflows.FoldProgress {
		return workflows.FoldProgress{State: state, Action: workflows.Train, Seconds: seconds}
	}
	p := &workflows.Progress{FinalSeconds: 100, Models: []workflows.ModelProgress{
		{Model: "cox_ph", Seconds: 1, Folds: []workflows.FoldProgress{fold(workflows.Waiting, 0)}},
		{Model: "rsf", Seconds: 50, Folds: []workflows.FoldProgress{fold(workflows.Waiting, 0), fold(workflows.Waiting, 0)}},
	}}
	e, known := remaining(p, &snapshot{})
	require.True(t, known)
	require.Equal(t, estimate{left: 201 * time.Second}, e)

	p.Models[0].Folds[0] = fold(workflows.DoneState, 2) // this machine is half as fast
	e, _ = remaining(p, &snapshot{})
	require.Equal(t, estimate{left: 400 * time.Second}, e)

	p.Models[1].Folds[0], p.Models[1].Folds[1] = fold(workflows.DoneState, 100), fold(workflows.DoneState, 100)
	p.Finals = []workflows.Final{{Model: "rsf", State: workflows.Running}, {Model: "cox_ph", State: workflows.Waiting}}
	beats := map[cellID]workflows.FitProgress{{"rsf", workflows.FinalFold}: {Stage: "fit", Done: 1, Total: 2}}
	e, _ = remaining(p, &snapshot{beats: beats})
	require.Equal(t, 75.0*202/101, e.left.Seconds()*1)

	p.Stage = stageFinished
	e, _ = remaining(p, &snapshot{})
	require.Empty(t, e.String())
}

// Claim: a fit in hand tells by what is done of it how long its model's folds take, once that is enough,
// and how the plan's figures compare with this machine; one that goes on from a checkpoint does not.
func TestRemainingByFitsInHand(t *testing.T) {
	rsf := workflows.ModelProgress{Model: "rsf", Seconds: 50, Folds: make([]workflows.FoldProgress, 3)}
	for k := range rsf.Folds {
		rsf.Folds[k] = workflows.FoldProgress{Fold: k, State: workflows.Waiting}
	}
	rsf.Folds[0].State = workflows.Running
	p := &workflows.Progress{FinalSeconds: 100, Models: []workflows.ModelProgress{rsf}}
	s := &snapshot{beats: map[cellID]workflows.FitProgress{{"rsf", 0}: {Stage: "fit", Done: 1, Total: 4}}}
	e, _ := remaining(p, s)
	require.Equal(t, inSeconds(2.75*50+100), e.left)
	s.since = map[cellID]time.Duration{{"rsf", 0}: 25 * time.Second} // so 100 s in all, twice what the plan said
	e, _ = remaining(p, s)
	require.Equal(t, inSeconds(2.75*100+200), e.left)
	s.beats[cellID{"rsf", 0}] = workflows.FitProgress{Stage: "fit", Done: 1, Total: 100}
	e, _ = remaining(p, s)
	require.Equal(t, inSeconds(2.99*50+100), e.left, "too little is done of it")
}

// Claim: an estimate is shown no more finely than it is known.
func TestAbout(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"1s": 0, "9s": 9 * time.Second, "40s": 41 * time.Second, "1m": 58 * time.Second, "3m": 184 * time.Second,
		"59m": 59 * time.Minute, "1h 00m": 59*time.Minute + 40*time.Second, "31h 10m": 31*time.Hour + 8*time.Minute, "3 days": 70 * time.Hour,
	} {
		require.Equal(t, want, about(d))
	}
}
