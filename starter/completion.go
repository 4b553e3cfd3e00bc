package main

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"
)

func (p *program) completionCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "completion SHELL",
		Short: "print a completion script for bash, zsh, fish or powershell",
		Long: `Prints a completion script. It completes commands and flags, the runs of the store, the models
of a run, and spec files. To have it now, and from the next login on:

  bash        source <(starter completion bash)
              starter completion bash > ~/.local/share/bash-completion/completions/starter
  zsh         source <(starter completion zsh)
              starter completion zsh > "${fpath[1]}/_starter"
  fish        starter completion fish | source
              starter completion fish > ~/.config/fish/completions/starter.fish
  powershell  starter completion powershell | Out-String | Invoke-Expression`,
		Example:   "  starter completion bash\n  starter completion zsh > _starter",
		Args:      exactArgs("SHELL"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(command *cobra.Command, args []string) error {
			var script bytes.Buffer
			if err := writeCompletion(command.Root(), &script, args[0]); err != nil {
				return err
			}
			if p.json {
				return p.document(completionScript{Shell: args[0], Script: script.String()})
			}
			_, err := p.console.out.Write(script.Bytes())
			return err
		},
	}
	p.addJSON(command)
	return command
}

// completionScript is what `completion --json` prints.
type completionScript struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func writeCompletion(root *cobra.Command, out io.Writer, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(out)
	}
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return usageError(didYouMean(shell, shells), "no completion for %q: bash, zsh, fish or powershell", shell)
}
