package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

func (p *program) listCommand() *cobra.Command {
	var store, kind string
	command := &cobra.Command{
		Use:   "list",
		Short: "list the runs of a store",
		Long: `Lists every run that has begun in the store: when it was last started, and how many of its
planned folds are there. No server is needed; starter status RUN asks the server.`,
		Example: "  starter list\n  starter list --store outputs --type production --json",
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			if kind != "" && kind != string(config.Sample) && kind != string(config.Production) {
				return usageError("", "--type %q is not known: sample or production", kind)
			}
			uri, err := storeURI(store)
			if err != nil {
				return err
			}
			s, err := (&app.Stores{}).Open(command.Context(), config.Store{URI: uri})
			if err != nil {
				return storeProblem(uri, err)
			}
			all, err := artifact.List(command.Context(), s)
			if err != nil {
				return fileError(uri, err)
			}
			runs := []artifact.RunInfo{}
			for _, r := range all {
				if kind == "" || kind == string(r.Type) {
					runs = append(runs, r)
				}
			}
			if p.json {
				return p.document(runs)
			}
			presentRuns(p.console.screen(false), uri, runs)
			return nil
		},
	}
	addStore(command, &store)
	command.Flags().StringVar(&kind, "type", "", "only runs of this type: sample or production")
	p.addJSON(command)
	return command
}

func presentRuns(s screen, store string, runs []artifact.RunInfo) {
	if len(runs) == 0 {
		s.printf("no runs in %s%s\n", store, absent(store))
		return
	}
	t := newTable(s.live)
	t.AppendHeader(table.Row{"Run", "Started", "Folds", "Problem"})
	for _, r := range runs {
		started := "–"
		if !r.Updated.IsZero() {
			started = r.Updated.Local().Format("2006-01-02 15:04")
		}
		t.AppendRow(table.Row{string(r.Type) + "/" + r.Run, started, fmt.Sprintf("%d of %d", r.Present, r.Planned), r.Problem})
	}
	rightAlign(t, "Folds")
	s.printf("%s\n", t.Render())
}
