package coxnet

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
)

func someModel(t *testing.T) *Model {
	t.Helper()
	x, y := made(60, 4)
	m, err := Fit(context.Background(), x, y, Options{Alphas: 8}, survival.FitOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The model file brings the whole path back: αs, coefficients, deviances, the selection.
func TestPathRoundTrip(t *testing.T) {
	m := someModel(t)
	file, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	want, got := m.Path(), back.Path()
	if len(want.Alphas) < 5 || got.Selected != want.Selected || len(got.Alphas) != len(want.Alphas) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for a := range want.Alphas {
		within(t, "α", got.Alphas[a], want.Alphas[a], 0)
		within(t, "ℓ", got.LogLik[a], want.LogLik[a], 0)
		within(t, "explained share", got.DevRatio[a], want.DevRatio[a], 0)
		within(t, "deviance", got.Deviance[a], want.Deviance[a], 0)
		within(t, "its standard error", got.DevianceSE[a], want.DevianceSE[a], 0)
		for j := range want.Coefficients[a] {
			within(t, "β", got.Coefficients[a][j], want.Coefficients[a][j], 0)
		}
	}
}

// Files with a sound digest, but fields that contradict each other, are refused.
func TestDecodeContradictions(t *testing.T) {
	type change func(w *modelfile.Writer, m *Model)
	names := func(w *modelfile.Writer, m *Model) {
		w.Strings(m.predictor.Names)
		w.Floats(m.predictor.Center)
		w.Floats(m.predictor.Beta)
	}
	path := func(w *modelfile.Writer, p Path) {
		for _, v := range [][]float64{p.Alphas, p.LogLik, p.DevRatio, p.Deviance, p.DevianceSE} {
			w.Floats(v)
		}
		w.Int(p.Selected)
		for _, beta := range p.Coefficients {
			w.Floats(beta)
		}
	}
	broken := func(spoil func(p *Path)) change {
		return func(w *modelfile.Writer, m *Model) {
			p := m.path
			spoil(&p)
			names(w, m)
			w.Step(m.baseline)
			path(w, p)
			w.Report(m.report)
		}
	}
	for name, c := range map[string]change{
		"columns": func(w *modelfile.Writer, m *Model) {
			w.Strings(m.predictor.Names[1:])
			w.Floats(m.predictor.Center)
			w.Floats(m.predictor.Beta)
			w.Step(m.baseline)
			path(w, m.path)
			w.Report(m.report)
		},
		"selected":       broken(func(p *Path) { p.Selected = len(p.Alphas) }),
		"selected below": broken(func(p *Path) { p.Selected = -1 }),
		"no path":        broken(func(p *Path) { *p = Path{} }),
		"loglik":         broken(func(p *Path) { p.LogLik = p.LogLik[1:] }),
		"ratio":          broken(func(p *Path) { p.DevRatio = nil }),
		"deviance":       broken(func(p *Path) { p.Deviance = p.Deviance[1:] }),
		"short deviance": broken(func(p *Path) { p.Deviance, p.DevianceSE = p.Deviance[1:], p.DevianceSE[1:] }),
		"coefficients": broken(func(p *Path) {
			p.Coefficients = append([][]float64{{1}}, p.Coefficients[1:]...)
		}),
	} {
		m := someModel(t)
		w := modelfile.NewWriter(Type, Version)
		c(w, m)
		if _, err := Decode(w.Bytes()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The curve of a row is exp(−H₀·e^{(x−means)β}) with Breslow's H₀ for a row at the means,
// computed from the definition.
func TestBaselineByDefinition(t *testing.T) {
	x, y := made(50, 3)
	m := fitLast(t, x, y, Options{})
	risk := make([]float64, 50)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		t.Fatal(err)
	}
	hazard := func(at float64) float64 {
		h := 0.0
		for i := range risk {
			if !y.Event[i] || y.Time[i] > at {
				continue
			}
			sum := 0.0
			for k := range risk {
				if y.Time[k] >= y.Time[i] {
					sum += y.W(k) * math.Exp(risk[k])
				}
			}
			h += y.W(i) / sum
		}
		return h
	}
	times := []float64{0, 1, 5, 20, 1000}
	err := m.Survival(context.Background(), x, times, func(row int, s []float64) error {
		for j, at := range times {
			within(t, "S", s[j], math.Exp(-hazard(at)*math.Exp(risk[row])), 1e-12)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Errors of visit and of a missing column come through; a cancelled context ends a fit in
// inner folds, too.
func TestErrors(t *testing.T) {
	m := someModel(t)
	x, y := made(60, 4)
	stop := errors.New("stop")
	if err := m.Survival(context.Background(), x, []float64{1}, func(int, []float64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visit: %v", err)
	}
	x.Columns = x.Columns[1:]
	var missing *survival.ColumnError
	if err := m.Survival(context.Background(), x, []float64{1}, nil); !errors.As(err, &missing) {
		t.Errorf("missing column: %v", err)
	}
	for after := 1; after < 400; after *= 3 {
		ctx, cancel := context.WithCancelCause(context.Background())
		calls := 0
		ctx = survival.WithProgress(ctx, func(float64, float64) {
			if calls++; calls == after {
				cancel(stop)
			}
		})
		if _, err := Fit(ctx, x, y, Options{Alphas: 20}, survival.FitOptions{}); !errors.Is(err, stop) {
			t.Errorf("cancelled at check %d: %v", after, err)
		}
	}
}

// Fits of several blocks of rows give the same file on 1, 2, 3 and 8 threads.
func TestThreads(t *testing.T) {
	x, y := made(3*block+17, 6)
	var first []byte
	for _, threads := range []int{1, 2, 3, 8} {
		m, err := Fit(context.Background(), x, y, Options{Alphas: 8, InnerFolds: 2}, survival.FitOptions{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		file, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = file
		}
		if !bytes.Equal(first, file) {
			t.Errorf("%d threads give another file", threads)
		}
	}
}
