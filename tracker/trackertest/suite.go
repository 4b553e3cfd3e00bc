// Package trackertest is the conformance suite of package tracker, a tracker in memory, and
// a server that speaks as much of MLflow's API as everfold uses, with faults on demand. It is
// imported by tests only.
//
// Non-goals: MLflow's own behaviour beyond that; testsuite/tracker runs the suite against a
// real server.
package trackertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/tracker"
)

// Held is what a server holds of one active run.
type Held struct {
	ID      string
	Parent  string // id of the run that it is nested in
	Status  string
	End     int64
	Params  map[string]string
	Tags    map[string]string
	Metrics []tracker.Metric
	Files   map[string]int64 // path → size
}

// Subject is a tracker under test.
type Subject struct {
	Tracker tracker.Tracker
	Another func() tracker.Tracker // the same server, seen by another process
	Held    func(d *tracker.Desired) map[string][]Held
	Remove  func(id string) // somebody deletes a run on the server
}

// Run checks everything that the contract in package tracker promises. open returns a
// tracker whose server holds nothing of the experiment it returns.
func Run(t *testing.T, open func(t *testing.T) (s Subject, experiment string)) {
	for _, check := range []struct {
		claim string
		run   func(*testing.T, Subject, *tracker.Desired)
	}{
		{"a first sync makes the server hold what is desired", firstSync},
		{"a second sync and a sync by another process send nothing", twice},
		{"one more fold sends that fold alone", oneMore},
		{"compare counts what a sync then sends and changes nothing", compare},
		{"another value of a parameter becomes a tag and no error", conflict},
		{"a run that was deleted is made anew with everything", deleted},
		{"a nested run that stayed is moved under the new one", reparented},
		{"values that are not finite are points like others", notFinite},
		{"racing syncs leave one run of each and every point once", race},
		{"the status follows and unknown leaves it alone", statuses},
		{"a new run of unknown status is no running one", unknownIsKilled},
		{"a file is sent again when it changes and only then", files},
		{"more than a batch of everything is sent", large},
		{"another run of the experiment is left alone", others},
		{"a cancelled context is told as such", cancelled},
		{"a probe changes nothing", probe},
	} {
		t.Run(strings.ReplaceAll(check.claim, " ", "_"), func(t *testing.T) {
			s, experiment := open(t)
			check.run(t, s, Desired(experiment, "production/suite@1"))
		})
	}
}

// Desired is a run of two models on three folds, with a file.
func Desired(experiment, key string) *tracker.Desired {
	d := &tracker.Desired{
		Key: key, Experiment: experiment, Started: 1_764_360_000_000, Ended: 1_764_360_900_000,
		Run: tracker.Node{
			Name: "production/suite", Status: tracker.Running,
			Params: map[string]string{"folds.k": "3", "data.uri": "/data/ä.csv"},
			Tags:   map[string]string{"everfold.spec_digest": "abc"},
		},
		Files: []tracker.File{Text("model_metrics.csv", "model,fold\n"), Text("models/cox_ph/card.md", "# card\n")},
	}
	for _, model := range []string{"cox_ph", "rsf"} {
		for fold := range int64(3) {
			AddFold(d, model, fold)
		}
		d.Models = append(d.Models, tracker.Node{
			Model: model, Name: model, Status: tracker.Running, Params: map[string]string{"type": model},
			Metrics: []tracker.Metric{{Key: "cindex_mean", Value: 0.7, Timestamp: d.Started + 3, Step: 3}},
		})
	}
	return d
}

// AddFold adds the points of a fold.
func AddFold(d *tracker.Desired, model string, fold int64) {
	for i, name := range []string{"cindex", "ibs"} {
		d.Run.Metrics = append(d.Run.Metrics, tracker.Metric{
			Key: model + "_" + name, Value: 0.7123456789012345 / float64(fold+int64(i)+1), Timestamp: d.Started + 1000*fold, Step: fold,
		})
	}
}

// Text is a file of that content.
func Text(path, content string) tracker.File {
	sum := sha256.Sum256([]byte(content))
	return tracker.File{
		Path: path, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte(content))), nil
		},
	}
}

func sync1(t *testing.T, s tracker.Tracker, d *tracker.Desired) *tracker.Report {
	t.Helper()
	r, err := s.Sync(t.Context(), d, tracker.Options{})
	require.NoError(t, err)
	return r
}

// require1 compares the server with what is desired.
func require1(t *testing.T, s Subject, d *tracker.Desired) map[string]Held {
	t.Helper()
	held := s.Held(d)
	require.Len(t, held, 1+len(d.Models))
	one := map[string]Held{}
	for _, n := range append([]tracker.Node{d.Run}, d.Models...) {
		require.Len(t, held[n.Model], 1, "runs of %q", n.Model)
		h := held[n.Model][0]
		one[n.Model] = h
		for key, value := range n.Params {
			require.Equal(t, value, h.Params[key], key)
		}
		for key, value := range n.Tags {
			require.Equal(t, value, h.Tags[key], key)
		}
		require.ElementsMatch(t, n.Metrics, h.Metrics, n.Model)
		require.Equal(t, string(n.Status), h.Status)
	}
	for _, n := range d.Models {
		require.Equal(t, one[""].ID, one[n.Model].Parent, n.Model)
	}
	for _, f := range d.Files {
		require.Equal(t, f.Size, one[""].Files[f.Path], f.Path)
	}
	return one
}

func firstSync(t *testing.T, s Subject, d *tracker.Desired) {
	r := sync1(t, s.Tracker, d)
	require.Equal(t, 3, r.Runs)
	require.Equal(t, 14, r.Metrics)
	require.Equal(t, 2, r.Files)
	require.NotEmpty(t, r.URL)
	require.Equal(t, require1(t, s, d)[""].ID, r.RunID)
}

func twice(t *testing.T, s Subject, d *tracker.Desired) {
	sync1(t, s.Tracker, d)
	before := s.Held(d)
	require.Zero(t, sync1(t, s.Tracker, d).Total())
	require.Zero(t, sync1(t, s.Another(), d).Total())
	trusting, err := s.Tracker.Sync(t.Context(), d, tracker.Options{Trust: true})
	require.NoError(t, err)
	require.Zero(t, trusting.Total())
	require.Equal(t, before, s.Held(d))
}

func oneMore(t *testing.T, s Subject, d *tracker.Desired) {
	sync1(t, s.Tracker, d)
	for fold, of := range []tracker.Tracker{s.Tracker, s.Another(), s.Tracker} {
		AddFold(d, "rsf", int64(3+fold))
		r, err := of.Sync(t.Context(), d, tracker.Options{Trust: true})
		require.NoError(t, err)
		require.Equal(t, 2, r.Metrics)
		require.Equal(t, 2, r.Total())
	}
	require1(t, s, d)
}

func compare(t *testing.T, s Subject, d *tracker.Desired) {
	said, err := s.Tracker.Compare(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, s.Held(d))
	done := sync1(t, s.Tracker, d)
	require.Equal(t, [4]int{done.Runs, done.Params, done.Metrics, done.Files}, [4]int{said.Runs, said.Params, said.Metrics, said.Files})
	AddFold(d, "rsf", 3)
	d.Run.Status = tracker.Finished
	said, err = s.Tracker.Compare(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, sync1(t, s.Tracker, d), said)
	said, err = s.Tracker.Compare(t.Context(), d)
	require.NoError(t, err)
	require.Zero(t, said.Total())
}

func conflict(t *testing.T, s Subject, d *tracker.Desired) {
	sync1(t, s.Tracker, d)
	for _, value := range []string{"5", "10", "3"} {
		d.Run.Params["folds.k"] = value
		r := sync1(t, s.Tracker, d)
		require.Zero(t, r.Params)
		h := s.Held(d)[""][0]
		require.Equal(t, "3", h.Params["folds.k"])
		require.Equal(t, value, h.Tags[tracker.ChangedTag+"folds.k"])
		require.Equal(t, value != "3", len(r.Conflicts) == 1)
		require.Zero(t, sync1(t, s.Tracker, d).Total())
	}
}

func deleted(t *testing.T, s Subject, d *tracker.Desired) {
	former := sync1(t, s.Tracker, d)
	for _, runs := range s.Held(d) {
		s.Remove(runs[0].ID)
	}
	r, err := s.Tracker.Sync(t.Context(), d, tracker.Options{Trust: true})
	require.NoError(t, err)
	require.NotEqual(t, former.RunID, r.RunID)
	require.Equal(t, 14, r.Metrics)
	require1(t, s, d)
}

func reparented(t *testing.T, s Subject, d *tracker.Desired) {
	former := sync1(t, s.Tracker, d)
	s.Remove(former.RunID)
	r := sync1(t, s.Tracker, d)
	require.Equal(t, 1, r.Runs)
	require1(t, s, d)
}

func notFinite(t *testing.T, s Subject, d *tracker.Desired) {
	d.Run.Metrics = nil
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 5e-324, math.MaxFloat64} {
		d.Run.Metrics = append(d.Run.Metrics, tracker.Metric{Key: "odd", Value: v, Timestamp: d.Started, Step: int64(i)})
	}
	require.Equal(t, 6+2, sync1(t, s.Tracker, d).Metrics)
	require.Zero(t, sync1(t, s.Tracker, d).Total())
	require.Zero(t, sync1(t, s.Another(), d).Total())
	held := s.Held(d)[""][0].Metrics
	require.Len(t, held, 6)
	for _, m := range held {
		require.Equal(t, m.Step == 0, math.IsNaN(m.Value))
	}
}

func race(t *testing.T, s Subject, d *tracker.Desired) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, 4)
	for i := range errs {
		of := s.Another()
		wg.Go(func() {
			<-start
			_, errs[i] = of.Sync(t.Context(), d, tracker.Options{})
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err != nil { // a racer may be out of tries; what is left is the next one's
			t.Log(err)
		}
	}
	sync1(t, s.Tracker, d)
	require1(t, s, d)
	require.Zero(t, sync1(t, s.Another(), d).Total())
}

func statuses(t *testing.T, s Subject, d *tracker.Desired) {
	set := func(status tracker.Status) {
		d.Run.Status = status
		for i := range d.Models {
			d.Models[i].Status = status
		}
	}
	for _, status := range []tracker.Status{tracker.Running, tracker.Killed, tracker.Running, tracker.Failed, tracker.Running, tracker.Finished} {
		set(status)
		sync1(t, s.Tracker, d)
		one := require1(t, s, d)
		if status != tracker.Running {
			require.Equal(t, d.Ended, one[""].End)
		}
	}
	set(tracker.Unknown)
	require.Zero(t, sync1(t, s.Tracker, d).Total())
	d.Ended += 5
	set(tracker.Finished)
	require.Equal(t, 3, sync1(t, s.Tracker, d).Statuses, "the end moved")
}

func unknownIsKilled(t *testing.T, s Subject, d *tracker.Desired) {
	d.Run.Status, d.Models[0].Status, d.Models[1].Status = "", "", ""
	sync1(t, s.Tracker, d)
	for _, runs := range s.Held(d) {
		require.Equal(t, string(tracker.Killed), runs[0].Status)
	}
	require.Zero(t, sync1(t, s.Tracker, d).Total())
}

func files(t *testing.T, s Subject, d *tracker.Desired) {
	sync1(t, s.Tracker, d)
	d.Files[0] = Text("model_metrics.csv", "model,fold\nrsf,0\n")
	d.Files = append(d.Files, Text("empty.txt", ""))
	require.Equal(t, 2, sync1(t, s.Tracker, d).Files)
	require1(t, s, d)
	require.Zero(t, sync1(t, s.Another(), d).Total())
}

func large(t *testing.T, s Subject, d *tracker.Desired) {
	for fold := int64(3); fold < 700; fold++ {
		AddFold(d, "rsf", fold)
	}
	d.Run.Tags = map[string]string{}
	for i := range 250 {
		d.Run.Params[fmt.Sprintf("p.%d", i)] = strings.Repeat("x", 20*i)
		d.Run.Tags[fmt.Sprintf("t.%d", i)] = strings.Repeat("\u0001ä", 5*i)
	}
	sync1(t, s.Tracker, d)
	require1(t, s, d)
	require.Zero(t, sync1(t, s.Another(), d).Total())
}

func others(t *testing.T, s Subject, d *tracker.Desired) {
	sync1(t, s.Tracker, d)
	before := s.Held(d)
	second := Desired(d.Experiment, "production/suite@10")
	sync1(t, s.Tracker, second)
	require.Equal(t, before, s.Held(d))
	require1(t, s, second)
}

func cancelled(t *testing.T, s Subject, d *tracker.Desired) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Tracker.Sync(ctx, d, tracker.Options{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Tracker.Compare(ctx, d)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Tracker.Probe(ctx, d.Experiment), context.Canceled)
}

func probe(t *testing.T, s Subject, d *tracker.Desired) {
	require.NoError(t, s.Tracker.Probe(t.Context(), d.Experiment))
	require.Empty(t, s.Held(d))
	sync1(t, s.Tracker, d)
	require.NoError(t, s.Tracker.Probe(t.Context(), d.Experiment))
}
