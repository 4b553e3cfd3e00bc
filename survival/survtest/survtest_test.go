package survtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// exponential is a small correct model: constant hazard e^{x_1} times events/exposure.
// Each flaw breaks one promise of survival.Model.
type exponential struct {
	Names   []string
	Rate    float64
	Threads int
	flaw    string
}

const noFlaw = ""

func (m *exponential) Type() string            { return "exponential" }
func (m *exponential) Columns() []string       { return m.Names }
func (m *exponential) Report() survival.Report { return survival.Report{Converged: true} }

func (m *exponential) Risk(_ context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows && m.flaw != "visit" {
		panic("exponential: dst and design differ in length")
	}
	clear(dst)
	columns := x
	if m.flaw != "columns" {
		var err error
		if columns, err = x.Align(m.Names); err != nil {
			return err
		}
	}
	if len(columns.Columns) > 0 {
		for i, v := range columns.Columns[0].Values[:len(dst)] {
			dst[i] = math.Tanh(v)
			if m.flaw == "equal rows" && i%8 == 7 {
				dst[i] = math.Nextafter(dst[i], 9)
			}
		}
	}
	if m.flaw == "proportional" {
		for i := range dst {
			dst[i] *= 2
		}
	}
	return nil
}

func (m *exponential) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(int, []float64) error) error {
	risk := make([]float64, x.Rows)
	if err := m.Risk(ctx, x, risk); err != nil {
		return err
	}
	s := make([]float64, len(times))
	for i, r := range risk {
		if err := survival.Check(ctx, float64(i), float64(len(risk))); err != nil && m.flaw != "cancelled" {
			return err
		}
		if m.flaw == "proportional" {
			r /= 2
		}
		for j, t := range times {
			s[j] = math.Exp(-m.Rate * t * math.Exp(r))
		}
		if m.flaw == "curves" {
			s[0] = 0.999
		}
		if err := visit(i, s); err != nil && m.flaw != "visit" {
			return err
		}
	}
	return nil
}

func (m *exponential) MarshalBinary() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := 0
	for k, b := range body {
		sum += (k + 1) * int(b)
	}
	return fmt.Appendf(body, "#%08d", sum), nil
}

func decodeExponential(flaw string) func([]byte) (survival.Model, error) {
	return func(data []byte) (survival.Model, error) {
		m := &exponential{flaw: flaw}
		body, _, _ := bytes.Cut(data, []byte("#"))
		if err := json.Unmarshal(body, m); err != nil {
			return nil, survival.ErrBadModelFile
		}
		if again, _ := m.MarshalBinary(); !bytes.Equal(again, data) && flaw != "damaged file" {
			return nil, survival.ErrBadModelFile
		}
		if flaw == "round trip" {
			m.Rate = math.Nextafter(m.Rate, 9)
		}
		return m, nil
	}
}

func fitExponential(flaw string) func(context.Context, *survival.Design, survival.Outcome, survival.FitOptions) (survival.Model, error) {
	return func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error) {
		if err := y.Validate(); err != nil && flaw != "bad values" {
			return nil, err
		}
		if err := refuseGaps(x); err != nil && flaw != "no gaps" {
			return nil, err
		}
		m := &exponential{Names: x.Names(), flaw: flaw}
		events, exposure, total := 0.0, 0.0, 0.0
		for i, t := range y.Time {
			if y.Entry != nil && flaw != "entry" {
				t -= y.Entry[i]
			}
			if flaw == "entry" && y.Entry != nil {
				t++
			}
			total += y.W(i)
			exposure += t * y.W(i)
			if y.Event[i] {
				events += y.W(i)
			}
			if err := survival.Check(ctx, float64(i), float64(y.Len())); err != nil && (i == 0 || flaw != "cancelled at work") {
				return nil, err
			}
		}
		if events == 0 && flaw != "no events" {
			return nil, survival.ErrNoEvents
		}
		m.Rate = events / exposure
		spoil(m, x, y, opt)
		return m, nil
	}
}

func refuseGaps(x *survival.Design) error {
	for _, c := range x.Columns {
		for i, v := range c.Values {
			if math.IsNaN(v) {
				return &survival.DataError{Row: i, Column: c.Name, Problem: "is missing"}
			}
		}
	}
	return nil
}

// spoil adds the flaws of the fitted rate.
func spoil(m *exponential, x *survival.Design, y survival.Outcome, opt survival.FitOptions) {
	switch m.flaw {
	case "threads":
		m.Threads = opt.Threads
	case "inputs":
		y.Time[0]++
	case "time unit":
		m.Rate += 1e-3
	case "constant column":
		m.Rate *= float64(len(x.Columns))
	case "row order":
		m.Rate *= 1 + 1e-6*y.Time[0]
	case "weights":
		m.Rate *= 1 + 1/float64(y.Len())
	case "degenerate":
		if y.Len() == 1 {
			m.Rate = math.NaN()
		}
	}
}

// predictExponential fits and answers the query.
func predictExponential(flaw string) func(context.Context, *survival.Design, survival.Outcome, survival.FitOptions) (*survival.Predictions, error) {
	return func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (*survival.Predictions, error) {
		m, err := fitExponential(flaw)(ctx, x, y, opt)
		if err != nil {
			return nil, err
		}
		p := &survival.Predictions{Risk: make([]float64, opt.Query.Design.Rows), Report: m.Report()}
		if err := m.Risk(ctx, opt.Query.Design, p.Risk); err != nil {
			return nil, err
		}
		if flaw == "query" {
			p.Risk[0] = math.Nextafter(p.Risk[0], 9)
		}
		return p, m.Survival(ctx, opt.Query.Design, opt.Query.Times, func(_ int, s []float64) error {
			p.Survival = append(p.Survival, s...)
			return nil
		})
	}
}

func mutant(flaw string) Subject {
	return Subject{Name: "exponential", Fit: fitExponential(flaw), Decode: decodeExponential(flaw), Predict: predictExponential(flaw),
		Deterministic: true, Proportional: true, RowOrder: true, Constant: true, Weights: true, Entry: true}
}

// The small correct model passes the whole suite.
func TestAcceptsCorrectModel(t *testing.T) { Run(t, mutant(noFlaw)) }

// recorder is a T that notes the failure and ends the check.
type recorder struct{ failed bool }

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Helper()               {}
func (r *recorder) FailNow()              { r.failed = true; runtime.Goexit() }

// Every check of the suite finds the model that breaks its promise.
func TestFindsEveryFlaw(t *testing.T) {
	for _, c := range checks {
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.check(r, mutant(c.name))
		}()
		<-done
		require.True(t, r.failed, c.name)
	}
}

// A promise that a subject does not make is not checked.
func TestFlagsSelectChecks(t *testing.T) {
	var names []string
	for _, c := range checks {
		if !c.applies(Subject{}) {
			names = append(names, c.name)
		}
	}
	slices.Sort(names)
	require.Equal(t, []string{"constant column", "entry", "gaps", "proportional", "query", "resume", "row order", "threads", "weights"}, names)
	require.Equal(t, 1e-8, Subject{}.tolerance())
	require.Equal(t, 1e-4, Subject{Tolerance: 1e-4}.tolerance())
}

func ExampleRun() {
	// In a model's package:
	_ = func(t *testing.T) {
		Run(t, Subject{Name: "exponential", Fit: fitExponential(noFlaw), Decode: decodeExponential(noFlaw), RowOrder: true})
	}
}
