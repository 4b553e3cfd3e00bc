package workflows

import (
	"fmt"

	"everfold/activities"
)

// Registered names: part of the published contract.
const (
	TrainSurvivalModelsName = "TrainSurvivalModels"
	TrainModelName          = "TrainModel" // a child: the folds of one model of a large run
	RecoverRunName          = "RecoverRun"
	QueryProgress           = "progress"
	UpdateSkipModel         = "skip-model"
	UpdateSetParallelism    = "set-parallelism"
	SignalSetParallelism    = "set-parallelism" // from the run to its children
	SignalFoldsEnded        = "folds-ended"     // from a child to its run
	MemoSpecDigest          = "everfold_spec_digest"
	MemoOutput              = "everfold_output"
)

// Task queues, split by need so that a long fit never starves a small call.
const (
	QueueWorkflows = "everfold-workflows"
	QueueTrain     = "everfold-train"
	QueueIO        = "everfold-io"
)

// Outcome of a finished run.
type Outcome string

// The outcomes. A run that failed or was cancelled has no result, but a workflow error.
const (
	Completed Outcome = "completed"
	Partial   Outcome = "partial" // finished, but some model failed
)

// Result is what TrainSurvivalModels returns: scalars and names, small at any layout.
type Result struct {
	Type        string                `json:"type"`
	Run         string                `json:"run"`
	Output      string                `json:"output"`
	Outcome     Outcome               `json:"outcome"`
	Planned     int                   `json:"planned"`
	Trained     int                   `json:"trained"`
	Rescored    int                   `json:"rescored"`
	Reused      int                   `json:"reused"`
	Failed      int                   `json:"failed"`
	Leaderboard []activities.Standing `json:"leaderboard"`
	Failures    []Failure             `json:"failures,omitempty"` // the first 50
	Skipped     []string              `json:"skipped,omitempty"`
	Retried     []Retried             `json:"retried,omitempty"` // the first 50
	Warnings    []string              `json:"warnings,omitempty"`

	Finals       []Final      `json:"finals,omitempty"`        // fits on all rows
	FailedFinals int          `json:"failed_finals,omitempty"` // of them, or of their predictions
	Predictions  *Predictions `json:"predictions,omitempty"`   // nil: none were written
	Report       string       `json:"report,omitempty"`        // the page's key; "": it was not written
	Tracker      *Tracking    `json:"tracker,omitempty"`       // nil: there is none
}

// TrackingState is how a run gets on with its tracker.
type TrackingState string

// The tracking states. None of them concerns the run's outcome.
const (
	TrackingOff      TrackingState = "off"
	TrackingStarting TrackingState = "starting" // not known yet
	TrackingOK       TrackingState = "ok"
	TrackingFailing  TrackingState = "failing" // the last call failed
	TrackingQuiet    TrackingState = "quiet"   // tracker.budget is used up: one try a fold
)

// Tracking is what a run knows of its tracker. An address that the worker's environment
// holds is named, not told.
type Tracking struct {
	State         TrackingState `json:"state"`
	Server        string        `json:"server,omitempty"`
	RunID         string        `json:"run_id,omitempty"` // on the server
	URL           string        `json:"url,omitempty"`    // of that run
	Folds         int           `json:"folds"`            // on the server, as of the last call that succeeded
	Calls         int           `json:"calls"`
	Failures      int           `json:"failures"`        // of these
	FailedSeconds float64       `json:"failed_seconds"`  // spent on them, of tracker.budget
	Error         string        `json:"error,omitempty"` // the last
	Note          string        `json:"note,omitempty"`
}

// String is one line for people.
func (t Tracking) String() string {
	s := string(t.State)
	if t.Server != "" {
		s += ", " + t.Server
	}
	if t.State == TrackingOff || t.State == TrackingStarting {
		return s
	}
	s += fmt.Sprintf(", %d folds there", t.Folds)
	if t.Failures > 0 {
		s += fmt.Sprintf(", %d of %d calls failed", t.Failures, t.Calls)
	}
	if t.State != TrackingOK {
		s += ", the last: " + t.Error
	}
	return s
}

// Final is a fit on all rows, under models/<model>/.
type Final struct {
	Model   string            `json:"model"`
	State   FoldState         `json:"state"`
	Action  activities.Action `json:"action,omitempty"` // when done
	Seconds float64           `json:"seconds,omitempty"`
	Attempt int               `json:"attempt,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// Predictions says what predictions/ holds.
type Predictions struct {
	Model  string            `json:"model"` // of predictions.csv and .parquet
	Action activities.Action `json:"action"`
	Data   string            `json:"data,omitempty"` // final.data, whose rows they are; "": the rows of the run
	Rows   int               `json:"rows"`
	// InTraining counts rows of Data that the model was fitted on; nil: nothing tells, or it was on all.
	InTraining *int    `json:"in_training,omitempty"`
	OutOfFold  int     `json:"out_of_fold"` // rows of oof.csv
	Seconds    float64 `json:"seconds"`
}

// Failure is one fit that came to nothing, with its reason. Fold is −1 for a final fit and
// its predictions.
type Failure struct {
	Model   string `json:"model"`
	Fold    int    `json:"fold"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

// What is such as "rsf fold 3" or "rsf final fit".
func (f Failure) What() string { return taskName(f.Model, f.Fold) }

// Retried is a fit that needed more than one attempt; Fold as in Failure.
type Retried struct {
	Model    string `json:"model"`
	Fold     int    `json:"fold"`
	Attempts int    `json:"attempts"`
}

// What is such as "rsf fold 3" or "rsf final fit".
func (r Retried) What() string { return taskName(r.Model, r.Fold) }

// FoldState is where one fold stands.
type FoldState string

// The fold states. Done covers trained, rescored and reused.
const (
	Waiting   FoldState = "waiting"
	Running   FoldState = "running"
	DoneState FoldState = "done"
	Failed    FoldState = "failed"
	Skipped   FoldState = "skipped"
)

// Progress answers the query "progress".
type Progress struct {
	Stage    string          `json:"stage"` // preparing | fitting | summarizing | final fits | predicting | reporting | tracking | finished
	Output   string          `json:"output"`
	Planned  int             `json:"planned"`
	Done     int             `json:"done"`
	Reused   int             `json:"reused"`
	Running  int             `json:"running"`
	Failed   int             `json:"failed"`
	Skipped  int             `json:"skipped"`
	Parallel int             `json:"parallel"`
	Models   []ModelProgress `json:"models"`
	Finals   []Final         `json:"finals,omitempty"` // from the stage "final fits" on
	Warnings []string        `json:"warnings,omitempty"`
	Tracker  *Tracking       `json:"tracker,omitempty"` // nil: there is none
	// FinalSeconds is what all final fits and predictions are expected to take on one core.
	FinalSeconds float64 `json:"expected_final_seconds,omitempty"`
}

// ModelProgress is one model's folds in order.
type ModelProgress struct {
	Model   string         `json:"model"`
	Seconds float64        `json:"expected_seconds,omitempty"` // of one fold on one core, by the plan
	Folds   []FoldProgress `json:"folds"`
}

// FoldProgress is one cell of the live table.
type FoldProgress struct {
	Fold    int               `json:"fold"`
	State   FoldState         `json:"state"`
	Action  activities.Action `json:"action,omitempty"` // when done: what was really done
	CIndex  *float64          `json:"cindex,omitempty"`
	IBS     *float64          `json:"ibs,omitempty"`
	Seconds float64           `json:"seconds,omitempty"`
	Attempt int               `json:"attempt,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// SkipModel is the argument of the update "skip-model".
type SkipModel struct {
	Model string `json:"model"`
}

// SetParallelism is the argument of the update "set-parallelism". 0 means the default of
// resources.parallel_fits.
type SetParallelism struct {
	Fits int `json:"fits"`
}
