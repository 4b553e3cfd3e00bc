// Command versus compares everfold with the fastest public implementation of each model: both
// fit the same files in the same run, in processes of their own, in turns. It reports medians,
// their ratio, peak memory, and the held-out C and integrated Brier score of both, by one judge,
// so that speed is never bought with accuracy. Then it fits everfold on one thread and two, and
// on growing tables.
//
//	versus [-quick] [-runs N] [-only PATTERN] [-keep] [-first N] [-results FILE] [-page FILE]
//
// Results go to a JSON file, and as tables into the page between its markers. With -keep the lines
// of that file stay which are not measured now; with -first N, too, the runs of this time are those
// from number N on, and join the earlier ones of their line. Peers are the
// programs of bench/peers; install.sh there gets them. Run by make bench and make bench-quick.
//
// Non-goals: tuning either side, and other data.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"

	"everfold/bench/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "versus:", err)
		os.Exit(1)
	}
}

// options are the command line's.
type options struct {
	quick         bool
	runs, first   int
	only          *regexp.Regexp
	keep          bool
	results, page string
}

func run(ctx context.Context) error {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "small tables, in minutes")
	flag.IntVar(&o.runs, "runs", 3, "runs of each side")
	flag.IntVar(&o.first, "first", 0, "with -keep: the number of the first run of a comparison")
	only := flag.String("only", "", "only lines whose names match this regular expression")
	flag.BoolVar(&o.keep, "keep", false, "keep the other lines of the results file")
	flag.StringVar(&o.results, "results", "bench/results/peers.json", "the results file")
	flag.StringVar(&o.page, "page", "", "the page whose tables are replaced; empty: they are printed")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	r := describe(o)
	if err := l.measure(ctx, o, r); err != nil {
		return err
	}
	if o.keep {
		if err := r.keep(o.results, o.first > 0); err != nil {
			return err
		}
	}
	if err := page.Save(o.results, r); err != nil {
		return err
	}
	return page.Publish(o.page, "versus", r.tables())
}

// measure fills in all lines that are wanted.
func (l *lab) measure(ctx context.Context, o options, r *results) (err error) {
	for _, s := range scenarios(o.quick) {
		if !o.only.MatchString(s.name) {
			continue
		}
		c, err := l.compare(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.Comparisons = append(r.Comparisons, c)
		fmt.Fprintln(os.Stderr, c.line())
	}
	if r.Threads, err = l.threading(ctx, o); err != nil {
		return err
	}
	r.Growth, err = l.growth(ctx, o)
	return err
}

// lab is a folder with everfold's side built in it, and the peers.
type lab struct {
	dir, solo, peers, python string
	threads, runs, first     int
}

func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "everfold-versus-*")
	if err != nil {
		return nil, err
	}
	peers, err := filepath.Abs("bench/peers")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, solo: filepath.Join(dir, "solo"), peers: peers, threads: 2, runs: o.runs, first: o.first}
	if l.python, err = filepath.Abs(".cache/peers/bin/python"); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", l.solo, "./bench/solo").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build ./bench/solo: %w\n%s", err, out)
	}
	return l, nil
}
