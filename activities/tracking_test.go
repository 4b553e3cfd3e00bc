package activities

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/tracker"
	"everfold/tracker/trackertest"
)

func (l *lab) track(s *config.Spec, f *trackertest.Fake, change func(*SyncTrackerInput)) (*SyncTrackerResult, error) {
	l.t.Helper()
	l.a.OpenTracker = func(config.Tracker) (tracker.Tracker, error) { return f, nil }
	in := SyncTrackerInput{Run: Ref(s), SpecDigest: s.Digest(), Tracker: s.Tracker, Status: TrackedRunning}
	if change != nil {
		change(&in)
	}
	value, err := l.env.ExecuteActivity(SyncTrackerName, in)
	if err != nil {
		return nil, err
	}
	var out SyncTrackerResult
	require.NoError(l.t, value.Get(&out))
	return &out, nil
}

func last(in *SyncTrackerInput) { in.Status, in.Last = TrackedFinished, true }

// held is the only run of a fake, by model.
func (l *lab) held(f *trackertest.Fake) map[string]trackertest.Held {
	l.t.Helper()
	run, _, err := artifact.ReadRun(l.t.Context(), l.run())
	require.NoError(l.t, err)
	out := map[string]trackertest.Held{}
	for model, runs := range f.Held("production/lab@" + run.Created.UTC().Format("2006-01-02T15:04:05.000000000Z")) {
		require.Len(l.t, runs, 1)
		out[model] = runs[0]
	}
	return out
}

// requireTable compares every cell of model_metrics.csv that is a score or a time with the
// points of the run.
func requireTable(t *testing.T, table string, points []tracker.Metric) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	require.NoError(t, err)
	have := map[string]float64{}
	for _, p := range points {
		have[fmt.Sprintf("%s %d", p.Key, p.Step)] = p.Value
	}
	want := map[string]float64{}
	for _, r := range records[1:] {
		for i, name := range records[0] {
			if strings.HasPrefix(name, "cindex") || name == "ibs" || name == "ipa" || name == "auc_mean" || strings.HasSuffix(name, "_seconds") {
				if r[i] == "" {
					continue
				}
				v, err := strconv.ParseFloat(r[i], 64)
				require.NoError(t, err)
				want[r[0]+"_"+name+" "+r[1]] = v
			}
		}
	}
	require.Equal(t, want, have)
}

// Claim: the tracker gets, fold by fold, the very numbers of model_metrics.csv, with the
// manifests' times; means when a model has all its folds; and, when the run is over, ranks,
// files and the status. A sync more changes nothing.
func TestSyncTracker(t *testing.T) {
	l, f := newLab(t), &trackertest.Fake{}
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	out, err := l.track(s, f, nil)
	require.NoError(t, err)
	require.Zero(t, out.Folds)
	require.Empty(t, l.held(f)[""].Metrics)

	_, err = l.fit(s, "cox_ph", 0, "")
	require.NoError(t, err)
	out, err = l.track(s, f, nil)
	require.NoError(t, err)
	require.Equal(t, 1, out.Folds)
	require.Len(t, l.held(f)[""].Metrics, 8)
	require.Empty(t, l.held(f)["cox_ph"].Metrics)
	manifest, _, err := artifact.ReadManifest(t.Context(), l.run(), "cox_ph", 0)
	require.NoError(t, err)
	require.Equal(t, manifest.FinishedAt, l.held(f)[""].Metrics[0].Timestamp)

	l.train(s, config.Request{})
	l.summarize(s)
	out, err = l.track(s, f, last)
	require.NoError(t, err)
	require.Equal(t, 9, out.Folds)
	held := l.held(f)
	require.Len(t, held, 4)
	require.Equal(t, "FINISHED", held[""].Status)
	table := l.bytes(".csv")
	requireTable(t, table[artifact.MetricsKey], held[""].Metrics)
	require.EqualValues(t, len(table[artifact.MetricsKey]), held[""].Files["model_metrics.csv"])
	require.EqualValues(t, len(table[artifact.SummaryKey]), held[""].Files["model_summary.csv"])
	require.Equal(t, "efron", held["cox_ph"].Params["ties"])
	require.Equal(t, "3", held[""].Params["folds.k"])
	require.Equal(t, s.Digest(), held[""].Tags["everfold.spec_digest"])
	ranks := held["cox_ph"].Tags["everfold.rank"] + held["weibull_aft"].Tags["everfold.rank"]
	require.True(t, ranks == "12" || ranks == "21", ranks)
	require.NotContains(t, held["km"].Tags, "everfold.rank")
	for _, m := range held["cox_ph"].Metrics {
		require.False(t, math.IsNaN(m.Value))
		require.EqualValues(t, 3, m.Step)
	}
	again, err := l.track(s, f, last)
	require.NoError(t, err)
	require.Zero(t, again.Sent)
}

// Claim: what is known of a run from its folder alone, copied elsewhere and years later,
// makes an empty server hold what the run's own syncs did.
func TestTrackedFromTheStoreAlone(t *testing.T) {
	l, during, after := newLab(t), &trackertest.Fake{}, &trackertest.Fake{}
	s := l.spec()
	l.train(s, config.Request{})
	l.summarize(s)
	_, err := l.track(s, during, last)
	require.NoError(t, err)
	alone, err := NewTracked(t.Context(), l.run(), TrackedOptions{Experiment: "survival", Files: true})
	require.NoError(t, err)
	require.Equal(t, alone.Planned, alone.Folds)
	_, err = after.Sync(t.Context(), alone.Desired, tracker.Options{})
	require.NoError(t, err)
	require.Equal(t, l.held(during), l.held(after))
}

// Claim: without a status from a workflow, an incomplete run is unknown until it has come to
// its summary; a model without all its folds has failed then, and has no rank.
func TestDerivedStatus(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	_, err := l.prepare(s, config.Request{})
	require.NoError(t, err)
	for fold := range 3 {
		_, err = l.fit(s, "cox_ph", fold, "")
		require.NoError(t, err)
	}
	status := func() *tracker.Desired {
		tr, err := NewTracked(t.Context(), l.run(), TrackedOptions{Experiment: "e"})
		require.NoError(t, err)
		return tr.Desired
	}
	require.Equal(t, tracker.Unknown, status().Run.Status)
	l.summarize(s)
	d := status()
	require.Equal(t, tracker.Finished, d.Run.Status)
	require.Equal(t, tracker.Finished, d.Models[0].Status)
	require.Equal(t, tracker.Failed, d.Models[1].Status)
	require.Empty(t, d.Models[1].Metrics)
}

// Claim: a final model is sent with its card and its digest from model.json; one fitted from
// other inputs is not.
func TestTrackedFinalModel(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	l.train(s, config.Request{})
	l.summarize(s)
	_, err := l.env.ExecuteActivity(FitFinalName, FitFinalInput{Run: Ref(s), SpecDigest: s.Digest(), Model: "cox_ph"})
	require.NoError(t, err)
	paths := func() map[string]tracker.File {
		tr, err := NewTracked(t.Context(), l.run(), TrackedOptions{Experiment: "e", Files: true})
		require.NoError(t, err)
		out := map[string]tracker.File{}
		for _, f := range tr.Desired.Files {
			body, err := f.Open(t.Context())
			require.NoError(t, err)
			var content bytes.Buffer
			_, err = content.ReadFrom(body)
			require.NoError(t, err)
			require.NoError(t, body.Close())
			require.Equal(t, f.SHA256, store.SHA256(content.Bytes()), f.Path)
			require.EqualValues(t, f.Size, content.Len())
			out[f.Path] = f
		}
		return out
	}
	for _, want := range []string{"model_metrics.csv", "model_summary.csv", "models/cox_ph/model.bin", "models/cox_ph/model.json", "models/cox_ph/card.md",
		"models/cox_ph/predict.py", "models/cox_ph/MLmodel", "models/cox_ph/everfold_model.py"} {
		require.Contains(t, paths(), want)
	}
	other := l.spec("models.cox_ph.alpha=1.0")
	l.train(other, config.Request{RetrainChanged: true})
	require.NotContains(t, paths(), "models/cox_ph/model.bin")
}

// Claim: every failure, a panic included, is a warning of category mlflow_error and an error
// that is benign; only what a moment may mend is tried again, after what the server asks.
func TestTrackerFailures(t *testing.T) {
	for name, c := range map[string]struct {
		fail    func() error
		retried bool
		delay   time.Duration
	}{
		"unavailable": {func() error { return &tracker.Error{Kind: tracker.Unavailable} }, true, 0},
		"busy":        {func() error { return &tracker.Error{Kind: tracker.Busy, RetryAfter: 7 * time.Second} }, true, 7 * time.Second},
		"refused":     {func() error { return &tracker.Error{Kind: tracker.Refused} }, false, 0},
		"panic":       {func() error { panic("in tracking code") }, false, 0},
		"store away":  {func() error { return fmt.Errorf("read: %w", store.ErrUnavailable) }, true, 0},
	} {
		l := newLab(t)
		var log bytes.Buffer
		l.a.RunLogger = func(RunRef) *slog.Logger { return slog.New(slog.NewJSONHandler(&log, nil)) }
		s := l.spec()
		f := &trackertest.Fake{Before: func(context.Context, string) error { return c.fail() }}
		_, err := l.track(s, f, func(in *SyncTrackerInput) { in.Probe = true })
		app := requireType(t, err, ErrTracker, c.retried)
		require.Equal(t, c.delay, app.NextRetryDelay(), name)
		require.Contains(t, log.String(), `"category":"mlflow_error"`)
	}
}

// Claim: a sync for a spec that has been superseded meanwhile sends nothing.
func TestSupersededSync(t *testing.T) {
	l, f := newLab(t), &trackertest.Fake{}
	s := l.spec()
	_, err := l.prepare(l.spec("folds.k=4"), config.Request{})
	require.NoError(t, err)
	_, err = l.track(s, f, nil)
	requireType(t, err, ErrTracker, false)
	require.Empty(t, f.Calls())
}

// Claim: without a tracker the activity says so and reads nothing; a run that was lost on the
// server is told of.
func TestTrackerOffAndLost(t *testing.T) {
	l := newLab(t)
	s := l.spec()
	value, err := l.env.ExecuteActivity(SyncTrackerName, SyncTrackerInput{Run: Ref(s)})
	require.NoError(t, err)
	var out SyncTrackerResult
	require.NoError(t, value.Get(&out))
	require.True(t, out.Off)
	_, err = l.prepare(s, config.Request{})
	require.NoError(t, err)
	got, err := l.track(s, &trackertest.Fake{}, func(in *SyncTrackerInput) { in.RunID = "another" })
	require.NoError(t, err)
	require.True(t, got.Recreated)
}

// Claim: calls beyond those that a worker has room for fail after a short wait, as a busy
// server's do, and ask nobody.
func TestTrackersHaveRoom(t *testing.T) {
	l, f := newLab(t), &trackertest.Fake{}
	for range cap(trackerPlaces) {
		trackerPlaces <- struct{}{}
	}
	probe := func(in *SyncTrackerInput) { in.Probe, in.Tracker.Timeout = true, config.Duration(100*time.Millisecond) }
	_, err := l.track(l.spec(), f, probe)
	requireType(t, err, ErrTracker, true)
	require.ErrorContains(t, err, "busy")
	require.Empty(t, f.Calls())
	for range cap(trackerPlaces) {
		<-trackerPlaces
	}
	_, err = l.track(l.spec(), f, probe)
	require.NoError(t, err)
	require.Empty(t, trackerPlaces)
}
