package metric

import (
	"errors"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// Convention names the peer whose tie and weighting rules are followed; see the table in
// the package comment.
type Convention string

// The conventions.
const (
	RiskRegression Convention = "riskregression"
	ScikitSurvival Convention = "scikit-survival"
	Mlr3proba      Convention = "mlr3proba"
)

// ParseConvention reads a convention's name; the error lists those allowed.
func ParseConvention(name string) (Convention, error) {
	if _, err := nonparam.ParseConvention(name); err != nil {
		return "", err
	}
	return Convention(name), nil
}

// known is the convention's treatment of Ĝ. An unknown name is a caller's bug.
func (c Convention) known() nonparam.Convention {
	g, err := nonparam.ParseConvention(string(c))
	if err != nil {
		panic("metric: " + err.Error())
	}
	return g
}

// timeRule is how a convention compares training times.
func (c Convention) timeRule() survival.TimeRule {
	if c == Mlr3proba {
		return survival.TimesMlr3proba
	}
	return survival.TimesExact
}

// tolerance is the largest difference of risks that counts as a tie.
func (c Convention) tolerance() float64 {
	if c == ScikitSurvival {
		return 1e-8
	}
	return 0
}

// The reasons of Undefined. They are part of the CSV format and do not change.
const (
	ReasonNoPair     = "no comparable pair"
	ReasonZeroWeight = "censoring survival is zero where a weight is needed"
	ReasonTruncated  = "not defined with left truncation"
	ReasonNoEvent    = "no event by the last grid time"
	ReasonNoControl  = "no row outlives a grid time"
	ReasonZeroNull   = "the Kaplan-Meier score is zero"
	ReasonNoRow      = "there are no rows"
	ReasonNoEventYet = "no event by the horizon"
	ReasonNotReached = "no row is observed up to the horizon"
	ReasonNoSmoother = "the calibration curve has no finite fit"

	ReasonFewFolds    = "fewer than two folds have both scores"
	ReasonSameGap     = "the difference is the same in every fold"
	ReasonNoScore     = "no model has a score"
	ReasonNoReplicate = "no bootstrap replicate has a score"
)

// Undefined says why the data leave a value undefined.
type Undefined struct{ Reason string }

func (u *Undefined) Error() string { return "undefined: " + u.Reason }

// reasonOf is the reason of an Undefined, or "" for any other error.
func reasonOf(err error) string {
	var u *Undefined
	if errors.As(err, &u) {
		return u.Reason
	}
	return ""
}
