package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"everfold/logging"
)

// program is one invocation of the starter.
type program struct {
	console    *console
	services   services
	json       bool // standard output is for one JSON document
	documented bool // that document has been written
	parsed     bool // the command line was understood; errors are the command's from here on
	verbose    bool
	args       []string // the command line
	drives     bool     // the command line starts a run: typed again, it goes on
}

// main runs the command line and returns the exit code.
func (p *program) main(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	p.args = args
	err := root.ExecuteContext(ctx)
	if err != nil && !p.parsed {
		err = misread(root, args, err)
		p.json = p.json || asksJSON(args)
	}
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fail(code, "nothing was lost: type it again", "interrupted")
	}
	err = noServerError(err)
	p.console.reportError(err)
	if p.json && !p.documented {
		document := ending{Outcome: outcomeFailed, ExitCode: code, Error: err.Error(), Hint: hintOf(err)}
		if err := writeJSON(p.console.out, document); err != nil {
			p.console.reportError(err)
		}
	}
	return code
}

// document writes the one JSON document of --json.
func (p *program) document(v any) error {
	p.documented = true
	return writeJSON(p.console.out, v)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starter",
		Short: "survival models, trained durably: start runs and look after them",
		Long: `everfold trains survival models as a durable Temporal workflow: a completed fold is never
trained again, whatever crashes. starter starts runs and looks after them.

Exit codes: 0 done, 1 failed or cancelled, 2 bad usage, spec or data, 3 finished but some model
failed, 4 run or artifact not found, 5 Temporal, store or data source unreachable, 6 artifact
failed verification, 130 interrupted.`,
		Example:           "  starter quickstart\n  starter run examples/veteran.yaml --embedded",
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRun:  func(*cobra.Command, []string) { p.parsed = true; p.setLogger() },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetOut(p.console.out)
	root.SetErr(p.console.err)
	root.PersistentFlags().BoolVarP(&p.verbose, "verbose", "v", false, "log what the starter does on standard error")
	root.AddCommand(
		p.quickstartCommand(), p.runCommand(), p.planCommand(), p.validateCommand(), p.schemaCommand(),
		p.listCommand(), p.statusCommand(), p.watchCommand(), p.resultsCommand(), p.compareCommand(), p.summaryCommand(), p.recoverCommand(), p.reportCommand(), p.predictCommand(),
		p.doctorCommand(), p.trackCommand(), p.dataCommand(), p.codecCommand(),
		p.cancelCommand(), p.skipCommand(), p.parallelCommand(),
		p.scheduleCommand(), p.pruneCommand(),
		p.versionCommand(), p.completionCommand(),
	)
	addGroups(root)
	addCompletions(root)
	return root
}

// setLogger sends the libraries' records to standard error: warnings, or everything with
// --verbose.
func (p *program) setLogger() {
	level := slog.LevelError
	if p.verbose {
		level = slog.LevelInfo
	}
	slog.SetDefault(slog.New(logging.Terminal(p.console.log(), level, p.console.errLive)))
}

// addJSON gives a command the flag --json.
func (p *program) addJSON(command *cobra.Command) {
	command.Flags().BoolVar(&p.json, "json", false, "write one JSON document on standard output; everything else goes to standard error")
}

// exactArgs wants exactly the named arguments, and names the missing ones.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError("usage: "+command.UseLine(), "%s needs %s", command.CommandPath(), names[len(args)])
		}
		if len(args) > len(names) {
			return usageError("usage: "+command.UseLine(), "%s takes %s, not %q too", command.CommandPath(), countOf(len(names), "argument"), args[len(names)])
		}
		return nil
	}
}
