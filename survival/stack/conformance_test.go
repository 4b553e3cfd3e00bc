package stack_test

import (
	"context"
	"errors"
	"testing"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/cox"
	"everfold/survival/forest"
	"everfold/survival/nonparam"
	"everfold/survival/stack"
	"everfold/survival/survtest"
)

type (
	outcome = survival.Outcome
	design  = survival.Design
	model   = survival.Model
)

// bases by name, each of the settings that a test can afford.
func kaplanMeier() stack.Base {
	return stack.Base{Name: "km", Decode: func(data []byte) (model, error) { return nonparam.Decode(data) },
		Fit: func(ctx context.Context, _ *design, y outcome, fit survival.FitOptions) (model, error) {
			return nonparam.Fit(ctx, y, fit)
		}}
}

func coxBase(name string, opt cox.Options) stack.Base {
	return stack.Base{Name: name, Decode: func(data []byte) (model, error) { return cox.Decode(data) },
		Fit: func(ctx context.Context, x *design, y outcome, fit survival.FitOptions) (model, error) {
			return orNil(cox.Fit(ctx, x, y, opt, fit))
		}}
}

func boostBase(name string, opt boost.Options) stack.Base {
	return stack.Base{Name: name, Decode: func(data []byte) (model, error) { return boost.Decode(data) },
		Fit: func(ctx context.Context, x *design, y outcome, fit survival.FitOptions) (model, error) {
			return orNil(boost.Fit(ctx, x, y, opt, fit))
		}}
}

func forestBase(name string, opt forest.Options) stack.Base {
	return stack.Base{Name: name, Decode: func(data []byte) (model, error) { return forest.Decode(data) },
		Fit: func(ctx context.Context, x *design, y outcome, fit survival.FitOptions) (model, error) {
			return orNil(forest.Fit(ctx, x, y, opt, fit))
		},
		Predict: func(ctx context.Context, x *design, y outcome, fit survival.FitOptions) (*survival.Predictions, error) {
			return forest.Predict(ctx, x, y, opt, fit)
		}}
}

func orNil[M model](m M, err error) (model, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

// decode reads a stack of the bases above.
func decode(data []byte) (model, error) {
	return orNil(stack.Decode(data, func(typ string, file []byte) (model, error) {
		switch typ {
		case "km":
			return kaplanMeier().Decode(file)
		case "cox_ph":
			return coxBase("", cox.Options{}).Decode(file)
		case "gbsa":
			return boostBase("", boost.Options{}).Decode(file)
		case "rsf":
			return forestBase("", forest.Options{}).Decode(file)
		}
		return nil, errors.Join(survival.ErrBadModelFile, errors.New("unknown base"))
	}))
}

func subject(name string, of ...stack.Base) survtest.Subject {
	return survtest.Subject{Name: name, Deterministic: true, Resumes: true, WholeParts: true, Decode: decode,
		Fit: func(ctx context.Context, x *design, y outcome, fit survival.FitOptions) (model, error) {
			return orNil(stack.Fit(ctx, x, y, stack.Options{Of: of}, fit))
		}}
}

// A stack conforms: of linear models and trees, of one model, and of models that take gaps.
func TestConformance(t *testing.T) {
	linear := coxBase("cox", cox.Options{})
	trees := boostBase("gbsa", boost.Options{Trees: 6})
	woods := forestBase("rsf", forest.Options{Trees: 3})
	survtest.Run(t, subject("mixed", linear, trees, woods, kaplanMeier()))
	gaps := subject("trees", trees, woods)
	gaps.Gaps = true
	survtest.Run(t, gaps)
	one := subject("one", linear)
	one.Resumes = false // there is one fit, and one state
	survtest.Run(t, one)
}
