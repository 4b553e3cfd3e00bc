package main

import (
	"errors"
	"path"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// reported is what `report --json` prints.
type reported struct {
	Page string `json:"page"`
	*app.Reported
}

func (p *program) reportCommand() *cobra.Command {
	var store string
	command := &cobra.Command{
		Use:   "report RUN|DIR",
		Short: "write report/index.html from a run's files",
		Long: `Writes report/index.html anew: one page with the leaderboard, scores over time, calibration, what
the models rely on, the data and how the run went, with every picture beside it as .svg and .png.
The page needs no network and no other file. A run writes it at its end; no server is needed here,
and the run may still be going on. What is missing or damaged is left out, and named.

The same files give the same report.`,
		Example: "  starter report production/veteran\n  starter report outputs/production/veteran",
		Args:    exactArgs("RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			folder, err := runFolder(args[0], store)
			if err != nil {
				return err
			}
			done, err := app.Report(command.Context(), folder)
			if err != nil {
				return reportError(folder, err)
			}
			page := folder + "/" + path.Clean(done.Key)
			if p.json {
				return p.document(reported{page, done})
			}
			s := p.console.screen(false)
			for _, problem := range done.Problems {
				s.printf("%s %s\n", label(s, "Left out"), problem)
			}
			s.printf("%s: %s\n", page, countOf(done.Pictures, "picture"))
			return nil
		},
	}
	addStore(command, &store)
	p.addJSON(command)
	return command
}

// reportError gives an error its exit code and the next step.
func reportError(folder string, err error) error {
	var bad *config.Error
	switch {
	case errors.As(err, &bad):
		return usageError("", "%w", err)
	case errors.Is(err, app.ErrNotFound):
		return fail(exitNotFound, "starter list shows the runs of a store", "no %s in %s", artifact.RunKey, folder)
	}
	return fileError(folder, err)
}
