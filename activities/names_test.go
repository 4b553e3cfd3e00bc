package activities

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
)

// hostileNames are no names of runs or models, and some are ways out of a folder.
var hostileNames = []string{
	"", ".", "..", "../lab", "lab/../../lab", "/etc", "lab/x", "lab\x00", "lab\n", "Lab", "la b", "-lab", ".lab", "%2e%2e", "l\u00e4b", `..\lab`,
	"lab\u202e", strings.Repeat("l", 64),
}

// Claim: whoever starts an activity with a name that no run has is refused for good, whatever
// the activity, and no file, log files included, is made for it.
func TestHostileRunNames(t *testing.T) {
	l := newLab(t)
	logged := 0
	l.a.RunLogger = func(RunRef) *slog.Logger { logged++; return slog.New(slog.DiscardHandler) }
	s := l.spec()
	for _, name := range hostileNames {
		run := Ref(s)
		run.Run = name
		named := *s
		named.Run = name
		for activity, in := range map[string]any{
			PrepareDataName:    PrepareInput{Spec: &named},
			FitFoldName:        FitFoldInput{Run: run, Model: "cox_ph"},
			PublishMetricsName: PublishInput{Run: run},
			SummarizeName:      SummarizeInput{Run: run},
			FitFinalName:       FitFinalInput{Run: run, Model: "cox_ph"},
			PredictName:        PredictInput{Run: run, Model: "cox_ph"},
			WriteReportName:    WriteReportInput{Run: run},
			PruneRunsName:      PruneRunsInput{Run: run, Template: "x-{date}", Retention: config.Retention{Keep: 1}},
			CompareBestName:    CompareBestInput{Run: run, Template: "x-{date}"},
		} {
			_, err := l.env.ExecuteActivity(activity, in)
			var refused *temporal.ApplicationError
			require.True(t, errors.As(err, &refused), "%s of %q: %v", activity, name, err)
			require.Equal(t, ErrInvalidSpec, refused.Type(), "%s of %q: %v", activity, name, err)
			require.True(t, refused.NonRetryable())
		}
	}
	run := Ref(s)
	run.Type = "../production"
	_, err := l.env.ExecuteActivity(PublishMetricsName, PublishInput{Run: run})
	require.ErrorContains(t, err, "type")
	require.Zero(t, logged)
	_, err = os.Stat(l.dir + "/out")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Claim: a model's name that is none is refused, though the run is there.
func TestHostileModelNames(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	before := l.tree()
	for _, name := range hostileNames {
		_, err := l.fit(s, name, 0, "")
		require.Error(t, err, name)
		_, err = l.final(s, name)
		require.Error(t, err, name)
		_, err = l.predict(s, name)
		require.Error(t, err, name)
	}
	require.Equal(t, before, l.tree())
}

// Claim: a spec that no workflow has decoded is refused by the activity, and so is what this
// worker does not allow, before anything is opened.
func TestPrepareChecksSpec(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	s.Folds.K = 1 << 40
	_, err := l.prepare(s, config.Request{})
	require.ErrorContains(t, err, "folds.k")
	_, err = l.env.ExecuteActivity(PrepareDataName, PrepareInput{})
	require.ErrorContains(t, err, "there is none")
	l.a.CheckSpec = func(*config.Spec) error {
		return &config.Error{Problems: []config.Problem{{Path: "data.uri", Text: "not here"}}}
	}
	_, err = l.prepare(l.spec(), config.Request{})
	var refused *temporal.ApplicationError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, ErrInvalidSpec, refused.Type())
	require.ErrorContains(t, err, "data.uri: not here")
	_, err = os.Stat(l.dir + "/out")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Claim: only variables that are there for alerts are taken for URLs.
func TestAlertNames(t *testing.T) {
	l := newLab(t)
	l.a.Getenv = func(name string) string { t.Errorf("%s was read", name); return "generic://127.0.0.1:1" }
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "PATH", "EVERFOLD_NOTIFY_", "everfold_notify_a", "EVERFOLD_NOTIFY_../x", "EVERFOLD_HOME"} {
		value, err := l.env.ExecuteActivity(NotifyName, NotifyInput{Run: Ref(l.spec()), Event: EventFailed, Endpoints: []string{"${" + name + "}"}})
		require.NoError(t, err)
		var out NotifyResult
		require.NoError(t, value.Get(&out))
		require.Equal(t, AlertRefused, out.Endpoints[0].State)
	}
}
