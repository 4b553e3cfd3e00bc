package stack

import (
	"cmp"
	"context"
	"slices"

	"everfold/survival"
)

// Options are the settings of Fit; zero values are the defaults named.
type Options struct {
	Of         []Base // at least one, of distinct names
	InnerFolds int    // 5, at least 2; fewer are formed where groups or events do not suffice
	// PriorEvents draws weights towards equal ones: λ of the package comment is this divided
	// by the number of events. 0 means 30; negative means none.
	PriorEvents float64
}

// Base is one of the models that are averaged: how to fit it, under a name.
type Base struct {
	Name string // not empty; seeds the base and stands in the report
	// Fit fits the base. Its seed, grid and inner split are those of the options.
	Fit func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error)
	// Predict, where the base has one, answers the Query of the options with the bits of the model
	// that Fit would give, and holds no model. nil: inner fits give models, too.
	Predict func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (*survival.Predictions, error)
	// Decode reads a file of the base's type.
	Decode func(data []byte) (survival.Model, error)
}

// withDefaults fills in defaults and sorts the bases by name; it panics where a value is
// not allowed.
func (o Options) withDefaults(x *survival.Design, y survival.Outcome) Options {
	if o.InnerFolds == 0 {
		o.InnerFolds = 5
	}
	if o.PriorEvents == 0 {
		o.PriorEvents = 30
	}
	o.Of = slices.SortedFunc(slices.Values(o.Of), func(a, b Base) int { return cmp.Compare(a.Name, b.Name) })
	switch {
	case x.Rows != y.Len():
		panic("stack: design and outcome differ in length")
	case y.Entry != nil:
		panic("stack: left truncation is not supported")
	case len(o.Of) == 0:
		panic("stack: a stack needs a base")
	case o.InnerFolds < 2:
		panic("stack: InnerFolds must be at least 2")
	}
	for b, base := range o.Of {
		if base.Name == "" || base.Fit == nil || base.Decode == nil {
			panic("stack: a base needs Name, Fit and Decode")
		}
		if b > 0 && base.Name == o.Of[b-1].Name {
			panic("stack: two bases are named " + base.Name)
		}
	}
	return o
}
