package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"everfold/config"
	"everfold/internal/app"
)

func (p *program) validateCommand() *cobra.Command {
	var spec specFlags
	var withData bool
	command := &cobra.Command{
		Use:   "validate SPEC",
		Short: "check a spec, and with --data its data, without starting anything",
		Long: `Checks SPEC by every rule of the contract and names what is wrong, with its line and what is
allowed. --data reads the data too, as a run would: columns, times, events, folds, and the rows of
final.data. No server is needed.`,
		Example: "  starter validate examples/hdfail.yaml\n  starter validate examples/veteran.yaml --data --json",
		Args:    exactArgs("SPEC"),
		RunE: func(command *cobra.Command, args []string) error {
			loaded, err := spec.load(args[0])
			if err != nil {
				return err
			}
			checked, err := validate(command.Context(), loaded, withData)
			if err != nil {
				return err
			}
			checked.Spec = args[0]
			if p.json {
				return p.document(checked)
			}
			checked.present(p.console.screen(false))
			return nil
		},
	}
	spec.add(command)
	command.Flags().BoolVar(&withData, "data", false, "read and check the data too")
	p.addJSON(command)
	return command
}

// validation is what `validate` found out about a good spec.
type validation struct {
	Spec     string      `json:"spec"`
	Run      string      `json:"run"`
	Digest   string      `json:"spec_digest"`
	Models   int         `json:"models"`
	Warnings []string    `json:"warnings,omitempty"`
	Data     *dataReport `json:"data,omitempty"`
}

// dataReport is the data as a run would take it.
type dataReport struct {
	RowsRead int            `json:"rows_read"`
	Rows     int            `json:"rows"` // used
	Events   int            `json:"events"`
	Folds    int            `json:"folds"`
	Dropped  []droppedRows  `json:"dropped,omitempty"`
	Columns  []columnReport `json:"columns"`
	Predict  *predictReport `json:"predict,omitempty"` // with final.data
}

// predictReport is final.data as a run would take it.
type predictReport struct {
	Data   string `json:"data"`
	Rows   int    `json:"rows"`
	Digest string `json:"digest"`
}

type droppedRows struct {
	Reason string  `json:"reason"`
	Rows   int     `json:"rows"`
	Events int     `json:"events"`
	Share  float64 `json:"events_share"` // of all events read
}

type columnReport struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	How     string `json:"how"` // declared or inferred
	Missing int    `json:"missing"`
}

func validate(ctx context.Context, spec *config.Spec, withData bool) (*validation, error) {
	v := &validation{Run: spec.RunID(), Digest: spec.Digest(), Models: len(spec.AllModels())}
	if !withData {
		return v, nil
	}
	data, err := app.CheckData(ctx, spec)
	if err != nil {
		return nil, planError(err)
	}
	v.Data = &dataReport{
		RowsRead: data.Profile.RowsRead, Rows: data.Table.Rows(), Events: data.Table.Outcome.Events(), Folds: len(data.Folds),
	}
	for _, d := range data.Profile.Dropped {
		v.Data.Dropped = append(v.Data.Dropped, droppedRows{d.Reason, d.Rows, d.Events, d.Share})
	}
	for _, c := range data.Profile.Columns {
		v.Data.Columns = append(v.Data.Columns, columnReport{c.Name, c.Role, c.How, c.Missing})
	}
	for _, w := range data.Profile.Warnings {
		v.Warnings = append(v.Warnings, w.Message)
	}
	if f := data.Final; f != nil {
		v.Data.Predict = &predictReport{Data: spec.Final.Data, Rows: f.Rows, Digest: f.Digest}
		v.Warnings = append(v.Warnings, f.Warnings...)
	}
	return v, nil
}

func (v *validation) present(s screen) {
	s.printf("%s is good: %s, %s with the baseline\n", v.Spec, v.Run, countOf(v.Models, "model"))
	if v.Data != nil {
		v.Data.present(s)
	}
	for _, warning := range v.Warnings {
		s.printf("%s %s\n", label(s, "Warning"), warning)
	}
}

func (d *dataReport) present(s screen) {
	s.printf("%s %s of %d read, %s, %s\n", label(s, "Data"), countOf(d.Rows, "row"), d.RowsRead, countOf(d.Events, "event"), countOf(d.Folds, "fold"))
	for _, drop := range d.Dropped {
		s.printf("%s %s with %s (%.3g %% of all): %s\n", label(s, "Dropped"), countOf(drop.Rows, "row"), countOf(drop.Events, "event"), 100*drop.Share, drop.Reason)
	}
	if f := d.Predict; f != nil {
		s.printf("%s %s of %s, with every column that is needed\n", label(s, "Predict"), countOf(f.Rows, "row"), f.Data)
	}
	t := newTable(s.live)
	t.AppendHeader(table.Row{"Column", "Role", "How", "Missing"})
	for _, c := range d.Columns {
		missing := ""
		if c.Missing > 0 {
			missing = fmt.Sprint(c.Missing)
		}
		t.AppendRow(table.Row{c.Name, c.Role, c.How, missing})
	}
	rightAlign(t, "Missing")
	s.printf("%s\n", t.Render())
}
