package main

import (
	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

func (p *program) summaryCommand() *cobra.Command {
	var store string
	command := &cobra.Command{
		Use:   "summary RUN|DIR",
		Short: "rebuild model_summary.csv from model_metrics.csv",
		Long: `Computes artifacts/model_summary.csv anew from artifacts/model_metrics.csv and prints it. No
server is needed. Where model_metrics.csv is missing the exit code is 4.`,
		Example: "  starter summary outputs/production/veteran",
		Args:    exactArgs("DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			folder, err := runFolder(args[0], store)
			if err != nil {
				return err
			}
			s, err := (&app.Stores{}).Open(command.Context(), config.Store{URI: folder})
			if err != nil {
				return storeProblem(folder, err)
			}
			standings, err := artifact.RebuildSummary(command.Context(), s)
			if err != nil {
				return fileError(folder, err)
			}
			if p.json {
				return p.document(standings)
			}
			out := p.console.screen(false)
			if err := writeLeaderboard(out, formatTable, standings); err != nil {
				return err
			}
			out.printf("\n%s %s/%s\n", label(out, "Wrote"), folder, artifact.SummaryKey)
			return nil
		},
	}
	addStore(command, &store)
	p.addJSON(command)
	return command
}
