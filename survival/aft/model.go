package aft

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/modelfile"
)

// Type is the registered name of the Weibull model, Weibull.Type().
const Type = "weibull_aft"

// Version is the algorithm version of every distribution: raised whenever equal data may give another model file.
const Version = 3

// checkEvery is how many curve values are computed between two looks at the context.
const checkEvery = 1 << 18

// Model is a fitted accelerated-failure-time model.
type Model struct {
	distribution           Distribution
	predictor              linear.Predictor
	location               float64 // η of a row at the fitted means
	intercept, interceptSE float64 // η of a row of zeros
	sigma, sigmaSE         float64 // σ, and the standard error of log σ; 1 and 0 where fixed
	report                 survival.Report
}

var _ survival.Model = (*Model)(nil)

// Type is that of the distribution, such as "weibull_aft".
func (m *Model) Type() string { return m.distribution.Type() }

// Distribution is the law of T.
func (m *Model) Distribution() Distribution { return m.distribution }

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.predictor.Names }

// Report has one coefficient a column, on the scale of log time; LogLik is that of T, at
// the model without covariates and at the end.
func (m *Model) Report() survival.Report { return m.report }

// Intercept is β₀ with its standard error.
func (m *Model) Intercept() (value, se float64) { return m.intercept, m.interceptSE }

// Scale is σ with the standard error of log σ, exactly 1 and 0 for Exponential. Weibull's
// shape is 1/σ.
func (m *Model) Scale() (sigma, seLog float64) { return m.sigma, m.sigmaSE }

// Risk writes −η: shorter expected time, higher risk.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	if err := m.predictor.Eta(ctx, x, dst); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = -(dst[i] + m.location)
	}
	return nil
}

// Survival visits every row with P(W > (log t − η)/σ), beyond the last fitted time too; S
// is 1 for t ≤ 0.
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	risk := make([]float64, x.Rows)
	if err := m.Risk(ctx, x, risk); err != nil {
		return err
	}
	logs := make([]float64, len(times))
	for j, t := range times {
		logs[j] = math.Log(max(t, 0))
	}
	law := m.distribution.traits().law
	curve := make([]float64, len(times))
	rows := checkEvery/(len(times)+1) + 1
	for i, r := range risk {
		if i%rows == 0 {
			if err := survival.Check(ctx, float64(i), float64(x.Rows)); err != nil {
				return err
			}
		}
		last := 1.0
		for j, v := range logs {
			last = min(last, law.curve((v+r)/m.sigma)) // which may round up
			curve[j] = last
		}
		if err := visit(i, curve); err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(m.Type(), Version)
	w.Strings(m.predictor.Names)
	w.Floats(m.predictor.Center)
	w.Floats(m.predictor.Beta)
	w.Floats([]float64{m.location, m.intercept, m.interceptSE, m.sigma, m.sigmaSE})
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file of a Weibull model. Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) { return Weibull.Decode(data) }

// Decode reads a model file of the distribution. Failures wrap survival.ErrBadModelFile.
func (d Distribution) Decode(data []byte) (*Model, error) {
	r, err := modelfile.Open(data, d.Type(), Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", d.Type(), err)
	}
	m := &Model{distribution: d, predictor: linear.Predictor{Names: r.Strings(), Center: r.Floats(), Beta: r.Floats()}}
	if !m.predictor.Valid() {
		r.Fail("the lists of columns and coefficients differ in length")
	}
	if v := r.Floats(); len(v) == 5 && v[3] > 0 {
		m.location, m.intercept, m.interceptSE, m.sigma, m.sigmaSE = v[0], v[1], v[2], v[3], v[4]
	} else {
		r.Fail("the parameters are not those of the model")
	}
	m.report = r.Report()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", d.Type(), err)
	}
	return m, nil
}
