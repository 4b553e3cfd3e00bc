package nonparam

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/riskset"
)

// Type is the registered name of the Kaplan–Meier model.
const Type = "km"

// Version is the algorithm version of the model: raised whenever equal data may give
// another model file.
const Version = 1

// checkEvery is how many curve values are computed between two looks at the context.
const checkEvery = 1 << 20

// Model is Kaplan–Meier as a model: risk 0 and the same curve for every row. It uses no
// column. It is the reference that every other model is compared with.
type Model struct {
	curve  survival.StepFunction
	report survival.Report
}

var _ survival.Model = (*Model)(nil)

// Fit estimates the curve; x is not read. Without events it fails with
// survival.ErrNoEvents, with values that Outcome.Validate refuses with its error.
func Fit(ctx context.Context, y survival.Outcome, opt survival.FitOptions) (*Model, error) {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return nil, err
	}
	if err := y.Validate(); err != nil {
		return nil, err
	}
	if y.Events() == 0 {
		return nil, survival.ErrNoEvents
	}
	y, err := riskset.Merge(y, opt.Times)
	if err != nil {
		return nil, err
	}
	m := &Model{curve: KaplanMeier(y), report: survival.Report{Converged: true}}
	riskset.CurveTimes(m.curve.Times, opt.Times)
	return m, survival.Check(ctx, 1, 1)
}

// Curve is the fitted S(t).
func (m *Model) Curve() survival.StepFunction { return m.curve }

// Type is "km".
func (m *Model) Type() string { return Type }

// Columns is empty.
func (m *Model) Columns() []string { return nil }

// Report has no coefficients; the fit always converges.
func (m *Model) Report() survival.Report { return m.report }

// Risk writes 0 for every row.
func (m *Model) Risk(_ context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("nonparam: dst and design differ in length")
	}
	clear(dst)
	return nil
}

// Survival visits every row with the one curve.
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	curve, s := make([]float64, len(times)), make([]float64, len(times))
	for j, t := range times {
		curve[j] = m.curve.At(t)
	}
	rows := checkEvery/(len(times)+1) + 1
	for i := range x.Rows {
		if i%rows == 0 {
			if err := survival.Check(ctx, float64(i), float64(x.Rows)); err != nil {
				return err
			}
		}
		copy(s, curve)
		if err := visit(i, s); err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(Type, Version)
	w.Step(m.curve)
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file. Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) {
	r, err := modelfile.Open(data, Type, Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	m := &Model{curve: r.Step(), report: r.Report()}
	last := m.curve.Before
	for _, v := range m.curve.Values {
		if math.IsNaN(v) || v < 0 || v > last {
			r.Fail("the curve rises or leaves [0, 1]")
			break
		}
		last = v
	}
	if m.curve.Before != 1 {
		r.Fail("the curve does not begin at 1")
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	return m, nil
}
