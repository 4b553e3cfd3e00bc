// Package cost says beforehand how long fits will take: by the seconds that equal or like
// fits took, scaled by what the work of a fit grows with, and by built-in figures where
// nothing has been measured.
//
// Work is the built-in figure, core-seconds on the machine where it was measured. Evidence
// corrects it: a model's speed is the seconds of its measured fits divided by their Work.
// So measurements at other numbers of rows, trees and alphas count as well, and only their
// growth is taken from here. Columns are left out: they rarely change within a store.
package cost

import (
	"encoding/json"
	"math"

	"everfold/config"
)

// Built-in figures, core-seconds at the shape of the production job (23 encoded columns).
// docs/OPERATIONS.md says how they were measured.
const (
	secondsKM       = 1.2e-6 // a row
	secondsCox      = 2.3e-6 // a row
	secondsWeibull  = 3.1e-6 // a row
	secondsPath     = 5.1e-8 // a row and alpha of coxnet
	secondsBoosting = 6.2e-8 // a row and tree of depth 3
	secondsForest   = 7.3e-8 // a row, tree and binary logarithm of the rows, all columns tried
	secondsOblique  = 2.5e-7 // the same of oblique trees
	secondsScoring  = 1e-5   // a row of test: scores and files, which no measurement includes
	secondsCall     = 0.05   // a fit: calls of server and store
	predictForest   = 0.2    // of a forest's fit: predicting as many rows
	sqrtColumns     = 0.7    // at mtry: sqrt: rows move all the same
	stackFolds      = 5      // inner fits of each base
)

// Rows are what a fit is given.
type Rows struct{ Train, Test int }

// Work is the built-in figure of one fit of a model of the spec with its predictions, in
// core-seconds. A stack is the sum of its bases' inner and last fits; an unknown type counts
// as Cox regression.
func Work(spec *config.Spec, m config.Model, r Rows) float64 {
	n := float64(r.Train)
	switch m.Type {
	case config.KM:
		return secondsKM * n
	case config.Coxnet:
		folds := 0.0
		if m.Settings["select"] == "cv" {
			folds = number(m, "inner_folds", 5)
		}
		return secondsPath * n * number(m, "alphas", 100) * (1 + folds)
	case config.WeibullAFT:
		return secondsWeibull * n
	case config.GBSA:
		return secondsBoosting * n * number(m, "trees", 100) * number(m, "depth", 3) / 3
	case config.RSF:
		return forest(m, r, secondsForest)
	case config.ORSF:
		return forest(m, r, secondsOblique)
	case config.Stack:
		return stack(spec, m, r)
	}
	return secondsCox * n
}

// forest grows as n·log n: a level of a tree looks at every row.
func forest(m config.Model, r Rows, seconds float64) float64 {
	levels := math.Log2(float64(max(2, r.Train)))
	if share, is := asNumber(m.Settings["subsample"]); is && share > 0 {
		seconds *= share
	}
	if m.Settings["mtry"] == "sqrt" {
		seconds *= sqrtColumns
	}
	return seconds * number(m, "trees", 300) * levels * (float64(r.Train) + predictForest*float64(r.Test))
}

func stack(spec *config.Spec, m config.Model, r Rows) float64 {
	total := 0.0
	bases, _ := m.Settings["of"].([]any)
	for _, name := range bases {
		text, _ := name.(string)
		if base, err := spec.Model(text); err == nil && base.Type != config.Stack {
			total += (stackFolds + 1) * Work(spec, base, r)
		}
	}
	return total
}

// overhead is what every fit costs beside its own seconds.
func overhead(r Rows) float64 { return secondsCall + secondsScoring*float64(r.Test) }

func number(m config.Model, key string, otherwise float64) float64 {
	if v, is := asNumber(m.Settings[key]); is {
		return v
	}
	return otherwise
}

// asNumber reads a number of a spec, as a default or as decoded.
func asNumber(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}
