package main

import (
	"github.com/spf13/cobra"
)

func (p *program) resultsCommand() *cobra.Command {
	var store, wanted string
	command := &cobra.Command{
		Use:   "results RUN|DIR",
		Short: "print a run's leaderboard",
		Long: `Prints the leaderboard from the run's files; no server is needed, and the run may still be
going on. RUN is <type>/<run> in --store, DIR the run's folder.

Formats: table and markdown are rounded for reading, csv is model_summary.csv, json has every
digit. Failed counts folds that are planned and not complete.`,
		Example: "  starter results production/veteran\n  starter results outputs/production/veteran --format markdown",
		Args:    exactArgs("RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			f, err := p.format(wanted)
			if err != nil {
				return err
			}
			folder, err := runFolder(args[0], store)
			if err != nil {
				return err
			}
			standings, err := readStandings(command.Context(), folder)
			if err != nil {
				return err
			}
			p.documented = true
			out := p.console.screen(false)
			if err := writeLeaderboard(out, f, standings); err != nil || f == formatCSV || f == formatJSON {
				return err
			}
			selection, err := readSelection(command.Context(), folder)
			if err != nil {
				return err
			}
			writeOptimism(out, selection)
			return nil
		},
	}
	addStore(command, &store)
	addFormat(command, &wanted)
	p.addJSON(command)
	return command
}
