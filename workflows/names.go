package workflows

import "everfold/activities"

// Standing is one row of the leaderboard in a Result.
type Standing = activities.Standing

// FitProgress is the heartbeat detail of a fold that is being fitted.
type FitProgress = activities.FitProgress

// Error types that a failed execution may carry, by which callers tell a bad spec or bad
// data from an unreachable store or damage.
const (
	ErrInvalidSpec      = activities.ErrInvalidSpec
	ErrDataInvalid      = activities.ErrDataInvalid
	ErrNoEvents         = activities.ErrNoEvents
	ErrStoreUnavailable = activities.ErrStoreUnavailable
	ErrArtifactCorrupt  = activities.ErrArtifactCorrupt
)

// FinalFold is the fold number of a fit on all rows in FitProgress, Failure and Retried.
const FinalFold = activities.FinalFold

// What may be done about a fold.
const (
	Train   = activities.Train
	Rescore = activities.Rescore
	Reuse   = activities.Reuse
)
