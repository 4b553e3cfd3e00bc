package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/stack"
)

// fitStack takes the bases with their settings: {"of": [{"name": …, "type": …, settings…}]}.
func fitStack(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	var set struct {
		Of []map[string]json.RawMessage `json:"of"`
	}
	if err := decodeSettings(stack.Type, settings, &set); err != nil {
		return nil, err
	}
	options, names := stack.Options{}, map[string]bool{}
	for k, entry := range set.Of {
		base, problem := stackBase(entry)
		if problem == "" && names[base.Name] {
			problem = "another base has its name"
		}
		if problem != "" {
			return nil, &SettingsError{Type: stack.Type, Problem: fmt.Sprintf("of[%d]: %s", k, problem)}
		}
		names[base.Name] = true
		options.Of = append(options.Of, base)
	}
	if len(options.Of) == 0 {
		return nil, &SettingsError{Type: stack.Type, Problem: "of must list the models that are averaged"}
	}
	return model(stack.Fit(ctx, x, y, options, opt))
}

// stackBase reads one entry of a stack's list: name and type, and what is left as settings.
func stackBase(entry map[string]json.RawMessage) (base stack.Base, problem string) {
	var name, typ string
	if json.Unmarshal(entry["name"], &name) != nil || name == "" {
		return base, "name must be the base's name"
	}
	if json.Unmarshal(entry["type"], &typ) != nil {
		return base, "type must be a model type"
	}
	kind, known := Lookup(typ)
	if !known || !canStack(typ) {
		return base, fmt.Sprintf("type must be one of %s", strings.Join(stackTypes(), ", "))
	}
	rest := map[string]json.RawMessage{}
	for key, value := range entry {
		if key != "name" && key != "type" {
			rest[key] = value
		}
	}
	settings, err := json.Marshal(rest)
	if err != nil {
		return base, err.Error()
	}
	base = stack.Base{Name: name, Decode: kind.Decode,
		Fit: func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error) {
			return kind.Fit(ctx, x, y, settings, opt)
		}}
	if kind.Predict != nil {
		base.Predict = func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (*survival.Predictions, error) {
			return kind.Predict(ctx, x, y, settings, opt)
		}
	}
	return base, ""
}

// canStack says whether a type can be a base of a stack: not a stack itself, and not the
// stratified Cox model, whose strata are covariates for the other bases.
func canStack(typ string) bool { return typ != stack.Type && typ != cox.TypeStratified }

func stackTypes() []string {
	var names []string
	for _, typ := range Types() {
		if canStack(typ) {
			names = append(names, typ)
		}
	}
	return names
}

func decodeStack(data []byte) (survival.Model, error) {
	return model(stack.Decode(data, func(typ string, file []byte) (survival.Model, error) {
		kind, known := Lookup(typ)
		if !known || !canStack(typ) {
			return nil, fmt.Errorf("%w: a base has a type that none can have", survival.ErrBadModelFile)
		}
		return kind.Decode(file)
	}))
}
