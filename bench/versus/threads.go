package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"everfold/bench/fold"
)

// threadLine is one fit on one thread and on two.
type threadLine struct {
	Name    string  `json:"name"`
	Rows    int     `json:"rows_fitted"`
	One     float64 `json:"one_thread_seconds"` // medians
	Two     float64 `json:"two_threads_seconds"`
	Ratio   float64 `json:"ratio"`
	Ceiling float64 `json:"two_copies_ratio,omitempty"` // of what two copies on one thread each do in a time to what one does alone
	Target  float64 `json:"target"`
}

// threading times long fits on one thread and on two, in turns, and requires equal predictions
// of both, byte for byte; then two copies on one thread each, which is what two threads can reach.
func (l *lab) threading(ctx context.Context, o options) ([]threadLine, error) {
	var lines []threadLine
	rows := sizes(o.quick)[1]
	for _, t := range threadings() {
		if !o.only.MatchString("threads " + t.name) {
			continue
		}
		folder, err := l.fold(ctx, fold.Options{Rows: rows})
		if err != nil {
			return nil, err
		}
		line := threadLine{Name: t.name, Rows: rows * (folds - 1) / folds, Target: t.target}
		if err := l.thread(ctx, &line, l.ours(folder, t.model, t.settings)); err != nil {
			return nil, fmt.Errorf("threads %s: %w", t.name, err)
		}
		lines = append(lines, line)
		fmt.Fprintf(os.Stderr, "threads %s: %.3g s on one, %.3g s on two: %.2f; two copies side by side: %.2f\n", t.name, line.One, line.Two, line.Ratio, line.Ceiling)
	}
	return lines, nil
}

// thread fills in a line.
func (l *lab) thread(ctx context.Context, line *threadLine, c command) error {
	var seconds [2][]float64
	var ceilings []float64
	for run := range l.runs {
		var out [2]string
		for k := range out {
			threads := (run+k)%2 + 1
			dir, took, err := l.alone(ctx, c, threads)
			defer os.RemoveAll(dir)
			if err != nil {
				return err
			}
			out[threads-1], seconds[threads-1] = dir, append(seconds[threads-1], took)
		}
		if err := sameFiles(out[0], out[1]); err != nil {
			return err
		}
		both, err := l.copies(ctx, c)
		if err != nil {
			return err
		}
		ceilings = append(ceilings, seconds[0][run]*both)
	}
	line.One, line.Two = median(seconds[0]), median(seconds[1])
	line.Ratio, line.Ceiling = line.One/line.Two, median(ceilings)
	return nil
}

// alone runs a command on so many threads; its predictions are in a new folder.
func (l *lab) alone(ctx context.Context, c command, threads int) (dir string, seconds float64, err error) {
	if dir, err = os.MkdirTemp(l.dir, "out-*"); err != nil {
		return "", 0, err
	}
	one := *l
	one.threads, c.given = threads, maps.Clone(c.given)
	c.given["threads"] = threads
	a, _, err := one.execute(ctx, c, dir)
	return dir, a.Seconds, err
}

// copies runs a command twice side by side, on one thread each, and gives the fits a second of
// both: two threads that never meet, which is the most that the machine has for two that do.
func (l *lab) copies(ctx context.Context, c command) (float64, error) {
	var rates [2]float64
	group, ctx := errgroup.WithContext(ctx)
	for k := range rates {
		group.Go(func() error {
			dir, seconds, err := l.alone(ctx, c, 1)
			defer os.RemoveAll(dir)
			rates[k] = 1 / seconds
			return err
		})
	}
	err := group.Wait()
	return rates[0] + rates[1], err
}

// errThreads: threads changed a result.
var errThreads = errors.New("one thread and two give other predictions")

// sameFiles compares the predictions in two folders.
func sameFiles(a, b string) error {
	for _, name := range []string{fold.RiskFile, fold.CurveFile} {
		x, err := os.ReadFile(filepath.Join(a, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !bytes.Equal(x, y) {
			return fmt.Errorf("%w: %s", errThreads, name)
		}
	}
	return nil
}
