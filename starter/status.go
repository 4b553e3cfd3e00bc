package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"

	"everfold/internal/app"
	"everfold/workflows"
)

func (p *program) statusCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "status RUN",
		Short: "show how far a run is",
		Long: `Shows the state of every fold, what is being fitted, the estimated time left, failures, retries
and the tracker's state. The exit code is 0 whatever the run's state: --json tells it.`,
		Example: "  starter status production/veteran\n  starter status production/veteran --json",
		Args:    exactArgs("RUN"),
		RunE: func(command *cobra.Command, args []string) error {
			return p.withRun(command.Context(), t, args[0], func(l *link, run runRef) error {
				status, err := readStatus(command.Context(), l, run)
				if err != nil {
					return err
				}
				if p.json {
					return p.document(status)
				}
				status.present(p.console.screen(false))
				return nil
			})
		},
	}
	addTarget(command, &t)
	p.addJSON(command)
	return command
}

// runStatus is what `status` tells.
type runStatus struct {
	Run         string                  `json:"run"`
	Status      string                  `json:"status"` // running | completed | failed | cancelled | …
	WorkflowID  string                  `json:"workflow_id"`
	ExecutionID string                  `json:"execution_id"`
	Started     time.Time               `json:"started"`
	Closed      *time.Time              `json:"closed,omitempty"`
	WebUI       string                  `json:"web_ui,omitempty"`
	ETASeconds  *float64                `json:"eta_seconds,omitempty"` // from now, an estimate
	ETAIsBound  bool                    `json:"eta_is_lower_bound,omitempty"`
	Version     *versionStatus          `json:"version,omitempty"` // of a worker deployment, where the run has one
	Tracker     string                  `json:"tracker"`
	Running     []workflows.FitProgress `json:"running,omitempty"`
	Retries     []retryStatus           `json:"retries,omitempty"`
	Silence     string                  `json:"silence,omitempty"` // why progress is missing
	Waiting     string                  `json:"waiting,omitempty"` // for which workers
	Error       string                  `json:"error,omitempty"`   // why the run failed
	Progress    *workflows.Progress     `json:"progress,omitempty"`
}

type retryStatus struct {
	What    string `json:"what"`
	Attempt int    `json:"attempt"`
	Reason  string `json:"reason"`
}

// trackerState is one line about the tracker; "unknown" where the workflow does not answer.
func trackerState(p *workflows.Progress) string {
	switch {
	case p == nil:
		return "unknown"
	case p.Tracker == nil:
		return string(workflows.TrackingOff)
	}
	return p.Tracker.String()
}

// readStatus asks the server, and the workflow if a worker answers for it.
func readStatus(ctx context.Context, l *link, run runRef) (*runStatus, error) {
	s, err := look(ctx, l, run.workflowID(), "")
	if err != nil {
		return nil, missingRun(run, err)
	}
	e := newEnding(run, s.execution, l)
	status := &runStatus{
		Run: e.Run, Status: statusWord(s.status), WorkflowID: e.WorkflowID, ExecutionID: s.execution,
		Started: s.started, WebUI: e.WebUI, Tracker: trackerState(s.progress), Progress: s.progress,
	}
	if !s.closed.IsZero() {
		status.Closed = &s.closed
	}
	if s.silence != nil {
		if s.running() {
			s.explain(ctx, l, run.workflowID())
		}
		status.Silence = silenceOf(s.silence)
	}
	if s.progress != nil && s.running() {
		if e, known := remaining(s.progress, s); known {
			secondsLeft := e.left.Seconds()
			status.ETASeconds, status.ETAIsBound = &secondsLeft, e.bound
		}
	}
	status.addWorkers(ctx, l, s)
	status.addActivities(s)
	if !s.running() {
		status.Error = endError(ctx, l, run, s.execution)
	}
	return status, nil
}

// addWorkers tells which workers may have the run, and which of those that it needs are missing.
func (r *runStatus) addWorkers(ctx context.Context, l *link, s *snapshot) {
	pinned, isPinned := app.PinnedTo(s.versioning)
	var unserved []string
	if s.running() && (isPinned || len(s.waiting()) > 0) {
		unserved = s.unserved(ctx, l)
	}
	r.Waiting = s.noPoller(unserved)
	if isPinned {
		r.Version = newVersionStatus(pinned, unserved, r.WorkflowID, s)
	}
}

// addActivities lists fits in hand, in the order of the models, and what is tried again.
func (r *runStatus) addActivities(s *snapshot) {
	if s.progress != nil {
		for _, m := range s.progress.Models {
			for _, f := range m.Folds {
				// A large run learns of its folds in parcels: one that waits for all it knows may have begun.
				open := f.State == workflows.Running || f.State == workflows.Waiting
				if beat, ok := s.beats[cellID{m.Model, f.Fold}]; ok && open {
					r.Running = append(r.Running, beat)
				}
			}
		}
	}
	if s.progress != nil {
		for _, f := range s.progress.Finals {
			if beat, ok := s.beats[cellID{f.Model, workflows.FinalFold}]; ok {
				r.Running = append(r.Running, beat)
			}
		}
	}
	for _, again := range s.retries {
		r.Retries = append(r.Retries, retryStatus{What: again.name(), Attempt: again.attempt, Reason: again.reason})
	}
}

// endError is why a closed execution did not complete, or "".
func endError(ctx context.Context, l *link, run runRef, execution string) string {
	f := newFollower(l, run, execution, nil)
	if _, err := f.result(ctx); err != nil {
		_, reported := classify(run, err)
		return reported.Error()
	}
	return ""
}

func silenceOf(err error) string {
	if isUnreachable(err) || errors.Is(err, context.DeadlineExceeded) {
		return "no worker answers; start one with bin/worker"
	}
	return err.Error()
}

// statusWord is an execution's status in lower case: running, completed, canceled …
func statusWord(status enumspb.WorkflowExecutionStatus) string {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return outcomeCancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed out"
	}
	return strings.ToLower(status.String())
}

// present shows the status to a person.
func (r *runStatus) present(s screen) {
	s.printf("%s %s\n", r.Run, r.when())
	switch {
	case r.Waiting != "":
		s.printf("%s %s; it goes on with one\n", label(s, "Waiting:"), r.Waiting)
	case r.Silence != "":
		s.printf("%s %s\n", label(s, "Progress"), r.Silence)
	}
	if r.Version != nil {
		r.Version.present(s)
	}
	if r.Progress != nil {
		r.presentProgress(s)
	}
	for _, again := range r.Retries {
		s.printf("%s %s: attempt %d, after: %s\n", label(s, "Retry"), again.What, again.Attempt, again.Reason)
	}
	if r.Error != "" {
		s.printf("%s %s\n", label(s, "Error"), r.Error)
	}
	s.printf("%s %s\n", label(s, "Tracker"), r.Tracker)
	if r.WebUI != "" {
		s.printf("%s %s\n", label(s, "Web UI"), r.WebUI)
	}
}

// when is "running since …" or, say, "completed at …".
func (r *runStatus) when() string {
	const layout = "2006-01-02 15:04:05"
	if r.Closed != nil {
		return r.Status + " at " + r.Closed.Local().Format(layout)
	}
	return r.Status + " since " + r.Started.Local().Format(layout)
}

func (r *runStatus) presentProgress(s screen) {
	p := r.Progress
	s.printf("%s %s\n", label(s, "Stage"), stageLine(p))
	if r.ETASeconds != nil {
		e := estimate{left: time.Duration(*r.ETASeconds * float64(time.Second)), bound: r.ETAIsBound}
		if said := e.String(); said != "" {
			s.printf("%s %s\n", label(s, "Time"), said)
		}
	}
	s.printf("%s %s\n\n", label(s, "Files"), p.Output)
	if len(p.Models) > 0 { // none before the plan is made
		s.printf("%s\n\n", s.fitting(stateTable(p, s.live), stateTable(p, false)))
	}
	for _, m := range p.Models {
		for _, f := range m.Folds {
			if f.State == workflows.Failed {
				s.printf("%s %s fold %d: %s\n", label(s, "Failed"), m.Model, f.Fold, f.Error)
			}
		}
	}
	for _, f := range p.Finals {
		s.printf("%s %s: %s\n", label(s, "Final"), f.Model, finalState(f))
	}
	for _, f := range r.Running {
		s.printf("%s %s %s\n", label(s, "Fitting"), f.Model, doingNow(f))
	}
	for _, warning := range p.Warnings {
		s.printf("%s %s\n", label(s, "Warning"), warning)
	}
}

// stateTable counts each model's folds by state.
func stateTable(p *workflows.Progress, framed bool) table.Writer {
	t := newTable(framed)
	t.AppendHeader(table.Row{"Model", "Done", "Reused", "Running", "Waiting", "Failed", "Skipped", "C-index", "IBS"})
	for _, m := range p.Models {
		n := tallyFolds(m)
		t.AppendRow(table.Row{m.Model, n.done, n.reused, n.running, n.waiting, n.failed, n.skipped, score(n.cindex.pointer()), score(n.ibs.pointer())})
	}
	rightAlign(t, "Done", "Reused", "Running", "Waiting", "Failed", "Skipped", "C-index", "IBS")
	return t
}
