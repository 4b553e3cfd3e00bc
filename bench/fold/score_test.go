package fold_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"everfold/bench/fold"
	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/metric"
	"everfold/survival/registry"
)

// scored is a production fold with the predictions of a model.
func scored(b testing.TB, rows int, model, settings string) metric.Fold {
	b.Helper()
	ctx := context.Background()
	f, err := fold.Make(ctx, fold.Options{Rows: rows})
	if err != nil {
		b.Fatal(err)
	}
	kind, _ := registry.Lookup(model)
	m, err := kind.Fit(ctx, f.Train.X, f.Train.Y, json.RawMessage(settings), survival.FitOptions{Seed: 1, Threads: 2, Grid: f.Grid})
	if err != nil {
		b.Fatal(err)
	}
	out := metric.Fold{Train: f.Train.Y, Test: f.Test.Y, Times: f.Grid, Risk: make([]float64, f.Test.X.Rows)}
	if err := m.Risk(ctx, f.Test.X, out.Risk); err != nil {
		b.Fatal(err)
	}
	err = m.Survival(ctx, f.Test.X, f.Grid, func(_ int, s []float64) error {
		for _, v := range s {
			out.Surv = append(out.Surv, float32(v))
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// smoother draws calibration curves as a run does.
func smoother(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
}

// BenchmarkScore is what a production fold costs after its fit: the scores of 57,403 rows at 50
// times, and their details. Curves of a Cox model never cross, those of a forest do.
func BenchmarkScore(b *testing.B) {
	for _, m := range []struct{ model, settings string }{{"cox_ph", "{}"}, {"rsf", `{"trees": 5}`}} {
		f := scored(b, 287_013, m.model, m.settings)
		cfg := metric.Config{Convention: metric.RiskRegression, CIndex: metric.CIndexIPCW, Tau: math.Inf(1)}
		b.Run(m.model, func(b *testing.B) {
			for b.Loop() {
				p, err := metric.Prepare(f, cfg)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Evaluate(b.Context()); err != nil {
					b.Fatal(err)
				}
				if _, err := p.Describe(b.Context(), smoother); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
