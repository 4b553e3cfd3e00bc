package preprocess

import (
	"fmt"
	"slices"

	"everfold/survival"
)

// Version is the version of the algorithm; it is part of every fit fingerprint and rises
// when the same data and options give another design.
const Version = 1

// The levels that preprocessing makes.
const (
	MissingLevel = "(missing)"
	OtherLevel   = "(other)"
)

// Options says what to do. The zero value refuses gaps, does not scale, encodes by
// treatment, merges nothing and drops nothing.
type Options struct {
	// Impute is "median", "mean" or "native"; "error", "drop-row" and "" make a gap a
	// *survival.DataError (rows with gaps are dropped before, where the table is read).
	Impute string `json:"impute"`
	Scale  string `json:"scale"`  // "standard"; "none" or ""
	Encode string `json:"encode"` // "treatment" or ""; "onehot"

	// RareLevel is the share of the training rows under which a level is rare; 0: none is.
	RareLevel float64 `json:"rare_level"`
	// RareKeep > 0 replaces the rule of RareLevel by that of the Burk benchmark: of a factor
	// with more than RareKeep levels the RareKeep most frequent stay, and those that are not
	// rare by RareLevel (where that is not 0); all others are merged into one. Levels of
	// equal frequency rank in byte order.
	RareKeep int `json:"rare_keep"`
	// RareMerge says into which: "least-kept", the least frequent of those that stay; or
	// "other" or "", OtherLevel.
	RareMerge string `json:"rare_merge"`

	DropConstant bool `json:"drop_constant"`
	// Strata names columns whose combinations of values become Design.Strata.
	Strata []string `json:"strata,omitempty"`
}

// problem says what is wrong with o, or "".
func (o Options) problem() string {
	for _, choice := range []struct {
		field, value string
		allowed      []string
	}{
		{"Impute", o.Impute, []string{"", "median", "mean", "native", "error", "drop-row"}},
		{"Scale", o.Scale, []string{"", "standard", "none"}},
		{"Encode", o.Encode, []string{"", "treatment", "onehot"}},
		{"RareMerge", o.RareMerge, []string{"", "least-kept", "other"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return fmt.Sprintf("Options.%s is %q; allowed: %q", choice.field, choice.value, choice.allowed[1:])
		}
	}
	if !(o.RareLevel >= 0 && o.RareLevel <= 1) {
		return "Options.RareLevel must be a share from 0 to 1"
	}
	if o.RareKeep < 0 {
		return "Options.RareKeep is negative"
	}
	return ""
}

// fills says whether numeric gaps are filled, and so whether indicators are made.
func (o Options) fills() bool { return o.Impute == "median" || o.Impute == "mean" }

// refusesGaps says whether any gap is an error.
func (o Options) refusesGaps() bool {
	return o.Impute == "" || o.Impute == "error" || o.Impute == "drop-row"
}

// TermError says why a column cannot be preprocessed.
type TermError struct{ Column, Problem string }

// Error is `column "age" …`.
func (e *TermError) Error() string { return fmt.Sprintf("column %q %s", e.Column, e.Problem) }

// gapError refuses a gap: no imputation was asked for.
func gapError(row int, column string) error {
	return &survival.DataError{Row: row, Column: column, Problem: "is missing, and impute fills no gaps"}
}
