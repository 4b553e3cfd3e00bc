package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/tracker"
)

// TrackOptions are the settings of Track. Empty ones are the run's own.
type TrackOptions struct {
	Folder     string // of the run: DIR, file:// or s3://
	URI        string // of another server than the spec's
	Experiment string
	Send       bool // false: only says what is missing
	Getenv     func(string) string
}

// TrackReport says what a tracker lacked of a run, and with Send was sent.
type TrackReport struct {
	Run     string `json:"run"`
	Server  string `json:"server"`
	Folds   int    `json:"folds"` // complete in the store
	Planned int    `json:"planned"`
	Missing int    `json:"missing"` // params, tags, points, files, runs and statuses together
	tracker.Report
}

// TrackError is why a tracker was not asked, or did not do what it was asked.
type TrackError struct {
	Settings    bool // what was asked cannot be done as it is: no server, a bad address
	Unreachable bool // later it may work
	Err         error
}

// Error is the cause's.
func (e *TrackError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TrackError) Unwrap() error { return e.Err }

// Track brings a tracking server in line with a run's folder, or says what is missing. It
// needs nothing but the folder: no worker, no server of Temporal. Errors are *TrackError,
// the store's, or ctx's.
func Track(ctx context.Context, o TrackOptions) (*TrackReport, error) {
	s, err := (&Stores{}).Open(ctx, config.Store{URI: o.Folder})
	if err != nil {
		return nil, err
	}
	run, err := artifact.ReadCurrent(ctx, s, "", nil)
	if err != nil {
		return nil, err
	}
	c := run.Spec.Tracker
	c.URI, c.Experiment = cmp.Or(o.URI, c.URI), cmp.Or(o.Experiment, c.Experiment)
	server, err := (&Trackers{Getenv: o.Getenv, Tell: true}).Open(c)
	if err == nil && server == nil {
		err = errors.New("no tracking server: neither the run's spec nor MLFLOW_TRACKING_URI names one")
	}
	if err != nil {
		return nil, &TrackError{Settings: true, Err: err}
	}
	t, err := activities.NewTracked(ctx, s, activities.TrackedOptions{Experiment: c.Experiment, Files: true})
	if err != nil {
		return nil, err
	}
	out := &TrackReport{Run: run.Spec.RunID(), Server: server.URI(), Folds: t.Folds, Planned: t.Planned}
	report, err := attempts(ctx, c.Attempts, func() (*tracker.Report, error) {
		if o.Send {
			return server.Sync(ctx, t.Desired, tracker.Options{})
		}
		return server.Compare(ctx, t.Desired)
	})
	if err != nil {
		return nil, trackError(ctx, err)
	}
	out.Report, out.Missing = *report, report.Total()
	return out, nil
}

// attempts calls f until it succeeds, at most n times, while another try may help.
func attempts(ctx context.Context, n int, f func() (*tracker.Report, error)) (*tracker.Report, error) {
	for try := 1; ; try++ {
		report, err := f()
		var failed *tracker.Error
		if err == nil || try >= n || !errors.As(err, &failed) || !failed.Retryable() {
			return report, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(max(failed.RetryAfter, time.Duration(try)*time.Second)):
		}
	}
}

func trackError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failed *tracker.Error
	if !errors.As(err, &failed) {
		return fmt.Errorf("track: %w", err)
	}
	return &TrackError{
		Settings:    failed.Kind == tracker.Settings,
		Unreachable: failed.Retryable() || failed.Kind == tracker.NotTracker, Err: err,
	}
}

// ProbeTracker says whether runs could be tracked now by the server that c and the
// environment name, by a call that changes nothing. uri is "" where neither names one. Errors
// are *TrackError, or ctx's.
func ProbeTracker(ctx context.Context, c config.Tracker, getenv func(string) string) (uri string, err error) {
	server, err := (&Trackers{Getenv: getenv, Tell: true}).Open(c)
	switch {
	case err != nil:
		return "", &TrackError{Settings: true, Err: err}
	case server == nil:
		return "", nil
	}
	if err := server.Probe(ctx, c.Experiment); err != nil {
		return server.URI(), trackError(ctx, err)
	}
	return server.URI(), nil
}
