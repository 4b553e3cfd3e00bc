// Package registry knows every model type by its name in a run spec: its algorithm
// version, how to fit it from JSON settings, and how to read its model file.
//
// Settings are decoded strictly: an unknown key, a wrong type or a value out of range is
// a [*SettingsError]. Keys left out take the defaults of the package that fits.
//
// Not here: the spec's own keys (name, type), preprocessing, scoring.
package registry

import (
	"context"
	"encoding/json"
	"io"
	"slices"

	"everfold/survival"
)

// Kind is one model type.
type Kind struct {
	Type    string
	Version int  // raised whenever equal data and settings may give another model file
	Entry   bool // left truncation is supported
	// Fit fits the type with its settings (nil, empty or a JSON object). Errors are those of
	// the model's package, or a *SettingsError.
	Fit func(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (survival.Model, error)
	// Predict fits as Fit does and answers opt.Query with the bits of the model's predictions,
	// without holding the model: for types whose models are large. nil: there is none.
	Predict func(ctx context.Context, x *survival.Design, y survival.Outcome, settings json.RawMessage, opt survival.FitOptions) (*survival.Predictions, error)
	// Decode reads a model file of the type. Failures wrap survival.ErrBadModelFile.
	Decode func(data []byte) (survival.Model, error)
	// Read is Decode of a model file of so many bytes that is not held whole; errors of in are
	// wrapped. nil: Decode serves.
	Read func(in io.Reader, size int64) (survival.Model, error)
}

// Lookup finds a model type by name.
func Lookup(typ string) (Kind, bool) {
	for _, k := range kinds() {
		if k.Type == typ {
			return k, true
		}
	}
	return Kind{}, false
}

// Types lists the names of all model types, ascending.
func Types() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.Type)
	}
	slices.Sort(names)
	return names
}
