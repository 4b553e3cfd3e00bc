package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"everfold/examples"
)

func (p *program) quickstartCommand() *cobra.Command {
	var spec specFlags
	var embedded bool
	command := &cobra.Command{
		Use:   "quickstart",
		Short: "run on the shipped real data; nothing else is needed",
		Long: `Starts the pinned Temporal dev server on loopback, a worker, and a run on 52,410 real hard
drives. Results go to outputs/ in the current folder; the server's database, the spec and the
data to $EVERFOLD_HOME (default ~/.everfold).

Kill it at any instant and type it again: it goes on where it was.`,
		Example: "  starter quickstart",
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			path, err := installExamples(p.console.getenv)
			if err != nil {
				return err
			}
			loaded, err := spec.load(path)
			if err != nil {
				return err
			}
			return p.drive(command.Context(), drive{spec: loaded, embedded: embedded})
		},
	}
	spec.add(command)
	command.Flags().BoolVar(&embedded, "embedded", true, "use a Temporal server and worker of its own; =false takes the configured server")
	p.addJSON(command)
	return command
}

// installExamples puts the shipped spec and data where a worker can read them, whatever the
// current folder is, and returns the spec's path.
func installExamples(getenv func(string) string) (string, error) {
	home, err := everfoldHome(getenv)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(home, "quickstart")
	if err := examples.Install(dir); err != nil {
		return "", fail(exitUnreachable, "make the folder writable, or name another by EVERFOLD_HOME", "install the shipped data: %w", err)
	}
	return filepath.Join(dir, examples.Quickstart), nil
}

// everfoldHome is $EVERFOLD_HOME, or ~/.everfold, as an absolute path.
func everfoldHome(getenv func(string) string) (string, error) {
	if home := getenv("EVERFOLD_HOME"); home != "" {
		return filepath.Abs(home)
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", usageError("set EVERFOLD_HOME to a folder", "find the home folder: %w", err)
	}
	return filepath.Join(user, ".everfold"), nil
}
