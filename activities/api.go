package activities

import (
	"everfold/artifact"
	"everfold/config"
	"everfold/tracker"
)

// Registered activity names; other people's scripts and the Web UI show them.
const (
	PrepareDataName    = "PrepareData"
	FitFoldName        = "FitFold"
	PublishMetricsName = "PublishMetrics"
	SummarizeName      = "Summarize"
	FitFinalName       = "FitFinal"
	PredictName        = "Predict"
	WriteReportName    = "WriteReport"
	SyncTrackerName    = "SyncTracker"
)

// Application error types. Those of the first group are never retried: another attempt
// would meet the same data and the same spec.
const (
	ErrInvalidSpec  = "InvalidSpec"
	ErrDataInvalid  = "DataInvalid"
	ErrNoEvents     = "NoEvents"
	ErrNotConverged = "NotConverged"
	ErrPoisonFold   = "PoisonFold"
	ErrWorkersLost  = "WorkersLost" // a step beside the fits that took worker after worker with it
	ErrSuperseded   = "Superseded"  // a newer execution of the run owns the artifacts
	ErrNoMemory     = "InsufficientMemory"

	ErrArtifactCorrupt  = "ArtifactCorrupt"
	ErrStoreUnavailable = "StoreUnavailable"
	ErrVersionMismatch  = "VersionMismatch" // a worker of another release; another one can do it
	ErrInterrupted      = "Interrupted"     // the worker is stopping; the next attempt goes on
	ErrWorkerBusy       = "WorkerBusy"      // it is at as many long calls as it may; another attempt waits for a place

	ErrTracker = "TrackerFailed" // of SyncTracker alone; it never fails a run
)

// RunRef says which run an activity works for and where its artifacts are.
type RunRef struct {
	Type  config.RunType `json:"type"`
	Run   string         `json:"run"`
	Store config.Store   `json:"store"`
}

// check refuses, with a *config.Error, names that no run has: whoever may start activities may
// give any, and they become folders.
func (r RunRef) check() error { return config.CheckRun(r.Type, r.Run) }

// Ref is the run's reference.
func Ref(s *config.Spec) RunRef { return RunRef{Type: s.Type, Run: s.Run, Store: s.Store} }

// FinalFold is the fold number of a fit on all rows.
const FinalFold = artifact.FinalFold

// Action is what the plan says about one fold, and what was done about it.
type Action = artifact.Action

// The actions.
const (
	Train   = artifact.Train
	Rescore = artifact.Rescore
	Reuse   = artifact.Reuse
)

// PrepareInput is the accepted spec with the operator's wishes.
type PrepareInput struct {
	Spec    *config.Spec   `json:"spec"`
	Request config.Request `json:"request"`
	// Recover: the run is gone on with as run.json has it, from its own files where they verify.
	Recover bool `json:"recover,omitempty"`
}

// PrepareResult is the plan in brief; everything long stays in the store.
type PrepareResult struct {
	Run        RunRef      `json:"run"`
	SpecDigest string      `json:"spec_digest"`
	Rows       int         `json:"rows"`
	Events     int         `json:"events"`
	Models     []ModelPlan `json:"models"`
	// FinalSeconds is what the final fits and predictions are expected to take, on one core.
	FinalSeconds float64  `json:"final_seconds,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
}

// ModelPlan is the plan of one model, folds in order.
type ModelPlan struct {
	Model   string     `json:"model"`
	Seconds float64    `json:"seconds,omitempty"` // that a fold is expected to take, on one core
	Folds   []FoldPlan `json:"folds"`
}

// FoldPlan is the plan of one fold. Scores are set for a fold that is reused.
type FoldPlan struct {
	Fold   int      `json:"fold"`
	Action Action   `json:"action"`
	Force  string   `json:"force,omitempty"` // digest of the manifest that a forced fit may replace
	CIndex *float64 `json:"cindex,omitempty"`
	IBS    *float64 `json:"ibs,omitempty"`
}

// FitFoldInput names one fold of one model.
type FitFoldInput struct {
	Run        RunRef `json:"run"`
	SpecDigest string `json:"spec_digest"`
	Model      string `json:"model"`
	Fold       int    `json:"fold"`
	Force      string `json:"force,omitempty"`
}

// FitFoldResult is what the workflow keeps of a fold: scalars only. Undefined scores are absent.
type FitFoldResult struct {
	Model    string   `json:"model"`
	Fold     int      `json:"fold"`
	Action   Action   `json:"action"` // what was really done
	CIndex   *float64 `json:"cindex,omitempty"`
	IBS      *float64 `json:"ibs,omitempty"`
	Seconds  float64  `json:"seconds"` // fit and predict
	Attempt  int      `json:"attempt"` // Temporal's attempt that ended it
	Manifest string   `json:"manifest"`
	Warnings int      `json:"warnings"`
}

// FitProgress is the heartbeat detail of FitFold, of FitFinal and Predict with FinalFold, and, without
// a model, of all other activities: progress, and how often an activity has failed, never state.
type FitProgress struct {
	Model string  `json:"model"`
	Fold  int     `json:"fold"`
	Stage string  `json:"stage"` // load | fit | predict | explain | score | out of fold | write
	Done  float64 `json:"done"`
	Total float64 `json:"total"`
	Since int64   `json:"since,omitempty"` // when the first attempt began, and
	At    int64   `json:"at,omitempty"`    // when this was so, by the workers' clocks, in Unix milliseconds
	// Failures counts the attempts that ended by an error, by its type. Those that were interrupted,
	// or whose worker was lost, are not among them.
	Failures map[string]int `json:"failures,omitempty"`
}

// PublishInput asks for model_metrics.csv to be brought up to date.
type PublishInput struct {
	Run        RunRef `json:"run"`
	SpecDigest string `json:"spec_digest"`
}

// PublishResult counts the rows of model_metrics.csv.
type PublishResult struct {
	Rows int `json:"rows"`
}

// SummarizeInput asks for both CSVs, from verified manifests.
type SummarizeInput struct {
	Run        RunRef    `json:"run"`
	SpecDigest string    `json:"spec_digest"`
	Excused    []FoldRef `json:"excused,omitempty"` // failed or skipped folds: their absence is no damage
}

// SummarizeResult is the leaderboard, and the folds whose artifacts did not verify.
type SummarizeResult struct {
	Leaderboard []Standing   `json:"leaderboard"`
	Incomplete  []Incomplete `json:"incomplete,omitempty"`
	// Finals are the models to fit on all rows, those to be preferred for predictions first.
	Finals   []string `json:"finals,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// FitFinalInput names the fit of one model on all rows.
type FitFinalInput struct {
	Run        RunRef `json:"run"`
	SpecDigest string `json:"spec_digest"`
	Model      string `json:"model"`
}

// FitFinalResult is what the workflow keeps of a final model.
type FitFinalResult struct {
	Model    string  `json:"model"`
	Action   Action  `json:"action"`  // Train or Reuse: what was really done
	Seconds  float64 `json:"seconds"` // of the fit
	Attempt  int     `json:"attempt"`
	Info     string  `json:"info"` // digest of model.json
	Warnings int     `json:"warnings"`
}

// PredictInput names the final model whose predictions are wanted.
type PredictInput struct {
	Run        RunRef `json:"run"`
	SpecDigest string `json:"spec_digest"`
	Model      string `json:"model"`
}

// PredictResult counts what the prediction tables hold.
type PredictResult struct {
	Model     string  `json:"model"`
	Action    Action  `json:"action"`         // Train: written; Reuse: they were in place
	Data      string  `json:"data,omitempty"` // final.data, whose rows they are; "": the rows of the run
	Rows      int     `json:"rows"`
	OutOfFold int     `json:"out_of_fold"`
	Seconds   float64 `json:"seconds"`
	Attempt   int     `json:"attempt"`
	// InTraining counts rows of Data that the model was fitted on; nil: nothing tells, or it was on all.
	InTraining *int   `json:"in_training,omitempty"`
	Missing    string `json:"missing,omitempty"` // why the final model does not verify; nothing was written
	// Incomplete is a fold whose predictions do not verify any more; nothing was written.
	Incomplete []Incomplete `json:"incomplete,omitempty"`
	Warnings   []string     `json:"warnings,omitempty"`
}

// WriteReportInput asks for report/ to be brought up to date.
type WriteReportInput struct {
	Run        RunRef `json:"run"`
	SpecDigest string `json:"spec_digest"`
}

// WriteReportResult says what report/ holds.
type WriteReportResult struct {
	Key      string   `json:"key"`                // of the page
	Pictures int      `json:"pictures"`           // beside it, each as .svg and .png
	Bytes    int      `json:"bytes"`              // of all files
	Problems []string `json:"problems,omitempty"` // what had to be left out, the first ones
}

// Standing is one row of the leaderboard, that of model_summary.csv.
type Standing = artifact.Standing

// FoldRef names one fold of one model.
type FoldRef struct {
	Model  string `json:"model"`
	Fold   int    `json:"fold"`
	Failed bool   `json:"failed,omitempty"` // false: skipped
}

// Incomplete is a fold whose artifacts are missing or do not verify, and why.
type Incomplete struct {
	Model  string `json:"model"`
	Fold   int    `json:"fold"`
	Reason string `json:"reason"`
}

// TrackerStatus is how a run stands, as a tracker shows it.
type TrackerStatus = tracker.Status

// The statuses of a run that a workflow knows.
const (
	TrackedRunning  = tracker.Running
	TrackedFinished = tracker.Finished
	TrackedFailed   = tracker.Failed
	TrackedKilled   = tracker.Killed
)

// SyncTrackerInput asks for the tracking server to be brought in line with the manifests.
type SyncTrackerInput struct {
	Run        RunRef         `json:"run"`
	SpecDigest string         `json:"spec_digest"`
	Tracker    config.Tracker `json:"tracker"`         // of Attempts, those of this call
	Probe      bool           `json:"probe,omitempty"` // only says whether tracking works
	Status     TrackerStatus  `json:"status,omitempty"`
	Last       bool           `json:"last,omitempty"`   // everything is read back, and files are sent too
	RunID      string         `json:"run_id,omitempty"` // on the server, as of the last call
}

// SyncTrackerResult says what was sent.
type SyncTrackerResult struct {
	Off     bool    `json:"off,omitempty"` // neither the spec nor the worker names a server
	RunID   string  `json:"run_id,omitempty"`
	URL     string  `json:"url,omitempty"`
	Folds   int     `json:"folds"` // that the server holds now
	Sent    int     `json:"sent"`
	Note    string  `json:"note,omitempty"`
	Seconds float64 `json:"seconds"` // of the attempt that succeeded
	Attempt int     `json:"attempt"` // which one that was of those that were not interrupted
	// Recreated: the run of the last call was gone from the server and was made anew.
	Recreated bool `json:"recreated,omitempty"`
}
