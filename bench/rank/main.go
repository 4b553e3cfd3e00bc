package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"everfold/config"
)

// options are the program's flags.
type options struct {
	entry, data, results, page, table string
	workers                           int
	fit                               bool
	models                            string
}

func main() {
	var o options
	flag.StringVar(&o.entry, "entry", "bench/rank/entry.yaml", "models, the first of which is ranked, and preprocessing")
	flag.StringVar(&o.data, "data", "testdata/burk", "folder of the data sets")
	flag.StringVar(&o.results, "results", "bench/rank/results.csv", "scores of every fold, read and added to")
	flag.StringVar(&o.page, "page", "docs/RANKING.md", "the page to write")
	flag.StringVar(&o.table, "table", "bench/rank/ranks.csv", "the table to write")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "folds fitted at a time")
	flag.BoolVar(&o.fit, "fit", true, "fit what is missing; false writes the tables from what there is")
	flag.StringVar(&o.models, "models", "", "fit these models alone, separated by commas")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		slog.Error("rank", "error", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	e, err := readEntry(o.entry)
	if err != nil {
		return err
	}
	specs, err := e.specs(o.data)
	if err != nil {
		return err
	}
	if o.fit {
		if err := o.fitMissing(ctx, specs); err != nil {
			return err
		}
	}
	s, err := o.study(specs)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.page, []byte(s.page()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(o.table, []byte(s.table()), 0o644)
}

func (o options) fitMissing(ctx context.Context, specs map[string]*config.Spec) error {
	have, err := readResults(o.results)
	if err != nil {
		return err
	}
	todo, err := plan(ctx, specs, have)
	if err != nil {
		return err
	}
	if o.models != "" {
		todo = only(todo, strings.Split(o.models, ","))
	}
	if err := writeResults(o.results, have); err != nil {
		return err
	}
	j, err := openJournal(o.results)
	if err != nil {
		return err
	}
	err = fitAll(ctx, todo, o.workers, j)
	if closed := j.close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if have, err = readResults(o.results); err != nil {
		return err
	}
	return writeResults(o.results, have)
}

// study brings together the results of the models of the specs and the published means.
func (o options) study(specs map[string]*config.Spec) (study, error) {
	s := study{folds: map[string]int{}, published: map[string]scores{}}
	var err error
	if s.results, err = readResults(o.results); err != nil {
		return s, err
	}
	for t := range s.results {
		s.folds[t.Set] = max(s.folds[t.Set], t.Fold+1)
	}
	for _, spec := range specs {
		s.entry, s.others = spec.Models[0].Name, nil
		for _, m := range spec.AllModels()[1:] {
			s.others = append(s.others, m.Name)
		}
	}
	for _, m := range []measure{harrell, ibs} {
		if s.published[m.Name], err = readPublished(o.data+"/published_means.csv", m); err != nil {
			return s, err
		}
	}
	return s, nil
}
