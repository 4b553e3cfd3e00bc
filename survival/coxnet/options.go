package coxnet

import (
	"math"

	"everfold/survival"
)

// Select says which penalty of the path a model uses.
type Select int

// The ways to select.
const (
	SelectCV   Select = iota // by cross-validation within the fitted rows
	SelectLast               // the last, smallest one of the path
)

// Rule says how cross-validation chooses.
type Rule int

// The rules.
const (
	RuleMin   Rule = iota // the α with the least cross-validated deviance
	RuleOneSE             // the largest α within one standard error of that
)

// Options are the settings of Fit; zero values are the defaults named.
type Options struct {
	L1Ratio  float64 // r, the share of the L1 penalty: 0 < r ≤ 1; default 0.5
	Alphas   int     // length of the path; default 100
	MinRatio float64 // the last α is this share of the first: 0 < ratio < 1; default 0.01
	// Path, where not nil, is the path itself: descending, positive, finite. It never stops
	// early. Otherwise the path ends with α_i once i ≥ 4 and D_{i−4}/D_i > 0.999, where
	// D is the explained share of the null deviance.
	Path []float64
	// PenaltyFactor is nil (all 1), or f_j ≥ 0 a column, not all 0; 0 is never penalised.
	PenaltyFactor []float64
	Standardize   bool   // penalises coefficients per standard deviation
	Select        Select // default SelectCV
	InnerFolds    int    // folds of SelectCV, at least 2; default 5
	Rule          Rule   // default RuleMin
}

// withDefaults fills in defaults; it panics where a value is not allowed.
func (o Options) withDefaults(x *survival.Design, y survival.Outcome) Options {
	if o.L1Ratio == 0 {
		o.L1Ratio = 0.5
	}
	if o.Alphas == 0 {
		o.Alphas = 100
	}
	if o.MinRatio == 0 {
		o.MinRatio = 0.01
	}
	if o.InnerFolds == 0 {
		o.InnerFolds = 5
	}
	switch {
	case x.Rows != y.Len():
		panic("coxnet: design and outcome differ in length")
	case y.Entry != nil:
		panic("coxnet: left truncation is not supported")
	case !(o.L1Ratio > 0 && o.L1Ratio <= 1):
		panic("coxnet: L1Ratio must be above 0 and at most 1")
	case o.Alphas < 1:
		panic("coxnet: Alphas must be at least 1")
	case !(o.MinRatio > 0 && o.MinRatio < 1):
		panic("coxnet: MinRatio must be between 0 and 1")
	case o.InnerFolds < 2:
		panic("coxnet: InnerFolds must be at least 2")
	}
	o.checkPath()
	o.checkFactors(len(x.Columns))
	return o
}

func (o Options) checkPath() {
	if o.Path != nil && len(o.Path) == 0 {
		panic("coxnet: Path must not be empty")
	}
	last := math.Inf(1)
	for _, a := range o.Path {
		if !(a > 0 && a < last) {
			panic("coxnet: Path must be descending, positive and finite")
		}
		last = a
	}
}

func (o Options) checkFactors(columns int) {
	if o.PenaltyFactor == nil {
		return
	}
	if len(o.PenaltyFactor) != columns {
		panic("coxnet: PenaltyFactor and design differ in their number of columns")
	}
	sum := 0.0
	for _, f := range o.PenaltyFactor {
		if !(f >= 0) || math.IsInf(f, 1) {
			panic("coxnet: PenaltyFactor must be finite and not negative")
		}
		sum += f
	}
	if columns > 0 && sum == 0 {
		panic("coxnet: PenaltyFactor must not be all 0")
	}
}
