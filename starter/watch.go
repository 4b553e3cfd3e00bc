package main

import (
	"github.com/spf13/cobra"
)

func (p *program) watchCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "watch RUN",
		Short: "watch a run to its end",
		Long: `Shows a run's progress live, then its leaderboard, and ends with the run's exit code.
Ctrl-C ends the watching; the run goes on.`,
		Example: "  starter watch production/veteran",
		Args:    exactArgs("RUN"),
		RunE: func(command *cobra.Command, args []string) error {
			s := p.console.screen(p.json)
			return p.withRun(command.Context(), t, args[0], func(l *link, run runRef) error {
				described, err := describe(command.Context(), l, run.workflowID(), "")
				if err != nil {
					return missingRun(run, err)
				}
				return p.watch(command.Context(), s, l, newEnding(run, described.execution, l), run)
			})
		},
	}
	addTarget(command, &t)
	p.addJSON(command)
	return command
}

// missingRun is missingFrom for the store of the current folder.
func missingRun(run runRef, err error) error { return missingFrom(defaultStore, run, err) }

// missingFrom names the run that the server does not know, and where its files are, should they be
// in that store.
func missingFrom(store string, run runRef, err error) error {
	if !isNotFound(err) {
		return err
	}
	hint := "starter list shows the runs of a store; starter results reads a run's files without a server"
	if folder, err := runFolder(run.String(), store); err == nil && showsRun(folder) {
		hint = "its files are in " + folder + ": starter run SPEC goes on with them,\n" +
			"starter recover " + folder + " needs no spec; starter results " + folder + " shows what there is"
	}
	return fail(exitNotFound, hint, "the Temporal server knows no run %s", run)
}
