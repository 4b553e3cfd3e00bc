package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"everfold/artifact"
	"everfold/bench/process"
)

// killed is what killing the worker in the middle of the longest fit did.
type killed struct {
	Model   string   `json:"model"`
	Fold    int      `json:"fold"`
	At      float64  `json:"killed_after_seconds"`  // of that fit
	Lost    []loss   `json:"lost"`                  // one for each fit that was going on
	Resumed float64  `json:"resumed_after_seconds"` // from the kill until a fit went on from a checkpoint; 0: none did
	Extra   float64  `json:"extra_wall_seconds"`    // beyond the undisturbed run
	Files   int      `json:"files"`                 // compared
	Differ  []string `json:"differ"`                // those with other bytes
}

// loss is work that was done and not saved when the worker was killed.
type loss struct {
	Fit     string  `json:"fit"`
	Seconds float64 `json:"seconds"` // since its last checkpoint, or since it began
}

// disturb kills the worker and lets the run go on.
func (j *job) disturb(ctx context.Context, undisturbed *measured) (*killed, error) {
	target := undisturbed.longest()
	k := &killed{Model: target.Model, Fold: target.Fold}
	var at time.Time
	m, err := j.finish(ctx, func(ctx context.Context) (err error) {
		at, err = j.kill(ctx, k, target)
		return err
	})
	if err != nil {
		return nil, err
	}
	k.Extra = m.Wall - undisturbed.Wall
	k.Files = len(undisturbed.Digests)
	for key, digest := range undisturbed.Digests {
		if m.Digests[key] != digest {
			k.Differ = append(k.Differ, key)
		}
	}
	slices.Sort(k.Differ)
	resumed, err := firstResumption(j.folder(), at)
	if !resumed.IsZero() {
		k.Resumed = resumed.Sub(at).Seconds()
	}
	return k, err
}

// kill waits until the fit has run for half of its time, and kills the worker.
func (j *job) kill(ctx context.Context, k *killed, target fit) (time.Time, error) {
	begun, err := j.await(ctx, target)
	if err != nil {
		return time.Time{}, err
	}
	half := time.Until(begun.Add(time.Duration(target.Seconds / 2 * float64(time.Second))))
	select {
	case <-ctx.Done():
		return time.Time{}, errors.New("the run ended before the worker was killed")
	case <-time.After(half):
	}
	tick := time.NewTicker(process.FamilyEvery)
	defer tick.Stop()
	for {
		if pid := j.worker(); pid > 0 {
			at := time.Now()
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				return time.Time{}, fmt.Errorf("kill the worker: %w", err)
			}
			k.At = at.Sub(begun).Seconds()
			k.Lost, err = losses(j.folder(), at)
			return at, err
		}
		select {
		case <-ctx.Done():
			return time.Time{}, errors.New("the run ended before its worker was found")
		case <-tick.C:
		}
	}
}

// worker is the process id of the run's worker; 0 where there is none at the moment.
func (j *job) worker() int {
	for pid, p := range process.Family(j.starter.Process.Pid) {
		if p.Name == "worker" {
			return pid
		}
	}
	return 0
}

// await waits until a fit has begun, which its start record shows.
func (j *job) await(ctx context.Context, target fit) (time.Time, error) {
	records := filepath.Join(j.folder(), artifact.CheckpointPrefix(target.Model, target.Fold), "start.*")
	tick := time.NewTicker(process.FamilyEvery)
	defer tick.Stop()
	for {
		found, _ := filepath.Glob(records) // the pattern is good
		if len(found) > 0 {
			info, err := os.Stat(found[0])
			if err == nil {
				return info.ModTime(), nil
			}
		}
		select {
		case <-ctx.Done():
			return time.Time{}, errors.New("the run ended before the worker was killed")
		case <-tick.C:
		}
	}
}

// losses are those of the fits that were going on: the newest file of each under checkpoints is
// its last state, or the record of its start.
func losses(folder string, at time.Time) ([]loss, error) {
	root := filepath.Join(folder, artifact.CheckpointsPrefix)
	newest := map[string]time.Time{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(root, path) // both are absolute
		parts := strings.Split(filepath.ToSlash(relative), "/")
		name := strings.Join(parts[:min(2, len(parts)-1)], " ")
		if info.ModTime().After(newest[name]) {
			newest[name] = info.ModTime()
		}
		return nil
	})
	var out []loss
	for name, saved := range newest {
		out = append(out, loss{name, max(0, at.Sub(saved).Seconds())})
	}
	slices.SortFunc(out, func(a, b loss) int { return strings.Compare(a.Fit, b.Fit) })
	return out, err
}

// firstResumption is when a fit first went on from a checkpoint after a moment, by the run's logs;
// zero where none did.
func firstResumption(folder string, after time.Time) (first time.Time, err error) {
	logs, _ := filepath.Glob(filepath.Join(folder, artifact.LogsPrefix, "main_*.log")) // the pattern is good
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil {
			return first, err
		}
		lines := bufio.NewScanner(bytes.NewReader(content))
		for lines.Scan() {
			var record struct {
				Time time.Time `json:"time"`
				Msg  string    `json:"msg"`
			}
			if json.Unmarshal(lines.Bytes(), &record) != nil || record.Msg != "going on from a checkpoint" {
				continue // a killed worker's last line may be cut
			}
			if record.Time.After(after) && (first.IsZero() || record.Time.Before(first)) {
				first = record.Time
			}
		}
		if err := lines.Err(); err != nil {
			return first, err
		}
	}
	return first, nil
}
