package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

func (p *program) compareCommand() *cobra.Command {
	var store, wanted string
	command := &cobra.Command{
		Use:   "compare RUN|DIR RUN|DIR",
		Short: "compare the models of two runs on the folds they share",
		Long: `Sets the second run (B) beside the first (A): every model that both have, and the best of each
by its own final.select. For each it prints the mean difference B − A of C-index and IBS over the
shared folds with the corrected interval and p-value of Nadeau and Bengio (2003), p adjusted for
all comparisons by that metric (Holm 1979), and which settings of the two specs differ. No server
is needed; a run may still be going on.

Scores can be compared where both runs have the same data, the same rows in each shared fold, and
metrics by the same definitions; otherwise the exit code is 2 and the message says what differs.
Shared folds are those of the same number: a run with more repeats shares those of the other.`,
		Example: "  starter compare production/veteran production/veteran-ridge\n" +
			"  starter compare outputs/production/veteran production/veteran-ridge --format markdown",
		Args: exactArgs("RUN or DIR", "a second RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			f, err := p.format(wanted)
			if err != nil {
				return err
			}
			c, err := compareRuns(command.Context(), args, store)
			if err != nil {
				return err
			}
			p.documented = true
			return c.write(p.console.screen(false), f)
		},
	}
	addStore(command, &store)
	addFormat(command, &wanted)
	p.addJSON(command)
	return command
}

// addFormat gives a command the flag --format.
func addFormat(command *cobra.Command, wanted *string) {
	command.Flags().StringVar(wanted, "format", string(formatTable), "table, csv, json or markdown")
}

// format is what --format and --json ask for.
func (p *program) format(wanted string) (format, error) {
	f, err := parseFormat(wanted)
	if p.json && err == nil {
		f = formatJSON
	}
	return f, err
}

// comparedRun is one of two compared runs.
type comparedRun struct {
	Run       string   `json:"run"`
	Folder    string   `json:"folder"`
	Best      string   `json:"best,omitempty"`
	Select    string   `json:"select"` // by what it is the best
	OnlyHere  []string `json:"only_models,omitempty"`
	OnlyFolds []int    `json:"only_folds,omitempty"`
}

// sharedFolds is what two runs have in common.
type sharedFolds struct {
	DataDigest string `json:"data_digest"`
	Rows       int    `json:"rows"`
	Events     int    `json:"events"`
	Folds      []int  `json:"folds"`
	CIndex     string `json:"cindex"` // what the C-index is: ipcw | harrell
}

// compared is what `compare --json` prints.
type compared struct {
	A           comparedRun                  `json:"a"`
	B           comparedRun                  `json:"b"`
	Shared      sharedFolds                  `json:"shared"`
	Comparisons []app.RunDifference          `json:"comparisons"` // differences are B − A
	Settings    []artifact.SettingDifference `json:"settings"`
}

// compareRuns reads two runs and compares them.
func compareRuns(ctx context.Context, words []string, store string) (*compared, error) {
	var folders [2]string
	var runs [2]*app.ScoredRun
	for i := range folders {
		var err error
		if folders[i], err = runFolder(words[i], store); err != nil {
			return nil, err
		}
		if i == 1 && folders[0] == folders[1] {
			return nil, usageError("starter results "+words[1]+" shows its leaderboard", "both are the same run: %s", folders[1])
		}
		if runs[i], err = app.ReadScores(ctx, folders[i]); err != nil {
			return nil, runError(folders[i], err)
		}
	}
	shared, rows, err := app.CompareRuns(runs[0], runs[1])
	if err != nil {
		return nil, incomparable(runs, err)
	}
	c := &compared{
		A:           comparedSide(folders[0], runs[0], runs[1], shared),
		B:           comparedSide(folders[1], runs[1], runs[0], shared),
		Comparisons: rows, Settings: artifact.SpecDifferences(runs[0].Run.Spec, runs[1].Run.Spec),
	}
	data := runs[0].Run.Data
	c.Shared = sharedFolds{DataDigest: data.Digest, Rows: data.Rows, Events: data.Events, CIndex: runs[0].Run.Spec.Metrics.CIndex}
	for _, f := range shared {
		c.Shared.Folds = append(c.Shared.Folds, f.Index)
	}
	return c, nil
}

func comparedSide(folder string, run, other *app.ScoredRun, shared []artifact.FoldInfo) comparedRun {
	return comparedRun{
		Run: run.Run.Spec.RunID(), Folder: folder, Best: run.Best(), Select: run.Run.Spec.Final.Select,
		OnlyHere: run.OnlyIn(other), OnlyFolds: run.OnlyFolds(shared),
	}
}

// incomparable gives the refusal its exit code and the way out.
func incomparable(runs [2]*app.ScoredRun, err error) error {
	var refused *artifact.NotComparableError
	if !errors.As(err, &refused) {
		return err
	}
	hint := "runs share folds where their specs have the same data and folds sections, and the data have not changed"
	if runs[0].Run.Data.Digest == runs[1].Run.Data.Digest {
		hint += ";\nanother metric setting costs no fit: run one of the specs with the other's metrics section, and its folds are scored again"
	}
	return usageError(hint, "%s and %s: %w", runs[0].Run.Spec.RunID(), runs[1].Run.Spec.RunID(), err)
}

// runError gives an error about a run's folder its exit code and the next step.
func runError(folder string, err error) error {
	var bad *config.Error
	switch {
	case errors.Is(err, app.ErrNotFound) && !errors.Is(err, artifact.ErrDamaged):
		return noRun(folder)
	case errors.As(err, &bad):
		return storeProblem(folder, err)
	}
	return fileError(folder, err)
}

// valueText shows a setting: words without quotes, an absent one as a dash.
func valueText(value json.RawMessage) string {
	var word string
	switch {
	case string(value) == "null":
		return "–"
	case json.Unmarshal(value, &word) == nil:
		return word
	}
	return string(value)
}
