package main

import (
	"github.com/spf13/cobra"

	"everfold/config"
)

func (p *program) schemaCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of a run spec",
		Long: `Prints the JSON Schema (2020-12) of a run spec, for editors and checkers. starter validate
checks more than a schema can say.`,
		Example: "  starter schema > run.schema.json",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			p.documented = true
			_, err := p.console.out.Write(config.Schema())
			return err
		},
	}
	p.addJSON(command) // it is one JSON document anyway
	return command
}
