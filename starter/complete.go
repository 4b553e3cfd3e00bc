package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// addCompletions gives every command below root completion of its arguments, by the words of
// its usage line, and of the flags that have a set of values.
func addCompletions(root *cobra.Command) {
	for _, c := range root.Commands() {
		addCompletions(c)
		if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 {
			c.ValidArgsFunction = completeArguments(argumentsOf(c.Use))
		}
		for flag, complete := range flagCompletions {
			if c.Flags().Lookup(flag) != nil {
				_ = c.RegisterFlagCompletionFunc(flag, complete) // it fails where there is one already
			}
		}
	}
}

// argumentsOf are the arguments of a usage line: "results RUN|DIR --format F" has one.
func argumentsOf(use string) []string {
	words := strings.Fields(use)[1:]
	if end := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(strings.Trim(w, "["), "--") }); end >= 0 {
		words = words[:end]
	}
	return words
}

// completeArguments completes runs, models and files, from the files alone: asking a server
// would keep the shell waiting.
func completeArguments(arguments []string) cobra.CompletionFunc {
	return func(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(arguments) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		switch strings.Trim(arguments[len(args)], "[]") {
		case "SPEC":
			return []string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt
		case "RUN":
			return runsOf(storeFlag(command)), cobra.ShellCompDirectiveNoFileComp
		case "RUN|DIR", "DIR":
			return runsOf(storeFlag(command)), cobra.ShellCompDirectiveDefault
		case "MODEL":
			return runModels(args, storeFlag(command)), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// storeFlag is the store that a command line names.
func storeFlag(command *cobra.Command) string {
	if f := command.Flags().Lookup("store"); f != nil {
		return cmp.Or(f.Value.String(), defaultStore)
	}
	return defaultStore
}

// runModels are the models of the run that the arguments begin with.
func runModels(args []string, store string) []string {
	if len(args) == 0 {
		return nil
	}
	folder, err := runFolder(args[0], store)
	if err != nil {
		return nil
	}
	ctx, cancel := briefly()
	defer cancel()
	s, err := (&app.Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil
	}
	run, _, err := artifact.ReadRun(ctx, s)
	if err != nil {
		return nil
	}
	return run.SummaryPlan().Models
}

var flagCompletions = map[string]cobra.CompletionFunc{
	"format": cobra.FixedCompletions([]string{"table", "csv", "json", "markdown"}, cobra.ShellCompDirectiveNoFileComp),
	"type":   cobra.FixedCompletions([]string{string(config.Production), string(config.Sample)}, cobra.ShellCompDirectiveNoFileComp),
	"overlap": cobra.FixedCompletions([]string{"skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other", "allow-all"},
		cobra.ShellCompDirectiveNoFileComp),
	"store": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	},
	"model": func(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return runModels(args, storeFlag(command)), cobra.ShellCompDirectiveNoFileComp
	},
}
