package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"everfold/dataset"
	"everfold/dataset/synthetic"
)

// productionRows is the size of the table that everfold is measured on.
const productionRows = 287_013

// mostRows is what the reader takes by default.
const mostRows = 100_000_000

func (p *program) dataCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "data",
		Short: "make a synthetic table",
		Args:  aCommand,
		RunE:  aCommand, // not reached: no argument is right
	}
	command.AddCommand(p.generateCommand())
	return command
}

func (p *program) generateCommand() *cobra.Command {
	var table synthetic.Table
	var out string
	command := &cobra.Command{
		Use:   "generate --rows N --seed S --out FILE",
		Short: "write the synthetic production-shaped table",
		Long: `Writes a synthetic table of customers who leave or stay: a key, nine numeric columns, two of
levels, survival_months and is_terminated; about 55 % events and 3,600 distinct times. The end
of the name says the format: .csv, .csv.gz or .parquet. The same rows and seed give the same
bytes on every machine, and fewer rows are the beginning of more. A file in that place is
replaced once the new one is complete.`,
		Example: "  starter data generate --rows 20000 --seed 1 --out churn.csv\n  starter data generate --out churn.parquet",
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			return p.generate(command.Context(), table, out)
		},
	}
	flags := command.Flags()
	flags.IntVar(&table.Rows, "rows", productionRows, "number of rows")
	flags.Uint64Var(&table.Seed, "seed", 1, "seed of all random numbers")
	flags.StringVar(&out, "out", "", "the file to write")
	p.addJSON(command)
	return command
}

// generated is what `data generate --json` prints.
type generated struct {
	Out   string `json:"out"`
	Rows  int    `json:"rows"`
	Seed  uint64 `json:"seed"`
	Bytes int64  `json:"bytes"`
}

func (p *program) generate(ctx context.Context, table synthetic.Table, out string) error {
	if table.Rows < 1 || table.Rows > mostRows {
		return usageError("", "--rows %d: allowed are 1 to %d", table.Rows, mostRows)
	}
	if out == "" {
		return usageError("such as --out churn.csv", "--out is missing: the file to write")
	}
	format, err := dataset.FormatOf(out)
	if err != nil {
		return usageError("", "--out %w", err)
	}
	write := map[dataset.Format]func(context.Context, io.Writer) error{
		dataset.CSV: table.WriteCSV, dataset.CSVGzip: table.WriteGzip, dataset.Parquet: table.WriteParquet,
	}[format]
	bytes, err := replaceFile(out, func(w io.Writer) error { return write(ctx, w) })
	if errors.Is(err, os.ErrNotExist) {
		return usageError("create that folder first", "write %s: no folder %s", out, filepath.Dir(out))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if p.json {
		return p.document(generated{Out: out, Rows: table.Rows, Seed: table.Seed, Bytes: bytes})
	}
	p.console.screen(false).printf("%s: %s, %d bytes\n", out, countOf(table.Rows, "row"), bytes)
	return nil
}

// replaceFile writes a file so that it appears whole or not at all, and tells its size.
func replaceFile(path string, write func(io.Writer) error) (size int64, err error) {
	partial, err := os.CreateTemp(filepath.Dir(path), ".everfold-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(partial.Name()) // gone already when all went well
	if err = write(partial); err == nil {
		size, err = partial.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		err = partial.Chmod(0o644)
	}
	if err == nil {
		err = partial.Sync()
	}
	if closeErr := partial.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(partial.Name(), path)
	}
	return size, err
}
