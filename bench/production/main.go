// Command production measures the production job as it is run: examples/production.yaml on its
// synthetic table through the built programs, on the embedded server.
//
//	production [-quick | -rows N] [-kill] [-samples] [-keep DIR] [-results FILE] [-page FILE]
//	production -again [-results FILE] [-page FILE]
//
// It reports the wall time of the whole run, the seconds inside fits, the peak memory of each
// program, and what orchestration, store and tracking add to the bare fits: the same fits, in the
// order in which they began and on the same slots, by library calls in one process, in the same
// invocation. With -kill it runs the job once more, kills the worker in the middle of the longest
// fit, and reports what that lost, and whether every artifact has the bytes of the first run.
// With -samples perf looks on, and what the run does beyond its fits is told apart by stacks, less
// what the fits alone take for the same: the speed of a machine changes by more from one run to the next.
// With -again it measures nothing and tells what the results file holds.
//
// Preconditions: the repository's root as current folder, bin/temporal, Linux (memory and
// processor time are read from /proc), and a machine that does nothing else.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"everfold/bench/page"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "production:", err)
		os.Exit(1)
	}
}

// productionRows is the size of the production table, quickRows that of -quick.
const productionRows, quickRows = 287_013, 20_000

func run(ctx context.Context) error {
	quick := flag.Bool("quick", false, "a small table, in a minute or two")
	rows := flag.Int("rows", productionRows, "the size of the table")
	kill := flag.Bool("kill", false, "kill the worker in the middle of the longest fit of a second run")
	sampled := flag.Bool("samples", false, "sample the run with perf, and say what its processor time was for")
	keep := flag.String("keep", "", "a folder that keeps the runs; empty: a temporary one")
	results := flag.String("results", "bench/results/production.json", "the results file")
	into := flag.String("page", "", "the page whose table is replaced; empty: it is printed")
	again := flag.Bool("again", false, "measure nothing: publish the results file")
	alone := flag.String("bare", "", "fit what the run in this folder fitted, in this process, and print the seconds")
	flag.Parse()
	if *alone != "" {
		b, err := fitBare(ctx, *alone)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(b)
	}
	if *again {
		return republish(*results, *into)
	}
	r := &report{Machine: page.Here(), Quick: *quick, Rows: *rows}
	if *quick {
		r.Rows = quickRows
	}
	l, err := newLab(ctx, *keep, r.Rows)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.measure(ctx, r, *kill, *sampled); err != nil {
		return err
	}
	if err := page.Save(*results, r); err != nil {
		return err
	}
	return page.Publish(*into, "production", r.table())
}

// republish puts the table of a results file into a page.
func republish(results, into string) error {
	r := &report{}
	if err := readJSON(results, r); err != nil {
		return err
	}
	if r.Run == nil || r.Bare == nil {
		return fmt.Errorf("%s has no run, or not its fits alone", results)
	}
	return page.Publish(into, "production", r.table())
}

// measure runs the job, its fits alone and, where asked, the job with a kill.
func (l *lab) measure(ctx context.Context, r *report, kill, sampled bool) error {
	first, err := l.start("undisturbed", sampled)
	if err != nil {
		return err
	}
	if r.Run, err = first.finish(ctx, nil); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the run: %.1f s\n", r.Run.Wall)
	alone := ""
	if r.Bare, alone, err = l.bare(ctx, first.folder(), sampled); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "its fits alone: %.1f s\n", r.Bare.Wall)
	r.compare()
	if sampled {
		if r.Samples, err = compareSamples(ctx, first.dir, alone); err != nil {
			return err
		}
	}
	if !kill {
		return nil
	}
	second, err := l.start("killed", false)
	if err != nil {
		return err
	}
	r.Kill, err = second.disturb(ctx, r.Run)
	return err
}
