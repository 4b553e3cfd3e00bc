package main

import "github.com/spf13/cobra"

// groups are the commands by what one wants, in the order of the help.
var groups = []struct {
	title    string
	commands []string
}{
	{"Train:", []string{"quickstart", "run", "plan", "validate", "schema", "schedule"}},
	{"See how it goes, and what came out:", []string{"list", "status", "watch", "results", "compare", "report"}},
	{"Step in:", []string{"cancel", "skip", "parallel", "recover", "summary", "prune"}},
	{"Use what was trained:", []string{"predict", "track"}},
	{"This installation:", []string{"doctor", "data", "codec", "completion", "version", "help"}},
}

// addGroups orders the help by groups. A command that is in none comes last.
func addGroups(root *cobra.Command) {
	cobra.EnableCommandSorting = false
	for _, g := range groups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, name := range g.commands {
			if c, _, err := root.Find([]string{name}); err == nil && c != root {
				c.GroupID = g.title
			}
		}
	}
	root.SetHelpCommandGroupID(groups[len(groups)-1].title)
}
