package cox_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/riskset"
	"everfold/survival/survtest"
)

func subject(name string, opt cox.Options) survtest.Subject {
	return survtest.Subject{
		Name: name,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
			return cox.Fit(ctx, x, y, opt, fit)
		},
		Decode:        func(data []byte) (survival.Model, error) { return cox.Decode(data) },
		Deterministic: true, Proportional: true, RowOrder: true, Constant: true, Entry: true,
		Weights: opt.Ties == riskset.Breslow, // Efron treats copies as ties of their own
	}
}

// The Cox model conforms under both tie rules and with a penalty.
func TestConformance(t *testing.T) {
	survtest.Run(t, subject("efron", cox.Options{}))
	survtest.Run(t, subject("breslow", cox.Options{Ties: riskset.Breslow}))
	survtest.Run(t, subject("ridge", cox.Options{Alpha: 0.5}))
}

// The stratified model conforms, strata given by the sign of a covariate.
func TestConformanceStratified(t *testing.T) {
	s := subject("stratified", cox.Options{Stratified: true})
	s.Fit = func(ctx context.Context, x *survival.Design, y survival.Outcome, fit survival.FitOptions) (survival.Model, error) {
		m, err := cox.Fit(ctx, withStrata(x), y, cox.Options{Stratified: true}, fit)
		return stratified{m}, err
	}
	s.Decode = func(data []byte) (survival.Model, error) {
		m, err := cox.DecodeStratified(data)
		return stratified{m}, err
	}
	s.Proportional = false
	survtest.Run(t, s)
}

// stratified gives every design the strata that the fit used.
type stratified struct{ *cox.Model }

func (m stratified) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	return m.Model.Risk(ctx, withStrata(x), dst)
}

func (m stratified) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(int, []float64) error) error {
	return m.Model.Survival(ctx, withStrata(x), times, visit)
}

// withStrata splits the rows by the sign of column "xaa"; without it there is one stratum.
func withStrata(x *survival.Design) *survival.Design {
	out := *x
	out.Strata = make([]int, x.Rows)
	for _, c := range x.Columns {
		for i, v := range c.Values {
			if c.Name == "xaa" && v > 0 {
				out.Strata[i] = 1
			}
		}
	}
	return &out
}
