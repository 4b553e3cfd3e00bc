// Command solo is everfold's side of the comparison with peers: one fit, or one score, of the
// files of package fold, in a process of its own, so that time and memory are measured as the
// peers' are.
//
//	solo FOLDER OUT '{"type":"cox_ph","threads":2,"settings":{}}'
//
// It writes predictions of the test rows into OUT and prints one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"everfold/bench/fold"
	"everfold/survival"
	"everfold/survival/metric"
	"everfold/survival/registry"
)

// task is the last argument. Type is a model type, or concordance or brier.
type task struct {
	Type     string          `json:"type"`
	Threads  int             `json:"threads"`
	Settings json.RawMessage `json:"settings"`
}

// measured is the line printed.
type measured struct {
	Seconds float64  `json:"seconds"`
	Version string   `json:"version"`
	Value   *float64 `json:"value"` // of a score
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: solo FOLDER OUT TASK")
		os.Exit(2)
	}
	result, err := run(context.Background(), os.Args[1], os.Args[2], []byte(os.Args[3]))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "solo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder, out string, text []byte) (measured, error) {
	var t task
	if err := json.Unmarshal(text, &t); err != nil {
		return measured{}, fmt.Errorf("task: %w", err)
	}
	f, err := fold.Read(folder)
	if err != nil {
		return measured{}, err
	}
	if t.Type == "concordance" || t.Type == "brier" {
		return score(folder, f, t.Type)
	}
	kind, ok := registry.Lookup(t.Type)
	if !ok {
		return measured{}, fmt.Errorf("no model type %q", t.Type)
	}
	start := time.Now()
	model, err := kind.Fit(ctx, f.Train.X, f.Train.Y, t.Settings, survival.FitOptions{Seed: 1, Threads: t.Threads, Grid: f.Grid})
	if err != nil {
		return measured{}, err
	}
	seconds := time.Since(start).Seconds()
	return measured{Seconds: seconds, Version: "everfold"}, predict(ctx, model, f, out)
}

// predict writes risks and curves of the test rows.
func predict(ctx context.Context, model survival.Model, f *fold.Fold, out string) error {
	risk := make([]float64, f.Test.X.Rows)
	if err := model.Risk(ctx, f.Test.X, risk); err != nil {
		return err
	}
	if err := fold.WriteNumbers(filepath.Join(out, fold.RiskFile), risk); err != nil {
		return err
	}
	surv := make([]float32, 0, len(risk)*len(f.Grid))
	err := model.Survival(ctx, f.Test.X, f.Grid, func(_ int, s []float64) error {
		for _, v := range s {
			surv = append(surv, float32(v))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fold.WriteNumbers(filepath.Join(out, fold.CurveFile), surv)
}

// score times Harrell's C with its standard error, or the integrated Brier score, of the
// predictions in the folder.
func score(folder string, f *fold.Fold, what string) (measured, error) {
	n := f.Test.X.Rows
	risk, err := fold.ReadNumbers[float64](filepath.Join(folder, fold.RiskFile), n)
	if err != nil {
		return measured{}, err
	}
	surv, err := fold.ReadNumbers[float32](filepath.Join(folder, fold.CurveFile), n*len(f.Grid))
	if err != nil {
		return measured{}, err
	}
	var value float64
	start := time.Now()
	if what == "concordance" {
		var estimate metric.Estimate
		estimate, err = metric.HarrellEstimate(f.Test.Y, risk, metric.RiskRegression)
		value = estimate.Index
	} else {
		value, err = f.IntegratedBrier(surv, metric.ScikitSurvival) // the peer's, so that the values compare
	}
	return measured{Seconds: time.Since(start).Seconds(), Version: "everfold", Value: &value}, err
}
