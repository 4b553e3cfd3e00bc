package main

import (
	"github.com/spf13/cobra"

	"everfold/internal/app"
)

func (p *program) versionCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "version",
		Short:   "print which code this is",
		Example: "  starter version\n  starter version --json",
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if p.json {
				return p.document(app.Build())
			}
			p.console.screen(false).printf("everfold %s\n", app.Build())
			return nil
		},
	}
	p.addJSON(command)
	return command
}
