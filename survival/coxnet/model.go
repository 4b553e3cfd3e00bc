package coxnet

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/modelfile"
)

// Type is the registered name.
const Type = "coxnet"

// Version is the algorithm version: raised whenever equal data may give another model file.
const Version = 5

// checkEvery is how many curve values are computed between two looks at the context.
const checkEvery = 1 << 20

// Model is a fitted path and the model at its selected α.
type Model struct {
	predictor linear.Predictor
	baseline  survival.StepFunction // H₀ at predictor 0: a row at the fitted means
	path      Path
	report    survival.Report
}

var _ survival.Model = (*Model)(nil)

// Type is "coxnet".
func (m *Model) Type() string { return Type }

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.predictor.Names }

// Report has one coefficient a column, those not selected 0, without standard errors (NaN):
// there are none after selection. LogLik is at β = 0 and at the selected α, without the
// penalty. Converged is that of the whole path.
func (m *Model) Report() survival.Report { return m.report }

// Path is the whole path; it must not be changed.
func (m *Model) Path() Path { return m.path }

// Risk writes (x − means)β, where means are those of the fitted columns: xβ but for a
// constant.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	return m.predictor.Eta(ctx, x, dst)
}

// Survival visits every row with S(t|x) = exp(−H₀(t)·e^{(x−means)β}), H₀ being Breslow's.
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	eta := make([]float64, x.Rows)
	if err := m.predictor.Eta(ctx, x, eta); err != nil {
		return err
	}
	hazard, curve := make([]float64, len(times)), make([]float64, len(times))
	for j, t := range times {
		hazard[j] = m.baseline.At(t)
	}
	rows := checkEvery/(len(times)+1) + 1
	for i, e := range eta {
		if i%rows == 0 {
			if err := survival.Check(ctx, float64(i), float64(x.Rows)); err != nil {
				return err
			}
		}
		proportional(curve, hazard, math.Exp(e))
		if err := visit(i, curve); err != nil {
			return err
		}
	}
	return nil
}

// proportional writes exp(−hazard·risk), never rising even where exp rounds up.
func proportional(dst, hazard []float64, risk float64) {
	last := 1.0
	for j, h := range hazard {
		if h > 0 { // 0·Inf is no hazard, not NaN
			last = min(last, math.Exp(-h*risk))
		}
		dst[j] = last
	}
}

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(Type, Version)
	w.Strings(m.predictor.Names)
	w.Floats(m.predictor.Center)
	w.Floats(m.predictor.Beta)
	w.Step(m.baseline)
	w.Floats(m.path.Alphas)
	w.Floats(m.path.LogLik)
	w.Floats(m.path.DevRatio)
	w.Floats(m.path.Deviance)
	w.Floats(m.path.DevianceSE)
	w.Int(m.path.Selected)
	for _, beta := range m.path.Coefficients {
		w.Floats(beta)
	}
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file. Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) {
	r, err := modelfile.Open(data, Type, Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	m := &Model{predictor: linear.Predictor{Names: r.Strings(), Center: r.Floats(), Beta: r.Floats()}, baseline: r.Step()}
	if !m.predictor.Valid() {
		r.Fail("the lists of columns and coefficients differ in length")
	}
	m.path = readPath(r, len(m.predictor.Names))
	m.report = r.Report()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	return m, nil
}

func readPath(r *modelfile.Reader, columns int) Path {
	p := Path{Alphas: r.Floats(), LogLik: r.Floats(), DevRatio: r.Floats(),
		Deviance: r.Floats(), DevianceSE: r.Floats(), Selected: r.Int()}
	n := len(p.Alphas)
	if len(p.LogLik) != n || len(p.DevRatio) != n || len(p.Deviance) != len(p.DevianceSE) ||
		(p.Deviance != nil && len(p.Deviance) != n) || p.Selected < 0 || p.Selected >= n {
		r.Fail("the path is not one")
		return Path{}
	}
	for range n {
		beta := r.Floats()
		if len(beta) != columns {
			r.Fail("the path's coefficients are not one a column")
			return Path{}
		}
		p.Coefficients = append(p.Coefficients, beta)
	}
	return p
}
