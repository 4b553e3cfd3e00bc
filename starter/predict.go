package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/internal/app"
)

// predictFlags are those of predict.
type predictFlags struct{ store, model, data, out, given string }

func (p *program) predictCommand() *cobra.Command {
	var f predictFlags
	command := &cobra.Command{
		Use:   "predict RUN|DIR --data NEW --out OUT",
		Short: "predict new rows with a stored final model",
		Long: `Predicts every row of NEW with a final model of a finished run; no server is needed. NEW and OUT
end in .csv, .csv.gz or .parquet, and may be s3:// URIs; OUT is replaced once it is complete. The
columns are those of predictions/predictions.csv: id (data.id of the run, else the row number),
survival at the run's horizons, rmst, risk, risk_rank among the rows of NEW, extrapolated.

The stored preprocessing is applied. NEW must have the columns that the model was fitted on, of
the same kinds: a column that is missing, and text where a number is needed, are refused by name.
Levels that the training rows lack count as "(other)" or as the reference level; a warning on
standard error counts them.

--given COLUMN names the time up to which each row is known to be active, in the unit of the run's
times: survival is then S(c+h)/S(c), and rmst the mean of the time left within the same span.
Cells beyond the last observed time are empty, but for weibull_aft, whose law fills them.`,
		Example: "  starter predict production/veteran --data examples/data/veteran.csv --out scored.csv\n" +
			"  starter predict outputs/production/veteran --data examples/data/veteran.csv --given time --out left.parquet",
		Args: exactArgs("RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			return p.predict(command.Context(), args[0], f)
		},
	}
	addStore(command, &f.store)
	flags := command.Flags()
	flags.StringVar(&f.data, "data", "", "the rows to predict: .csv, .csv.gz or .parquet, a path or s3://")
	flags.StringVar(&f.out, "out", "", "the file to write: .csv, .csv.gz or .parquet, a path or s3://")
	flags.StringVar(&f.model, "model", "", "the final model; default: the one that the run's predictions are of")
	flags.StringVar(&f.given, "given", "", "column with the time up to which a row is known to be active")
	p.addJSON(command)
	return command
}

// predicted is what `predict --json` prints.
type predicted struct {
	Out      string         `json:"out"`
	Rows     int            `json:"rows"`
	Bytes    int64          `json:"bytes"`
	Model    string         `json:"model"`
	Type     string         `json:"type"`
	Horizons []float64      `json:"horizons"`
	RMST     float64        `json:"rmst"`
	Last     float64        `json:"last"` // the last observed time of the training rows
	Given    string         `json:"given,omitempty"`
	Unseen   map[string]int `json:"unseen"` // rows with a level that the training rows lack, by column
	Warnings []string       `json:"warnings,omitempty"`
}

func (p *program) predict(ctx context.Context, run string, f predictFlags) error {
	format, err := f.check()
	if err != nil {
		return err
	}
	folder, err := runFolder(run, f.store)
	if err != nil {
		return err
	}
	data, err := absolute(f.data)
	if err != nil {
		return err
	}
	scoring, err := app.Score(ctx, folder, app.ScoreInput{Model: f.model, Data: data, Given: f.given, Threads: runtime.GOMAXPROCS(0)})
	if err != nil {
		return scoreError(folder, f, err)
	}
	for _, warning := range scoring.Warnings {
		s := screen{Writer: p.console.err, live: p.console.errLive}
		s.printf("%s %s\n", label(s, "Warning"), warning)
	}
	bytes, err := f.write(ctx, func(w io.Writer) error {
		if err := scoring.Write(ctx, w, format); err != nil {
			return app.ScoreError(ctx, err)
		}
		return nil
	})
	if err != nil {
		return scoreError(folder, f, err)
	}
	if p.json {
		return p.document(predicted{Out: f.out, Rows: scoring.Rows, Bytes: bytes, Model: scoring.Model, Type: scoring.Type, Horizons: scoring.Horizons,
			RMST: scoring.RMST, Last: scoring.Last, Given: f.given, Unseen: scoring.Unseen, Warnings: scoring.Warnings})
	}
	p.console.screen(false).printf("%s: %s by %s, %d bytes\n", f.out, countOf(scoring.Rows, "row"), scoring.Model, bytes)
	return nil
}

// check refuses flags that cannot do, before anything is read.
func (f predictFlags) check() (dataset.Format, error) {
	for _, flag := range []struct{ name, value string }{{"data", f.data}, {"out", f.out}} {
		if flag.value == "" {
			return "", usageError("starter predict --help has examples", "--%s is missing", flag.name)
		}
	}
	if f.model != "" && !config.IsModelName(f.model) {
		return "", usageError("names are those of models in the spec", "--model %q is not the name of a model", f.model)
	}
	if _, err := dataset.FormatOf(f.data); err != nil {
		return "", usageError("", "--data %w", err)
	}
	if path, local := config.LocalPath(f.data); local && missing(path) {
		return "", usageError("", "--data %s does not exist (looked in %s)", f.data, folderOf(f.data))
	}
	format, err := dataset.FormatOf(f.out)
	if err != nil {
		return "", usageError("", "--out %w", err)
	}
	if path, local := config.LocalPath(f.out); local {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return "", usageError("create that folder first", "write %s: no folder %s", f.out, filepath.Dir(path))
		}
	}
	return format, nil
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// write writes the predictions, whole or not at all, and tells how many bytes they are.
func (f predictFlags) write(ctx context.Context, write func(io.Writer) error) (int64, error) {
	path, local := config.LocalPath(f.out)
	if !local {
		return app.WriteData(ctx, f.out, write)
	}
	return replaceFile(path, write)
}

// scoreError gives an error of predict its exit code and the next step.
func scoreError(folder string, f predictFlags, err error) error {
	var refused *app.PreparationError
	missing := errors.Is(err, app.ErrNotFound) && !errors.Is(err, artifact.ErrDamaged) // a part that is missing is damage
	switch {
	case missing && !hasRun(folder):
		return noRun(folder)
	case missing && f.model == "":
		return fail(exitNotFound, "starter list shows the runs of a store; --model NAME takes a model from before the run's end",
			"no finished run in %s: %w", folder, err)
	case missing:
		finals := finalsOf(folder)
		return fail(exitNotFound, hints(didYouMean(f.model, finals), listed("final models there", finals), "final.models in the spec says which are fitted"),
			"no final model %s in %s", f.model, folder)
	case errors.As(err, &refused):
		code := applicationCode(refused.Type)
		hint := ""
		if code == exitCorrupt {
			hint = remade(folder)
		}
		return fail(code, hint, "%w", err)
	}
	return fmt.Errorf("write %s: %w", f.out, err)
}
