package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (p *program) cancelCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "cancel RUN",
		Short: "cancel a run",
		Long: `Asks Temporal to cancel the run: fits stop at their next heartbeat, what is complete is
published. Run it again to go on.`,
		Example: "  starter cancel production/veteran",
		Args:    exactArgs("RUN"),
		RunE: func(command *cobra.Command, args []string) error {
			return p.withRun(command.Context(), t, args[0], func(l *link, run runRef) error {
				ctx, cancel := context.WithTimeout(command.Context(), describeTimeout)
				defer cancel()
				described, err := describe(ctx, l, run.workflowID(), "")
				if err != nil {
					return missingRun(run, err)
				}
				if !described.running() {
					return fail(exitNotFound, "starter list shows the runs of a store", "%s is not running: it is %s", run, statusWord(described.status))
				}
				if err := l.CancelWorkflow(ctx, run.workflowID(), described.execution); err != nil {
					return missingRun(run, err)
				}
				return p.acted(run, "cancel", "cancellation requested: watch it end with starter watch "+run.String())
			})
		},
	}
	addTarget(command, &t)
	p.addJSON(command)
	return command
}

// action is what the operator's commands print with --json.
type action struct {
	Run    string `json:"run"`
	Action string `json:"action"`
	Model  string `json:"model,omitempty"`
	Fits   *int   `json:"fits,omitempty"`
}

func (p *program) acted(run runRef, verb, line string) error {
	return p.report(action{Run: run.String(), Action: verb}, line)
}

// report writes the document with --json, else the line.
func (p *program) report(document action, line string) error {
	if p.json {
		return p.document(document)
	}
	p.console.screen(false).printf("%s: %s\n", document.Run, line)
	return nil
}
