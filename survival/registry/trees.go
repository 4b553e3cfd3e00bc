package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/forest"
	"everfold/survival/tree"
)

func fitBoosting(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	set := boostSettings{Trees: 100, LearningRate: 0.1, Depth: 3, Subsample: 1, ColumnSample: 1, MinLeaf: 1, Leaf: "mean", Patience: 10}
	if err := decodeSettings(boost.Type, settings, &set); err != nil {
		return nil, err
	}
	options, err := set.options()
	if err != nil {
		return nil, err
	}
	return model(boost.Fit(ctx, x, y, options, opt))
}

type boostSettings struct {
	Trees        int      `json:"trees"`
	LearningRate float64  `json:"learning_rate"`
	Depth        int      `json:"depth"`
	Subsample    float64  `json:"subsample"`
	ColumnSample float64  `json:"column_sample"`
	MinLeaf      int      `json:"min_leaf"`
	Leaf         string   `json:"leaf"`
	Lambda       *float64 `json:"lambda"` // absent: as the kind of leaf has it
	Bins         bins     `json:"bins"`
	Validation   float64  `json:"validation"`
	Patience     int      `json:"patience"`
}

// options checks the settings' values.
func (s boostSettings) options() (boost.Options, error) {
	leaf, known := map[string]boost.Leaf{"mean": boost.Mean, "newton": boost.Newton}[s.Leaf]
	share := func(v float64) bool { return v > 0 && v <= 1 }
	if err := firstProblem(boost.Type, []requirement{
		{s.Trees >= 1, "trees must be ≥ 1"},
		{share(s.LearningRate), "learning_rate must be above 0 and at most 1"},
		{s.Depth >= 1, "depth must be ≥ 1"},
		{share(s.Subsample), "subsample must be above 0 and at most 1"},
		{share(s.ColumnSample), "column_sample must be above 0 and at most 1"},
		{s.MinLeaf >= 1, "min_leaf must be ≥ 1"},
		{known, "leaf must be mean or newton"},
		{s.Lambda == nil || *s.Lambda >= 0, "lambda must be ≥ 0, or null"},
		{s.Validation >= 0 && s.Validation <= 0.5, "validation must be from 0 to 0.5"},
		{s.Patience >= 0, "patience must be ≥ 0"},
	}); err != nil {
		return boost.Options{}, err
	}
	o := boost.Options{
		Trees: s.Trees, LearningRate: s.LearningRate, Depth: s.Depth, Subsample: s.Subsample, ColumnSample: s.ColumnSample,
		MinLeaf: s.MinLeaf, Leaf: leaf, Bins: tree.Bins(s.Bins), Validation: s.Validation, Patience: s.Patience,
	}
	switch {
	case s.Lambda == nil:
	case *s.Lambda == 0:
		o.Lambda = -1 // none: 0 is the package's default
	default:
		o.Lambda = *s.Lambda
	}
	return o, nil
}

func fitForest(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	options, err := forestOptions(settings)
	if err != nil {
		return nil, err
	}
	return model(forest.Fit(ctx, x, y, options, opt))
}

func predictForest(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (*survival.Predictions, error) {
	options, err := forestOptions(settings)
	if err != nil {
		return nil, err
	}
	return forest.Predict(ctx, x, y, options, opt)
}

// forestOptions decodes and checks the settings of a forest.
func forestOptions(settings json.RawMessage) (forest.Options, error) {
	set := struct {
		Trees     int     `json:"trees"`
		MinSplit  int     `json:"min_split"`
		MinLeaf   int     `json:"min_leaf"`
		Mtry      mtry    `json:"mtry"`
		Depth     int     `json:"depth"`
		Bootstrap bool    `json:"bootstrap"`
		Subsample float64 `json:"subsample"`
		Bins      bins    `json:"bins"`
		Curve     string  `json:"curve"`
	}{Trees: 300, MinSplit: 10, MinLeaf: 5, Bootstrap: true, Subsample: 1, Curve: "mean"}
	if err := decodeSettings(forest.Type, settings, &set); err != nil {
		return forest.Options{}, err
	}
	return forest.Options{
			Trees: set.Trees, MinSplit: set.MinSplit, MinLeaf: set.MinLeaf, Try: int(set.Mtry), Depth: set.Depth,
			NoBootstrap: !set.Bootstrap, Subsample: set.Subsample, Bins: tree.Bins(set.Bins), ExpHazard: set.Curve == "hazard",
		}, firstProblem(forest.Type, []requirement{
			{set.Trees >= 1, "trees must be ≥ 1"},
			{set.MinSplit >= 2, "min_split must be ≥ 2"},
			{set.MinLeaf >= 1, "min_leaf must be ≥ 1"},
			{set.Depth >= 0, "depth must be ≥ 0"},
			{set.Subsample > 0 && set.Subsample <= 1, "subsample must be above 0 and at most 1"},
			{set.Curve == "mean" || set.Curve == "hazard", "curve must be mean or hazard"},
		})
}

// requirement is what a setting must satisfy, and how to say it.
type requirement struct {
	met  bool
	says string
}

func firstProblem(typ string, list []requirement) error {
	for _, r := range list {
		if !r.met {
			return &SettingsError{Type: typ, Problem: r.says}
		}
	}
	return nil
}

// bins is 255 or "exact".
type bins tree.Bins

// UnmarshalJSON reads 255 or "exact".
func (b *bins) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `255`:
		*b = bins(tree.Quantiles)
	case `"exact"`:
		*b = bins(tree.Exact)
	default:
		return fmt.Errorf("bins must be 255 or exact")
	}
	return nil
}

// mtry is "sqrt" (0), "all" or a number of columns.
type mtry int

// UnmarshalJSON reads "sqrt", "all" or a number ≥ 1.
func (m *mtry) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"sqrt"`:
		*m = 0
		return nil
	case `"all"`:
		*m = forest.AllColumns
		return nil
	}
	var n int
	if err := json.Unmarshal(data, &n); err != nil || n < 1 {
		return fmt.Errorf("mtry must be sqrt, all or a number ≥ 1")
	}
	*m = mtry(n)
	return nil
}
