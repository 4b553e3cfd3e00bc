package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"everfold/activities"
	"everfold/artifact"
	"everfold/internal/app"
)

// slots is how many fits the embedded worker has at a time on the two cores that the figures are
// of, and cores how many they share.
const slots, cores = 2, 2

// bare is what the fits of a run take by library calls alone.
type bare struct {
	Wall     float64 `json:"wall_seconds"` // reading the table, folds with their scores, final fits
	Read     float64 `json:"read_seconds"`
	CPU      float64 `json:"cpu_seconds"`
	MemoryMB float64 `json:"memory_mb"`
}

// fitBare fits what the run in a folder fitted, in the order in which that began: folds, then
// final models, two at a time on two cores.
func fitBare(ctx context.Context, folder string) (*bare, error) {
	var run artifact.Run
	if err := readJSON(filepath.Join(folder, artifact.RunKey), &run); err != nil {
		return nil, err
	}
	done, err := read(folder)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	r, err := activities.NewInProcess(ctx, app.Data{}.Open, run.Spec)
	if err != nil {
		return nil, err
	}
	r.Cores = activities.NewCores(cores, cores)
	b := &bare{Read: time.Since(start).Seconds()}
	for _, final := range []bool{false, true} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(slots)
		for _, f := range done.Fits {
			if final != (f.Fold == artifact.FinalFold) {
				continue
			}
			group.Go(func() error {
				if final {
					return r.Final(ctx, f.Model, cores)
				}
				_, err := r.Score(ctx, artifact.Task{Model: f.Model, Fold: f.Fold}, cores)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	b.Wall = time.Since(start).Seconds()
	return b, b.usage()
}

// usage fills in what this process took.
func (b *bare) usage() error {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return fmt.Errorf("what the fits took: %w", err)
	}
	b.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	b.MemoryMB = float64(u.Maxrss) / 1024
	return nil
}
