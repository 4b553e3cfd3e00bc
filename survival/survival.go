// Package survival defines what every survival model of this module shares: the
// outcome, the design matrix, the step function, the Model contract and the typed
// errors. It is a leaf library: it knows nothing of Temporal, stores or trackers,
// and can be used alone.
//
// Notation used throughout survival/…: row i has observed time T_i, event indicator
// δ_i, optional entry time L_i (left truncation), case weight w_i (1 where absent)
// and covariates x_i. Times are in the unit of the caller; nothing here rescales them.
package survival

import (
	"context"
	"encoding"
)

// Model is a fitted survival model. Implementations are immutable after fitting and
// safe for concurrent use.
//
// Prediction matches columns by name: extra columns of x are ignored, a missing one is
// a *ColumnError. Every long loop calls Check at least once a second of work and
// returns its error, so cancellation is seen within a second.
type Model interface {
	// Type is the registered type name, such as "cox_ph".
	Type() string
	// Columns names the design columns the model was fitted on, in order.
	Columns() []string
	// Risk writes one score a row into dst (len(dst) == x.Rows, else panic):
	// higher means an earlier event. Rows with identical covariates get bit-equal risks.
	Risk(ctx context.Context, x *Design, dst []float64) error
	// Survival calls visit once per row, in ascending row order, with s[j] = S(times[j] | x_row).
	// times must be ascending and finite. Curves are right-continuous in times, within
	// [0,1], non-increasing, 1 before the first step. s is reused between calls.
	Survival(ctx context.Context, x *Design, times []float64, visit func(row int, s []float64) error) error
	// Report describes the fit: convergence, coefficients, warnings.
	Report() Report
	// MarshalBinary gives the model file; equal models give equal bytes.
	encoding.BinaryMarshaler
}

// Report says how a fit went.
type Report struct {
	Converged    bool          // false: the estimate is finite, but the criterion was not met
	Iterations   int           // of the outermost loop
	LogLik       []float64     // at the start (null model) and at the end; empty where not defined
	Coefficients []Coefficient // linear models, in column order; a stack's weights, by base name
	OutOfBag     OutOfBag      // models that average over resamples
	Warnings     []Warning     // what a statistician should know; never the value of a data cell
}

// OutOfBag is the error of an ensemble on its own training rows, each predicted by the
// members that were not fitted on it.
type OutOfBag struct {
	Error float64 // 1 − Harrell's C
	Rows  int     // so many have such a prediction; 0: the error is not defined
}

// Coefficient is one term of a linear predictor, on the scale of the design column.
type Coefficient struct {
	Column string
	Value  float64
	SE     float64 // model-based standard error; NaN where aliased
}

// Warning is a finding that does not stop the fit. Category is one of the log
// categories: "convergence", "data", "config", "resource".
type Warning struct {
	Category string `json:"category"`
	Message  string `json:"message"`
}

// FitOptions are the settings that every Fit takes beside its own.
type FitOptions struct {
	Seed    uint64 // sub-seed; used by models that draw random numbers
	Threads int    // at most this many goroutines; 0 means 1. Never changes the result
	// Share, where not nil, says how many goroutines may work now: Threads at the start of the
	// fit, then more or fewer as other fits end and begin. Long fits ask Working from time to
	// time; others keep to Threads. It is safe for concurrent use.
	Share func() int
	Times TimeRule // how near-equal times and curve times are treated
	// Grid holds the times, ascending, at which curves will be wanted. Only models whose
	// risk is a sum over times read it ("cox_stratified"), and say what nil means.
	Grid  []float64
	Inner Inner // how models that validate within the fit split its rows
	// Checkpoints keeps states of a long fit for another attempt; nil keeps none.
	Checkpoints Checkpoints
	// Query is what a function that fits and predicts at once is asked for; others do not read it.
	Query Query
}

// Query asks a fit for predictions of rows that are known before it, in place of a model
// that predicts any. Columns are matched as Model does.
type Query struct {
	Design *Design
	Times  []float64 // of the curves: ascending and finite
}

// Predictions answer a Query.
type Predictions struct {
	Risk     []float64 // as Model.Risk
	Survival []float64 // the curves of Model.Survival, row after row
	Report   Report    // of the fit
}

// Working is how many goroutines may work from now on, at least 1. Asking it between trees,
// rounds or inner fits is often enough; the answer must not change a bit of the result.
func (o *FitOptions) Working() int {
	if o.Share != nil {
		return max(1, o.Share())
	}
	return max(1, o.Threads)
}

// Inner tells a model that cross-validates within its fitted rows what the caller's own
// folds know. Rows are numbers of the fitted design and outcome. The zero value is:
// single rows, not stratified, columns as given.
type Inner struct {
	Group    []int // nil, or a group number a row: rows of one group stay in one inner fold
	Stratify bool  // balance events over the inner folds
	// Design encodes all fitted rows anew, with preprocessing fitted on the given rows only;
	// its columns may differ from the fit's. nil: the fit's design serves, whose
	// preprocessing has then seen the held-out rows. It is safe for concurrent use.
	Design func(ctx context.Context, rows []int) (*Design, error)
}

// TimeRule says how observed times are compared before a fit.
type TimeRule int

const (
	// TimesExact compares times as float64 values.
	TimesExact TimeRule = iota
	// TimesMlr3proba merges near-equal times (relative or absolute 2⁻²⁶) before the fit and
	// passes the step times of fitted curves through 15 significant decimal digits, as R's
	// survival does with timefix; see docs/METHODS.md.
	TimesMlr3proba
)
