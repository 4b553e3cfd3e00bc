// Command memory sets the memory that fits take, by /proc, beside the estimate by which workers
// refuse fits beforehand. Each fit has a process of its own; what reading the data took is not
// counted, the table that stays is.
//
//	memory [-rows 20000,100000] [-models cox_ph,rsf]
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
	final := flag.Bool("final", true, "final fits too")
	child := flag.String("child", "", "data file of one fit: internal")
	flag.Parse()
	var err error
	if *child != "" {
		err = one(context.Background(), *child, *models, *final)
	} else {
		err = all(*rows, strings.Split(*models, ","), *final)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "memory:", err)
		os.Exit(1)
	}
}

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

func all(rows string, models []string, final bool) error {
	dir, err := os.MkdirTemp("", "everfold-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println("| rows | columns | model | fit | estimate MB | used MB | ratio |\n|---|---|---|---|---|---|---|")
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
				for _, whole := range []bool{false, true}[:1+btoi(final)] {
					if s.categorical == 0 && model == "cox_stratified" || whole && (model == "km" || model == "prepare") {
						continue
					}
					if err := s.child(file, model, whole); err != nil {
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

// child measures one fit in a process of its own and prints its line.
func (s shape) child(file, model string, final bool) error {
	command := exec.Command(os.Args[0], "-child", file, "-models", model, fmt.Sprintf("-final=%t", final))
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s of %s: %w", model, file, err)
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		return err
	}
	what := map[bool]string{false: "fold", true: "final"}[final]
	fmt.Printf("| %d | %d + %d | %s | %s | %d | %d | %.2f |\n", s.rows, s.numeric, s.categorical, model, what,
		m.Estimate>>20, m.Used>>20, float64(m.Estimate)/float64(m.Used))
	return nil
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

func one(ctx context.Context, file, model string, final bool) error {
	text := "run: memory\ntype: production\ndata: {uri: " + file + ", time: time, event: event}\nmodels:\n"
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
		return err
	}
	spec.ResolvePaths(filepath.Dir(file))
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
	debug.FreeOSMemory()
	// 5: forgets the largest size so far (proc(5), clear_refs).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return err
	}
	before, err := status("VmRSS:")
	if err != nil {
		return err
	}
	task := artifact.Task{Model: model}
	if final {
		task.Fold = artifact.FinalFold
		err = r.Final(ctx, model, runtime.GOMAXPROCS(0))
	} else {
		_, err = r.Score(ctx, task, runtime.GOMAXPROCS(0))
	}
	if err != nil {
		return err
	}
	after, err := status("VmHWM:")
	if err != nil {
		return err
	}
	estimate, err := r.Memory(task, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Estimate: estimate, Used: after - before})
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
