package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"everfold/workflows"
)

func (p *program) parallelCommand() *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:   "parallel RUN N",
		Short: "change how many fits of a running run go on at once",
		Long: `At most N fits are scheduled at once from now on; fits already going on are left alone. 0 is
the spec's resources.parallel_fits. Workers' slots bound it too.`,
		Example: "  starter parallel production/veteran 4",
		Args:    exactArgs("RUN", "N"),
		RunE: func(command *cobra.Command, args []string) error {
			fits, err := strconv.Atoi(args[1])
			if err != nil || fits < 0 {
				return usageError("", "N is a whole number from 0 (the spec's own), not %q", args[1])
			}
			return p.withRun(command.Context(), t, args[0], func(l *link, run runRef) error {
				now, err := update(command.Context(), l, run, workflows.UpdateSetParallelism, workflows.SetParallelism{Fits: fits})
				if err != nil {
					return err
				}
				return p.report(action{Run: run.String(), Action: "parallel", Fits: &now.Parallel}, fmt.Sprintf("at most %s at once", countOf(now.Parallel, "fit")))
			})
		},
	}
	addTarget(command, &t)
	p.addJSON(command)
	return command
}
