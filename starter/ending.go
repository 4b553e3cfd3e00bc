package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"go.temporal.io/sdk/temporal"

	"everfold/workflows"
)

// The outcomes that an ending adds to those of a Result.
const (
	outcomeFailed      = "failed"
	outcomeCancelled   = "cancelled"
	outcomeInterrupted = "interrupted" // the starter stopped watching
	outcomeRunning     = "running"     // started, not watched
)

// ending is how a run stands when the starter leaves it: what `--json` prints.
type ending struct {
	Run         string            `json:"run,omitempty"` // <type>/<run>
	Outcome     string            `json:"outcome"`
	ExitCode    int               `json:"exit_code"`
	Output      string            `json:"output,omitempty"` // the run's folder
	WorkflowID  string            `json:"workflow_id,omitempty"`
	ExecutionID string            `json:"execution_id,omitempty"`
	WebUI       string            `json:"web_ui,omitempty"`
	Embedded    bool              `json:"embedded,omitempty"` // the Web UI ends with this starter
	Error       string            `json:"error,omitempty"`
	Hint        string            `json:"hint,omitempty"`
	Result      *workflows.Result `json:"result,omitempty"`

	again string // the command that goes on; "" where it is not known
}

func newEnding(run runRef, execution string, l *link) *ending {
	e := &ending{Run: run.String(), WorkflowID: run.workflowID(), ExecutionID: execution}
	if l != nil && l.webUI != "" {
		e.WebUI = strings.TrimSuffix(l.webUI, "/") + "/namespaces/default/workflows/" + url.PathEscape(run.workflowID())
	}
	return e
}

// finish records what follow returned and returns the error that the program ends with.
func (e *ending) finish(run runRef, result *workflows.Result, err error) error {
	e.Result = result
	if err == nil {
		e.Outcome, e.Output = string(result.Outcome), result.Output
		err = e.partial(run, result)
	} else {
		e.Outcome, err = classify(run, err)
	}
	e.ExitCode = exitCode(err)
	if err != nil {
		e.Error, e.Hint = err.Error(), hintOf(err)
	}
	return err
}

// partial is the error of a run that finished without some folds or final models.
func (e *ending) partial(run runRef, r *workflows.Result) error {
	if r.Outcome != workflows.Partial {
		return nil
	}
	first := ""
	if len(r.Failures) > 0 {
		f := r.Failures[0]
		first = fmt.Sprintf("; the first: %s: %s: %s", f.What(), f.Type, f.Message)
	}
	var failed []string
	if r.Failed > 0 {
		failed = append(failed, fmt.Sprintf("%s of %d", countOf(r.Failed, "fold"), r.Planned))
	}
	if r.FailedFinals > 0 {
		failed = append(failed, fmt.Sprintf("%s of %d", countOf(r.FailedFinals, "final model"), len(r.Finals)))
	}
	hint := "run it again with --only-failed once the reason is mended; what is complete is reused"
	if e.again != "" {
		hint = "once the reason is mended: " + withFlag(e.again, "--only-failed") + "\nwhat is complete is reused"
	}
	return fail(exitPartial, hint,
		"%s finished, but %s failed%s", run, strings.Join(failed, " and "), first)
}

// classify turns the error that an execution ended with, or that watching it met, into the
// outcome and an error for the operator.
func classify(run runRef, err error) (outcome string, reported error) {
	var cancelled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	var timeout *temporal.TimeoutError
	var ended *temporal.WorkflowExecutionError
	again := "run it again to go on: complete folds are reused"
	switch {
	case !errors.As(err, &ended):
		if exitCode(err) == exitInterrupted {
			return outcomeInterrupted, err
		}
		return outcomeFailed, err
	case errors.As(err, &cancelled):
		return outcomeCancelled, fail(exitFailed, again, "%s was cancelled", run)
	case errors.As(err, &terminated):
		return outcomeFailed, fail(exitFailed, again, "%s was terminated", run)
	}
	if cause := rootCause(err); cause != nil {
		return outcomeFailed, fail(applicationCode(cause.Type()), hintFor(cause.Type()), "%s failed: %s: %s", run, cause.Type(), cause.Message())
	}
	if errors.As(err, &timeout) {
		return outcomeFailed, fail(exitFailed, again, "%s ran out of time: %s", run, timeout.TimeoutType())
	}
	return outcomeFailed, fail(exitFailed, again, "%s failed: %w", run, err)
}

// rootCause is the innermost application error: wrappers around it say only where it went.
func rootCause(err error) *temporal.ApplicationError {
	var deepest *temporal.ApplicationError
	for ; err != nil; err = errors.Unwrap(err) {
		if application, ok := err.(*temporal.ApplicationError); ok {
			deepest = application
		}
	}
	return deepest
}

// hintFor is the next step after an execution failed with an error type.
func hintFor(errorType string) string {
	switch errorType {
	case workflows.ErrInvalidSpec:
		return "starter validate SPEC checks a spec, starter plan SPEC says what a start of it would do, starter schema prints what is allowed"
	case workflows.ErrDataInvalid, workflows.ErrNoEvents:
		return "mend the data or the spec's data section; starter validate SPEC --data checks both without starting anything"
	case workflows.ErrStoreUnavailable:
		return "once the store answers, the same command goes on where the run stopped"
	case workflows.ErrArtifactCorrupt:
		return "starter plan SPEC --explain names what does not verify"
	}
	return "the run's logs/ folder and the Web UI have the details; run it again to go on: complete folds are reused"
}

// present shows a finished run to a person: the leaderboard, what happened, where things
// are, and what next. The error, if any, is printed by main.
func (e *ending) present(s screen, run runRef, took time.Duration) error {
	if e.Result != nil {
		s.printf("\n")
		if err := writeLeaderboard(s, formatTable, e.Result.Leaderboard); err != nil {
			return err
		}
		s.printf("\n%s %s\n", label(s, "Done"), tally(e.Result, took))
		presentTroubles(s, e.Result)
	}
	if e.Outcome != outcomeInterrupted {
		presentPlaces(s, e)
	}
	if e.Result != nil {
		presentNext(s, run, e)
	}
	return nil
}

// presentNext shows the commands that one may want now, ready to be copied.
func presentNext(s screen, run runRef, e *ending) {
	where := run.String()
	if store := storeOf(e.Output, run); !isDefaultStore(store) {
		where += " --store " + quoted(store)
	}
	commands := []string{"starter results " + where}
	if e.Result.Predictions != nil {
		commands = append(commands, "starter predict "+where+" --data NEW.csv --out scored.csv")
	}
	for i, command := range commands {
		s.printf("%s %s\n", label(s, map[bool]string{true: "Next"}[i == 0]), command)
	}
}

func label(s screen, word string) string {
	return s.paint(fmt.Sprintf("%-8s", word), text.FgCyan)
}

func presentPlaces(s screen, e *ending) {
	if e.Output != "" {
		s.printf("%s %s\n", label(s, "Files"), e.Output)
		if e.Result != nil { // else they may be missing, or an earlier start's
			s.printf("%s %s\n", label(s, ""), "artifacts/model_summary.csv, artifacts/model_metrics.csv")
			presentFinals(s, e.Result)
			if e.Result.Report != "" {
				s.printf("%s %s/%s\n", label(s, "Report"), e.Output, e.Result.Report)
			}
		}
	}
	if e.Result != nil && e.Result.Tracker != nil {
		s.printf("%s %s\n", label(s, "Tracker"), cmp.Or(e.Result.Tracker.URL, e.Result.Tracker.String()))
	}
	if e.WebUI != "" {
		s.printf("%s %s\n", label(s, "Web UI"), e.WebUI)
	}
	if e.Embedded {
		s.printf("%s it ends with this program; starter watch %s --embedded brings it back\n", label(s, ""), e.Run)
	}
}

// presentFinals says where the models fitted on all rows and the predictions are.
func presentFinals(s screen, r *workflows.Result) {
	var models []string
	for _, f := range r.Finals {
		if f.State == workflows.DoneState {
			models = append(models, "models/"+f.Model+"/")
		}
	}
	if len(models) > 0 {
		s.printf("%s %s\n", label(s, "Models"), strings.Join(models, ", "))
	}
	if p := r.Predictions; p != nil {
		s.printf("%s predictions/predictions.csv and .parquet: %s by %s\n", label(s, "Predict"), predictedRows(p), p.Model)
		s.printf("%s predictions/oof.csv: %s out of fold\n", label(s, ""), countOf(p.OutOfFold, "row"))
	}
}

// predictedRows is such as "40 rows of new.csv, 12 of them fitted on,".
func predictedRows(p *workflows.Predictions) string {
	text := countOf(p.Rows, "row")
	if p.Data == "" {
		return text
	}
	text += " of " + path.Base(p.Data)
	if p.InTraining != nil {
		text += fmt.Sprintf(", %d of them fitted on,", *p.InTraining)
	}
	return text
}

// tally is one line of counts.
func tally(r *workflows.Result, took time.Duration) string {
	parts := []string{}
	for _, count := range []struct {
		n    int
		what string
	}{{r.Trained, "trained"}, {r.Rescored, "rescored"}, {r.Reused, "reused"}, {r.Failed, "failed"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.what))
		}
	}
	line := countOf(r.Planned, "fold")
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	if len(r.Skipped) > 0 {
		line += "; skipped: " + strings.Join(r.Skipped, ", ")
	}
	return line + "; " + seconds(took.Seconds())
}

// presentTroubles lists what did not go smoothly.
func presentTroubles(s screen, r *workflows.Result) {
	for _, f := range r.Failures {
		s.printf("%s %s: %s: %s\n", s.paint("failed  ", text.FgRed), f.What(), f.Type, f.Message)
	}
	for _, f := range r.Retried {
		s.printf("%s %s needed %d attempts\n", s.paint("retried ", text.FgYellow), f.What(), f.Attempts)
	}
	for _, warning := range r.Warnings {
		s.printf("%s %s\n", s.paint("warning ", text.FgYellow), warning)
	}
}

// storeOf is the store of a run's folder.
func storeOf(output string, run runRef) string {
	return strings.TrimSuffix(strings.TrimSuffix(output, run.String()), "/")
}
