package registry

import (
	"context"
	"encoding/json"

	"everfold/survival"
	"everfold/survival/coxnet"
)

func fitCoxnet(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	set := struct {
		L1Ratio     float64 `json:"l1_ratio"`
		Alphas      int     `json:"alphas"`
		MinRatio    float64 `json:"alpha_min_ratio"`
		Standardize bool    `json:"standardize"`
		Select      string  `json:"select"`
		InnerFolds  int     `json:"inner_folds"`
		Rule        string  `json:"rule"`
	}{L1Ratio: 0.5, Alphas: 100, MinRatio: 0.01, Select: "cv", InnerFolds: 5, Rule: "min"}
	if err := decodeSettings(coxnet.Type, settings, &set); err != nil {
		return nil, err
	}
	way, knownWay := map[string]coxnet.Select{"cv": coxnet.SelectCV, "last": coxnet.SelectLast}[set.Select]
	rule, knownRule := map[string]coxnet.Rule{"min": coxnet.RuleMin, "1se": coxnet.RuleOneSE}[set.Rule]
	if err := firstProblem(coxnet.Type, []requirement{
		{set.L1Ratio > 0 && set.L1Ratio <= 1, "l1_ratio must be above 0 and at most 1"},
		{set.Alphas >= 1, "alphas must be ≥ 1"},
		{set.MinRatio > 0 && set.MinRatio < 1, "alpha_min_ratio must be between 0 and 1"},
		{knownWay, "select must be cv or last"},
		{set.InnerFolds >= 2, "inner_folds must be ≥ 2"},
		{knownRule, "rule must be min or 1se"},
	}); err != nil {
		return nil, err
	}
	return model(coxnet.Fit(ctx, x, y, coxnet.Options{
		L1Ratio: set.L1Ratio, Alphas: set.Alphas, MinRatio: set.MinRatio, Standardize: set.Standardize,
		Select: way, InnerFolds: set.InnerFolds, Rule: rule,
	}, opt))
}
