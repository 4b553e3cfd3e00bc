package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"everfold/bench/fold"
	"everfold/bench/process"
	"everfold/survival/metric"
)

// side is what one side of a comparison did.
type side struct {
	Program  string    `json:"program"`
	Seconds  []float64 `json:"seconds"` // of the fit or score alone, per run
	Median   float64   `json:"median"`
	MemoryMB float64   `json:"memory_mb"`     // largest resident size of the process, of any run
	C        *float64  `json:"c,omitempty"`   // means over the folds fitted
	IBS      *float64  `json:"ibs,omitempty"` // only where every fold has one

	c, ibs []float64 // by fold
}

// answer is the line that a program prints.
type answer struct {
	Seconds float64  `json:"seconds"`
	Version string   `json:"version"`
	Value   *float64 `json:"value"`
}

// comparison is a scenario with both sides.
type comparison struct {
	Name   string  `json:"name"`
	Rows   int     `json:"rows_fitted"`
	Ours   side    `json:"everfold"`
	Peer   side    `json:"peer"`
	Ratio  float64 `json:"ratio"` // peer's median / everfold's
	Target float64 `json:"target,omitempty"`
}

// compare runs both sides in turns, on one of the five folds after the other; who begins
// alternates.
func (l *lab) compare(ctx context.Context, s scenario) (comparison, error) {
	c := comparison{Name: s.name, Target: s.target}
	runs := l.runs
	if s.runs > 0 {
		runs = min(runs, s.runs)
	}
	for i := l.first; i < l.first+runs; i++ {
		folder, err := l.fold(ctx, fold.Options{Rows: s.rows, Fold: i % folds})
		if err != nil {
			return comparison{}, err
		}
		f, err := fold.Read(folder)
		if err != nil {
			return comparison{}, err
		}
		c.Rows = f.Train.X.Rows
		turns := []func() error{
			func() error { return l.turn(ctx, &c.Ours, l.ours(folder, s.model, s.settings), f) },
			func() error { return l.turn(ctx, &c.Peer, l.theirs(folder, s), f) },
		}
		for k := range turns {
			if err := turns[(i+k)%2](); err != nil {
				return comparison{}, err
			}
		}
	}
	c.Ratio = c.Peer.Median / c.Ours.Median
	return c, nil
}

// folds is how many a table has.
const folds = 5

// fold makes a fold once, with the predictions of a Cox model for programs that only score.
func (l *lab) fold(ctx context.Context, o fold.Options) (string, error) {
	folder := filepath.Join(l.dir, fmt.Sprintf("fold-%d-%d-%t", o.Rows, o.Fold, o.Continuous))
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return folder, err
	}
	f, err := fold.Make(ctx, o)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	if err := f.Write(folder); err != nil {
		return "", err
	}
	_, _, err = l.execute(ctx, l.ours(folder, "cox_ph", nil), folder)
	return folder, err
}

// command is a program with its fold and its settings.
type command struct {
	program []string
	folder  string
	given   settings
}

func (l *lab) ours(folder, model string, given settings) command {
	if given == nil {
		given = settings{}
	}
	return command{[]string{l.solo}, folder, settings{"type": model, "threads": l.threads, "settings": given}}
}

func (l *lab) theirs(folder string, s scenario) command {
	script := filepath.Join(l.peers, s.peer)
	given := settings{"threads": l.threads}
	maps.Copy(given, s.peerGiven)
	if filepath.Ext(script) == ".R" {
		return command{[]string{"Rscript", "--vanilla", script}, folder, given}
	}
	return command{[]string{l.python, script}, folder, given}
}

// execute runs a command, which writes its predictions into out, and measures its memory.
func (l *lab) execute(ctx context.Context, c command, out string) (answer, float64, error) {
	given, err := json.Marshal(c.given)
	if err != nil {
		return answer{}, 0, err
	}
	p := exec.CommandContext(ctx, c.program[0], append(c.program[1:], c.folder, out, string(given))...)
	threads := strconv.Itoa(l.threads)
	p.Env = append(os.Environ(), "GOMAXPROCS="+threads, "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "NUMBA_NUM_THREADS="+threads)
	var text, stderr bytes.Buffer
	p.Stdout, p.Stderr = &text, &stderr
	if err := p.Start(); err != nil {
		return answer{}, 0, fmt.Errorf("%v: %w", c.program, err)
	}
	peak := process.WatchPeak(p.Process.Pid)
	err = p.Wait()
	memory := peak()
	if err != nil {
		return answer{}, 0, fmt.Errorf("%v: %w\n%s", c.program, err, stderr.Bytes())
	}
	var a answer
	if err := json.Unmarshal(lastLine(text.Bytes()), &a); err != nil {
		return answer{}, 0, fmt.Errorf("%v: the last line it printed: %w", c.program, err)
	}
	return a, memory, nil
}

// lastLine is the last line that is not empty: libraries print their greetings before.
func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// turn is one run of one side; each fold is judged the first time.
func (l *lab) turn(ctx context.Context, s *side, c command, f *fold.Fold) error {
	out, err := os.MkdirTemp(l.dir, "out-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	a, memory, err := l.execute(ctx, c, out)
	if err != nil {
		return err
	}
	s.Program, s.MemoryMB = a.Version, max(s.MemoryMB, memory)
	s.Seconds = append(s.Seconds, a.Seconds)
	s.Median = median(s.Seconds)
	if len(s.Seconds) > folds {
		return nil
	}
	if a.Value != nil {
		s.c = append(s.c, *a.Value) // of a score: its value stands where the C of a fit does
	} else if err := s.judge(f, out); err != nil {
		return err
	}
	s.C, s.IBS = s.mean(s.c), s.mean(s.ibs)
	return nil
}

// mean is that of scores; nil where a fold has none.
func (s *side) mean(scores []float64) *float64 {
	if len(scores) < min(len(s.Seconds), folds) {
		return nil
	}
	sum := 0.0
	for _, v := range scores {
		sum += v
	}
	m := sum / float64(len(scores))
	return &m
}

// judge scores the predictions in a folder: Harrell's C, and the integrated Brier score where
// there are curves.
func (s *side) judge(f *fold.Fold, out string) error {
	risk, err := fold.ReadNumbers[float64](filepath.Join(out, fold.RiskFile), f.Test.X.Rows)
	if err != nil {
		return err
	}
	c, err := metric.Harrell(f.Test.Y, risk, metric.RiskRegression).Index()
	if err != nil {
		return err
	}
	s.c = append(s.c, c)
	surv, err := fold.ReadNumbers[float32](filepath.Join(out, fold.CurveFile), len(risk)*len(f.Grid))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ibs, err := f.IntegratedBrier(surv, metric.RiskRegression)
	if err != nil {
		return err
	}
	s.ibs = append(s.ibs, ibs)
	return nil
}
