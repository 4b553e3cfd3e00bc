package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// samplesFile is where perf puts the samples of a run, in its folder, and hertz how many a second
// it takes of each core at work.
const (
	samplesFile = "perf.data"
	hertz       = 99
)

// sampling is the command line that samples all processes of a command.
func sampling(dir string, command []string) []string {
	return append([]string{"perf", "record", "--quiet", "-g", "-F", fmt.Sprint(hertz), "-o", filepath.Join(dir, samplesFile), "--"}, command...)
}

// samples are the processor seconds of a run by what they were for. Totals of two runs compare
// no better than the speed of the machine stays the same; parts of one run do.
type samples struct {
	Fits  float64 `json:"fits_seconds"` // of folds with predictions and scores, and of final models
	Parts []share `json:"parts"`        // all else
}

// share is what one part of a run took.
type share struct {
	Name     string  `json:"name"`
	Product  bool    `json:"product"` // it makes what a user reads: fits alone would need it, too
	Seconds  float64 `json:"seconds"`
	Alone    float64 `json:"alone_seconds"` // of the fits by library calls
	patterns *regexp.Regexp
}

func (s *share) beyond() float64 { return s.Seconds - s.Alone }

// parts of a run beside its fits, by the functions that a stack has. The first that matches counts,
// and fits, of which everything in survival is that belongs to no part before them.
func parts() []share {
	var out []share
	for _, p := range []struct {
		name, pattern string
		product       bool
	}{
		{"checkpoints", `ensemble\.\(\*growth\)\.(keep|note)|activities\.\(\*checkpoints\)`, false},
		{"predictions, of all rows and out of fold", `activities\.\(\*(predictor|predictWork)\)|Activities\)\.[pP]redict`, true},
		{"the report", `Activities\)\.[wW]riteReport|everfold/report\.`, true},
		{"the summary: verifying every file, comparing models", `Activities\)\.[sS]ummarize`, false},
		{"the table: reading, folds, keeping it", `[pP]repareData|activities\.Prepare|tableCache`, true},
		{fits, `activities\.\(\*job\)|everfold/survival[/.]`, false},
		{"files of folds and models", `everfold/(artifact|store|activities|internal/app)`, false},
		{"garbage collection", `runtime\.(gcBgMark|bgsweep|bgscavenge|gcAssist)`, false},
		{"Temporal's client, workflows among it", `go\.temporal\.io|google\.golang\.org/grpc|everfold/workflows`, false},
		{"scheduling and all else in the worker", ``, false},
	} {
		out = append(out, share{Name: p.name, Product: p.product, patterns: regexp.MustCompile(p.pattern)})
	}
	return out
}

// fits is the part that the others are measured by.
const fits = "fits"

// compareSamples classifies what perf recorded of a run and of its fits alone. What the latter have
// beside fits, collecting garbage above all, is what the run would need without server and store.
func compareSamples(ctx context.Context, run, alone string) (*samples, error) {
	s, err := readSamples(ctx, run, "worker")
	if err != nil {
		return nil, err
	}
	bare, err := readSamples(ctx, alone, "production")
	if err != nil {
		return nil, err
	}
	for k := range s.Parts {
		s.Parts[k].Alone = bare.Parts[k].Seconds
	}
	return s, nil
}

// readSamples classifies what perf recorded in a folder of a program that fits.
func readSamples(ctx context.Context, dir, fitting string) (*samples, error) {
	script := exec.CommandContext(ctx, "perf", "script", "-i", filepath.Join(dir, samplesFile), "-F", "comm,pid,ip,sym")
	script.Stderr = os.Stderr
	out, err := script.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := script.Start(); err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	s, err := classify(out, fitting)
	if waitErr := script.Wait(); err == nil && waitErr != nil {
		err = waitErr
	}
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return s, nil
}

// classify reads what perf script prints: a line with the program, a line a frame, an empty line.
func classify(in io.Reader, fitting string) (*samples, error) {
	all, server, starter := parts(), share{Name: "the Temporal server"}, share{Name: "the starter"}
	count := func(program, stack string) {
		switch program {
		case "temporal":
			server.Seconds += 1.0 / hertz
		case "starter":
			starter.Seconds += 1.0 / hertz
		case fitting:
			for k := range all {
				if all[k].patterns.MatchString(stack) {
					all[k].Seconds += 1.0 / hertz
					return
				}
			}
		}
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	program, stack := "", strings.Builder{}
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "":
			count(program, stack.String())
			program = ""
			stack.Reset()
		case program == "":
			program, _, _ = strings.Cut(strings.TrimSpace(line), " ")
		default:
			stack.WriteString(line + "\n")
		}
	}
	if program != "" {
		count(program, stack.String())
	}
	s := &samples{}
	for _, p := range append(all, server, starter) {
		if p.Name == fits {
			s.Fits = p.Seconds
			continue
		}
		s.Parts = append(s.Parts, p)
	}
	return s, lines.Err()
}

// beyond is what all parts take, and those that are no product, in percent of the fits.
func (s *samples) beyond() (all, own float64) {
	for _, p := range s.Parts {
		all += p.beyond()
		if !p.Product {
			own += p.beyond()
		}
	}
	return 100 * all / s.Fits, 100 * own / s.Fits
}
