// Package activities are the thin adapters between Temporal and the libraries: each
// activity reads what it needs from the store, calls one library, writes the result and
// returns scalars. It is the only place that decides which errors are worth another attempt
// (classify in errors.go).
//
// Every activity is idempotent: it may run again at any time, beside a zombie of itself,
// and ends with the same bytes in the store.
package activities

import (
	"context"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/notify"
	"everfold/store"
	"everfold/tracker"
)

// Activities holds what the activities need from the process they run in.
type Activities struct {
	// OpenStore opens the store that holds run folders.
	OpenStore func(ctx context.Context, s config.Store) (store.Store, error)
	// OpenData gives access to a data or folds file. It refuses what the worker may not read.
	OpenData OpenFile
	// CheckSpec refuses, with a *config.Error, what no spec may name on this worker; nil: nothing.
	CheckSpec func(s *config.Spec) error
	// RunLogger gives the logger that also writes the run's three files. The files exist
	// when it returns.
	RunLogger func(ref RunRef) *slog.Logger
	// OpenTracker opens the tracking server that a spec or the worker's environment names; nil
	// where neither does. A nil OpenTracker tracks nothing.
	OpenTracker func(t config.Tracker) (tracker.Tracker, error)
	// Limits bound what data files may hold; zero fields mean the defaults.
	Limits dataset.Limits
	Cores  *Cores // that fits share; nil: one a fit
	Build  string // code revision, recorded in manifests
	Worker string // name of this worker, recorded in manifests
	// Prepared keeps prepared tables of stores elsewhere on disk; nil: nowhere.
	Prepared *PreparedFiles
	// Interrupt is closed when a stopping worker lets attempts go on no longer; nil: they end as
	// soon as the worker stops.
	Interrupt <-chan struct{}
	// CheckpointEvery is how much work on a fit a lost worker may cost; 0 means 10 s.
	CheckpointEvery time.Duration

	// Locked says whether a run is running; nil asks the worker's own server.
	Locked func(ctx context.Context, workflowID string) (bool, error)

	// Send sends an alert to a shoutrrr URL, and Getenv is the environment that holds the
	// URLs; nil: notify.Send and the process's own.
	Send   func(ctx context.Context, url string, m notify.Message) error
	Getenv func(name string) string

	alerts alertMemory
	tables tableCache
	cache  artifact.Cache
}

// Register registers every activity under its published name.
func Register(r worker.ActivityRegistry, a *Activities) {
	a.tables.disk = a.Prepared
	for name, f := range map[string]any{
		PrepareDataName:    a.PrepareData,
		FitFoldName:        a.FitFold,
		PublishMetricsName: a.PublishMetrics,
		SummarizeName:      a.Summarize,
		FitFinalName:       a.FitFinal,
		PredictName:        a.Predict,
		WriteReportName:    a.WriteReport,
		NotifyName:         a.Notify,
		SyncTrackerName:    a.SyncTracker,
		PruneRunsName:      a.PruneRuns,
		CompareBestName:    a.CompareBest,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}
