// Command memory sets the memory that fits take, explanations and predictions among them, by /proc,
// beside the estimate by which workers refuse them beforehand. Each has a process of its own; what
// reading the data took is not counted, the table that stays is.
//
//	memory [-rows 20000,100000] [-models cox_ph,rsf] [-kinds fold,predictions]
//
// It prints a table: shape of the data, model, estimate, what was used, and the ratio. A ratio
// below 1 is a fit that could be killed where the estimate has let it begin.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
	"everfold/survival/resample"
)

// shape is a table: numeric columns, one of them with gaps, and categorical ones of ten levels.
type shape struct{ rows, numeric, categorical int }

// measured is what a child prints.
type measured struct {
	Estimate int64 `json:"estimate"`
	Used     int64 `json:"used"`
}

func main() {
	rows := flag.String("rows", "20000,100000", "numbers of rows")
	models := flag.String("models", strings.Join(names(), ","), "models")
	which := flag.String("kinds", strings.Join(kinds, ","), "what is done")
	child := flag.String("child", "", "data file of one measurement: internal")
	folder := flag.String("folder", "", "of the run that predictions are of: internal")
	flag.Parse()
	var err error
	switch {
	case *child == "":
		err = all(*rows, strings.Split(*models, ","), strings.Split(*which, ","))
	case *which == kindRun:
		err = train(context.Background(), *child, *models, *folder)
	case *which == kindPredictions:
		err = predictions(context.Background(), *child, *models, *folder)
	default:
		err = one(context.Background(), *child, *models, *which)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

// What is measured of each model; kindRun fits, unmeasured, what is predicted with.
const (
	kindFold        = "fold"
	kindExplained   = "explained fold" // with explanations of 50,000 of its test rows
	kindFinal       = "final"
	kindPredictions = "predictions"
	kindRun         = "run"
)

var kinds = []string{kindFold, kindExplained, kindFinal, kindPredictions}

// settings of each model: as they are by default, but for forests, which would take hours.
var settings = [][2]string{
	{"prepare", ""}, {"km", ""}, {"cox_ph", "{type: cox_ph}"}, {"cox_stratified", "{type: cox_stratified, strata: [c0]}"}, {"weibull_aft", "{type: weibull_aft}"},
	{"coxnet", "{type: coxnet, alphas: 20}"}, {"gbsa", "{type: gbsa, trees: 20}"}, {"rsf", "{type: rsf, trees: 50}"},
	{"orsf", "{type: orsf, trees: 20}"}, {"stack", "{type: stack, of: [cox_ph, gbsa, weibull_aft]}"},
}

func names() []string {
	var list []string
	for _, s := range settings {
		list = append(list, s[0])
	}
	return list
}

func all(rows string, models, kinds []string) error {
	dir, err := os.MkdirTemp("", "everfold-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println("| rows | columns | model | what | estimate MB | used MB | ratio |\n|---|---|---|---|---|---|---|")
	for text := range strings.SplitSeq(rows, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		for _, s := range []shape{{n, 10, 4}, {n, 60, 0}} {
			file := filepath.Join(dir, fmt.Sprintf("%d-%d-%d.csv", s.rows, s.numeric, s.categorical))
			if err := s.write(file); err != nil {
				return err
			}
			for _, model := range models {
				for _, kind := range kinds {
					if s.categorical == 0 && model == "cox_stratified" || kind != kindFold && (model == "km" || model == "prepare") {
						continue
					}
					if err := s.measure(file, model, kind); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// measure measures in a process of its own and prints the line.
func (s shape) measure(file, model, kind string) error {
	folder := ""
	if kind == kindPredictions {
		folder = file + "." + model
		defer os.RemoveAll(folder)
		if _, err := child(file, model, kindRun, folder); err != nil {
			return err
		}
	}
	out, err := child(file, model, kind, folder)
	if err != nil {
		return err
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		return err
	}
	fmt.Printf("| %d | %d + %d | %s | %s | %d | %d | %.2f |\n", s.rows, s.numeric, s.categorical, model, kind,
		m.Estimate>>20, m.Used>>20, float64(m.Estimate)/float64(m.Used))
	return nil
}

func child(file, model, kind, folder string) ([]byte, error) {
	command := exec.Command(os.Args[0], "-child", file, "-models", model, "-kinds", kind, "-folder", folder)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s of %s, %s: %w", model, file, kind, err)
	}
	return out, nil
}

// write makes the table, of numbers that depend on nothing.
func (s shape) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w, rng := bufio.NewWriter(f), resample.Source(1, "memory")
	fmt.Fprint(w, "time,event")
	for j := range s.numeric {
		fmt.Fprintf(w, ",x%d", j)
	}
	for j := range s.categorical {
		fmt.Fprintf(w, ",c%d", j)
	}
	for range s.rows {
		hazard, line := 0.0, ""
		for j := range s.numeric {
			x := rng.NormFloat64()
			hazard += x / float64(j+3)
			if j == 0 && rng.IntN(20) == 0 {
				line += ","
				continue
			}
			line += fmt.Sprintf(",%.4f", x)
		}
		for range s.categorical {
			line += fmt.Sprintf(",l%d", rng.IntN(10))
		}
		time := math.Ceil(1000 * rng.ExpFloat64() / math.Exp(hazard/2))
		fmt.Fprintf(w, "\n%g,%d%s", min(max(time, 1), 3000), btoi(time < 3000 && rng.IntN(10) < 8), line)
	}
	return errors.Join(w.Flush(), f.Close())
}

// specOf is a run on the table with one model, and what that is made of.
func specOf(file, model, more string) (*config.Spec, error) {
	text := "run: memory\ntype: production\ndata: {uri: " + file + ", time: time, event: event}\ntracker: {uri: off}\n" + more + "models:\n"
	for _, s := range settings {
		if s[1] != "" && (s[0] == model || model == "stack") && (s[0] != "cox_stratified" || model == s[0]) {
			text += "  - " + s[1] + "\n"
		}
	}
	if model == "km" || model == "prepare" {
		text = strings.TrimSuffix(text, "models:\n") + "models: []\n"
	}
	spec, err := config.ParseYAML([]byte(text), "")
	if err != nil {
		return nil, err
	}
	spec.ResolvePaths(filepath.Dir(file))
	return spec, nil
}

// one measures what a model's fold, or its final fit, takes.
func one(ctx context.Context, file, model, kind string) error {
	more := ""
	if kind == kindExplained {
		more = "explain: {importance: 1, dependence: 2, rows: 50000}\n"
	}
	spec, err := specOf(file, model, more)
	if err != nil {
		return err
	}
	begin, err := status("VmRSS:")
	if err != nil {
		return err
	}
	r, err := activities.NewInProcess(ctx, app.Data{}.Open, spec)
	if err != nil {
		return err
	}
	if model == "prepare" {
		most, err := status("VmHWM:")
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(measured{Estimate: r.TableMemory(), Used: most - begin})
	}
	task := artifact.Task{Model: model}
	if kind == kindFinal {
		task.Fold = artifact.FinalFold
	}
	threads := runtime.GOMAXPROCS(0)
	used, err := most(func() error {
		if kind == kindFinal {
			return r.Final(ctx, model, threads)
		}
		_, err := r.Score(ctx, task, threads)
		return err
	})
	if err != nil {
		return err
	}
	estimate, err := r.Memory(task, threads)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Estimate: estimate, Used: used})
}

// most is how much memory do takes at most beyond what is there already.
func most(do func() error) (int64, error) {
	debug.FreeOSMemory()
	// 5: forgets the largest size so far (proc(5), clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, err
	}
	before, err := status("VmRSS:")
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := status("VmHWM:")
	return after - before, err
}

// status is a line of /proc/self/status, in bytes.
func status(key string) (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", key)
}
