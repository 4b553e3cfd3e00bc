package registry

import (
	"context"
	"encoding/json"

	"everfold/survival"
	"everfold/survival/oblique"
)

func fitOblique(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	options, err := obliqueOptions(settings)
	if err != nil {
		return nil, err
	}
	return model(oblique.Fit(ctx, x, y, options, opt))
}

func predictOblique(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (*survival.Predictions, error) {
	options, err := obliqueOptions(settings)
	if err != nil {
		return nil, err
	}
	return oblique.Predict(ctx, x, y, options, opt)
}

// obliqueOptions decodes and checks the settings of an oblique forest.
func obliqueOptions(settings json.RawMessage) (oblique.Options, error) {
	set := struct {
		Trees     int     `json:"trees"`
		MinSplit  int     `json:"min_split"`
		MinLeaf   int     `json:"min_leaf"`
		MinStat   float64 `json:"min_stat"`
		Mtry      mtry    `json:"mtry"`
		Depth     int     `json:"depth"`
		Bootstrap bool    `json:"bootstrap"`
	}{Trees: 300, MinSplit: 10, MinLeaf: 12, MinStat: 3.84, Bootstrap: true}
	if err := decodeSettings(oblique.Type, settings, &set); err != nil {
		return oblique.Options{}, err
	}
	return oblique.Options{
			Trees: set.Trees, MinSplit: set.MinSplit, MinLeaf: set.MinLeaf, MinStat: set.MinStat, Try: int(set.Mtry),
			Depth: set.Depth, NoBootstrap: !set.Bootstrap,
		}, firstProblem(oblique.Type, []requirement{
			{set.Trees >= 1, "trees must be ≥ 1"},
			{set.MinSplit >= 2, "min_split must be ≥ 2"},
			{set.MinLeaf >= 1, "min_leaf must be ≥ 1"},
			{set.MinStat >= 0, "min_stat must be ≥ 0"},
			{set.Depth >= 0, "depth must be ≥ 0"},
		})
}
