package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"everfold/bench/process"
)

// lab is a folder with the programs and the table.
type lab struct {
	dir, bin, data, temporal string
	keep                     bool
}

func newLab(ctx context.Context, keep string, rows int) (*lab, error) {
	l := &lab{dir: keep, keep: keep != ""}
	err := error(nil)
	if !l.keep {
		l.dir, err = os.MkdirTemp("", "everfold-production-*")
	} else if err = os.MkdirAll(keep, 0o755); err == nil {
		l.dir, err = filepath.Abs(keep)
	}
	if err != nil {
		return nil, err
	}
	l.bin, l.data = filepath.Join(l.dir, "bin"), filepath.Join(l.dir, "production.parquet")
	if l.temporal, err = filepath.Abs("bin/temporal"); err != nil {
		return nil, err
	}
	for _, command := range [][]string{
		{"go", "build", "-trimpath", "-o", l.bin + "/", "./starter", "./worker", "./bench/production"},
		{filepath.Join(l.bin, "starter"), "data", "generate", "--rows", strconv.Itoa(rows), "--seed", "1", "--out", l.data},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("%v: %w\n%s", command, err, out), l.close())
		}
	}
	return l, nil
}

func (l *lab) close() error {
	if l.keep {
		return nil
	}
	return os.RemoveAll(l.dir)
}

// job is the production job while it runs.
type job struct {
	dir     string
	starter *exec.Cmd
	output  bytes.Buffer
	begun   time.Time
	stop    func() []process.Usage
}

// start starts the job in a folder of its own, which must be new; sampled says whether perf looks on.
func (l *lab) start(name string, sampled bool) (*job, error) {
	j := &job{dir: filepath.Join(l.dir, name)}
	if err := os.Mkdir(j.dir, 0o755); err != nil {
		return nil, err
	}
	command := []string{filepath.Join(l.bin, "starter"), "run", "examples/production.yaml", "--embedded",
		"--set", "data.uri=" + l.data, "--set", "store.uri=" + filepath.Join(j.dir, "store")}
	if sampled {
		command = sampling(j.dir, command)
	}
	j.starter = exec.Command(command[0], command[1:]...)
	j.starter.Env = append(os.Environ(), "EVERFOLD_HOME="+filepath.Join(j.dir, "home"), "EVERFOLD_TEMPORAL="+l.temporal)
	j.starter.Stdout, j.starter.Stderr = &j.output, &j.output
	j.begun = time.Now()
	if err := j.starter.Start(); err != nil {
		return nil, err
	}
	j.stop = process.WatchFamily(j.starter.Process.Pid)
	return j, nil
}

// folder is the run's in its store.
func (j *job) folder() string { return filepath.Join(j.dir, "store", "production", "production") }

// finish waits for the run's end, with what happens meanwhile beside it, and reads what it left.
func (j *job) finish(ctx context.Context, meanwhile func(ctx context.Context) error) (*measured, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beside := make(chan error, 1)
	go func() {
		if meanwhile == nil {
			beside <- nil
			return
		}
		beside <- meanwhile(ctx)
	}()
	stop := context.AfterFunc(ctx, func() { _ = j.starter.Process.Signal(syscall.SIGINT) }) // it may have ended
	err := j.starter.Wait()
	wall := time.Since(j.begun).Seconds()
	stop()
	cancel()
	processes := j.stop()
	if err != nil {
		return nil, fmt.Errorf("starter run: %w\n%s", err, j.output.Bytes())
	}
	if err := <-beside; err != nil {
		return nil, err
	}
	m, err := read(j.folder())
	if err != nil {
		return nil, err
	}
	m.Wall = wall
	m.Processes = slices.DeleteFunc(processes, func(p process.Usage) bool { return p.Name == "perf" })
	return m, nil
}

// bare fits what the run in a folder fitted, in a process of its own, in a new folder; sampled says
// whether perf looks on.
func (l *lab) bare(ctx context.Context, folder string, sampled bool) (*bare, string, error) {
	dir := filepath.Join(l.dir, "bare")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, "", err
	}
	command := []string{filepath.Join(l.bin, "production"), "-bare", folder}
	if sampled {
		command = sampling(dir, command)
	}
	p := exec.CommandContext(ctx, command[0], command[1:]...)
	var text bytes.Buffer
	p.Stdout, p.Stderr = &text, os.Stderr
	if err := p.Run(); err != nil {
		return nil, "", fmt.Errorf("the fits alone: %w", err)
	}
	b := &bare{}
	if err := json.Unmarshal(text.Bytes(), b); err != nil {
		return nil, "", fmt.Errorf("the fits alone: %w", err)
	}
	return b, dir, nil
}
