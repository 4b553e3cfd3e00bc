package registry

import (
	"context"
	"encoding/json"
	"io"
	"math"

	"everfold/survival"
	"everfold/survival/aft"
	"everfold/survival/boost"
	"everfold/survival/cox"
	"everfold/survival/coxnet"
	"everfold/survival/forest"
	"everfold/survival/nonparam"
	"everfold/survival/oblique"
	"everfold/survival/riskset"
	"everfold/survival/stack"
)

// kinds is the list of model types; a function, so that nothing can change it.
func kinds() []Kind {
	return []Kind{
		{Type: nonparam.Type, Version: nonparam.Version, Entry: true, Fit: fitKaplanMeier, Decode: decoder(nonparam.Decode)},
		{Type: cox.Type, Version: cox.Version, Entry: true, Fit: fitCox, Decode: decoder(cox.Decode)},
		{Type: cox.TypeStratified, Version: cox.Version, Entry: true, Fit: fitCoxStratified, Decode: decoder(cox.DecodeStratified)},
		{Type: coxnet.Type, Version: coxnet.Version, Fit: fitCoxnet, Decode: decoder(coxnet.Decode)},
		{Type: aft.Type, Version: aft.Version, Entry: true, Fit: fitWeibull, Decode: decoder(aft.Decode)},
		{Type: boost.Type, Version: boost.Version, Fit: fitBoosting, Decode: decoder(boost.Decode)},
		{Type: forest.Type, Version: forest.Version, Fit: fitForest, Predict: predictForest, Decode: decoder(forest.Decode), Read: reader(forest.Read)},
		{Type: oblique.Type, Version: oblique.Version, Fit: fitOblique, Predict: predictOblique, Decode: decoder(oblique.Decode), Read: reader(oblique.Read)},
		{Type: stack.Type, Version: stack.Version, Fit: fitStack, Decode: decodeStack},
	}
}

func fitKaplanMeier(ctx context.Context, _ *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	if err := decodeSettings(nonparam.Type, settings, &struct{}{}); err != nil {
		return nil, err
	}
	return model(nonparam.Fit(ctx, y, opt))
}

// coxSettings are the keys that both Cox types share.
type coxSettings struct {
	Ties  string  `json:"ties"`
	Alpha float64 `json:"alpha"`
}

// options checks the settings' values.
func (s coxSettings) options(typ string) (cox.Options, error) {
	ties, err := riskset.ParseTies(s.Ties)
	if err != nil {
		return cox.Options{}, &SettingsError{Type: typ, Problem: err.Error()}
	}
	if !(s.Alpha >= 0) || math.IsInf(s.Alpha, 1) {
		return cox.Options{}, &SettingsError{Type: typ, Problem: "alpha must be a number ≥ 0"}
	}
	return cox.Options{Ties: ties, Alpha: s.Alpha}, nil
}

func fitCox(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	set := coxSettings{Ties: riskset.Efron.String()}
	if err := decodeSettings(cox.Type, settings, &set); err != nil {
		return nil, err
	}
	options, err := set.options(cox.Type)
	if err != nil {
		return nil, err
	}
	return model(cox.Fit(ctx, x, y, options, opt))
}

// fitCoxStratified needs Design.Strata, numbered by the columns that the setting names.
func fitCoxStratified(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	set := struct {
		coxSettings
		Strata []string `json:"strata"`
	}{coxSettings: coxSettings{Ties: riskset.Efron.String()}}
	if err := decodeSettings(cox.TypeStratified, settings, &set); err != nil {
		return nil, err
	}
	options, err := set.options(cox.TypeStratified)
	if err != nil {
		return nil, err
	}
	if len(set.Strata) == 0 {
		return nil, &SettingsError{Type: cox.TypeStratified, Problem: "strata must name the columns that form the strata"}
	}
	options.Stratified = true
	return model(cox.Fit(ctx, x, y, options, opt))
}

func fitWeibull(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error) {
	if err := decodeSettings(aft.Type, settings, &struct{}{}); err != nil {
		return nil, err
	}
	return model(aft.Fit(ctx, x, y, aft.Options{}, opt))
}

// model keeps a nil pointer from becoming a non-nil interface.
func model[M survival.Model](m M, err error) (survival.Model, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

func decoder[M survival.Model](decode func([]byte) (M, error)) func([]byte) (survival.Model, error) {
	return func(data []byte) (survival.Model, error) { return model(decode(data)) }
}

func reader[M survival.Model](read func(io.Reader, int64) (M, error)) func(io.Reader, int64) (survival.Model, error) {
	return func(in io.Reader, size int64) (survival.Model, error) { return model(read(in, size)) }
}
