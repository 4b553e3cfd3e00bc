package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// commandsOf are all commands that can be run, with their paths.
func commandsOf(root *cobra.Command) map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() {
			all[strings.TrimPrefix(c.CommandPath(), "starter ")] = c
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" {
				walk(sub)
			}
		}
	}
	walk(root)
	return all
}

// Claim: every command says what it does, in one line and in full, has an example that begins
// with its own name (testsuite/e2e runs them all), and takes --json.
func TestEveryCommand(t *testing.T) {
	all := commandsOf(prepared(nil).program.root())
	require.Greater(t, len(all), 18)
	for path, c := range all {
		require.NotEmpty(t, c.Short, path)
		require.NotEmpty(t, c.Long+c.Short, path)
		require.NotEmpty(t, c.Example, "%s has no example", path)
		for example := range strings.Lines(c.Example) {
			require.True(t, strings.HasPrefix(example, "  starter "+path), "%s: %s", path, example)
		}
		require.NotNil(t, c.Flags().Lookup("json"), "%s has no --json", path)
		require.NotNil(t, c.RunE, path)
	}
}

// Claim: the help shows every command in a group, and the groups name no other.
func TestGroups(t *testing.T) {
	i, code := invoke(nil, "--help")
	require.Zero(t, code)
	require.NotContains(t, i.out.String(), "Additional Commands:")
	root := prepared(nil).program.root()
	root.InitDefaultHelpCmd()
	var there, named []string
	for _, c := range root.Commands() {
		there = append(there, c.Name())
	}
	for _, g := range groups {
		require.Contains(t, i.out.String(), "\n"+g.title+"\n")
		named = append(named, g.commands...)
	}
	require.ElementsMatch(t, there, named)
}

// Claim: with --json every command's refusal of a command line is exactly one JSON document on
// standard output with the exit code, the error and what to do; the words for people are on
// standard error.
func TestEveryErrorIsADocument(t *testing.T) {
	lines := [][]string{{"resluts", "--json"}, {"--json"}}
	for path := range commandsOf(prepared(nil).program.root()) {
		words := strings.Fields(path)
		lines = append(lines, append(words, "--no-such-flag", "--json"), append(words, "a", "b", "c", "d", "--json"))
	}
	for _, args := range lines {
		i, code := invoke(nil, args...)
		require.Equal(t, exitUsage, code, args)
		require.True(t, strings.HasPrefix(i.err.String(), "everfold: "), "%v: %s", args, i.err.String())
		decoder := json.NewDecoder(&i.out)
		var document ending
		require.NoError(t, decoder.Decode(&document), args)
		require.False(t, decoder.More(), args)
		require.Equal(t, []any{outcomeFailed, exitUsage}, []any{document.Outcome, document.ExitCode}, args)
		require.NotEmpty(t, document.Error, args)
		require.NotEmpty(t, document.Hint, args)
	}
}

// Claim: arguments are completed from the files: runs of the store, models of a run, spec
// files; flags from their values.
func TestCompletion(t *testing.T) {
	twoRuns(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"results", ""}, "production/base\nproduction/ridge\n:0\n"},
		{[]string{"watch", ""}, "production/base\nproduction/ridge\n:4\n"},
		{[]string{"compare", "production/base", ""}, "production/base\nproduction/ridge\n:0\n"},
		{[]string{"skip", "production/base", ""}, "cox_ph\nweibull_aft\nkm\n:4\n"},
		{[]string{"run", ""}, "yaml\nyml\njson\n:8\n"},
		{[]string{"watch", "production/base", ""}, ":4\n"},
		{[]string{"results", "--format", ""}, "table\ncsv\njson\nmarkdown\n:4\n"},
		{[]string{"results", "--store", "nowhere", ""}, ":0\n"},
	} {
		i, code := invoke(nil, append([]string{"__complete"}, c.args...)...)
		require.Zero(t, code, c.args)
		require.Equal(t, c.want, i.out.String(), c.args)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		i, code := invoke(nil, "completion", shell)
		require.Zero(t, code)
		require.Contains(t, i.out.String(), "__complete", shell)
	}
	i, code := invoke(nil, "completion", "fihs")
	require.Equal(t, exitUsage, code)
	require.Contains(t, i.err.String(), "did you mean fish?")
}
