package app

import (
	"context"
	"errors"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/survival/registry"
)

// SourceError says which key of the spec, other than data.uri, names the file that was refused.
type SourceError = activities.SourceError

// Preview is what a start of a spec would do.
type Preview = activities.Preview

// PreparationError: a spec's data could not be read, or its run not planned. Type is the
// error type by which PrepareData would report it.
type PreparationError struct {
	Type string
	Err  error
}

// Error is the cause's.
func (e *PreparationError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PreparationError) Unwrap() error { return e.Err }

// CheckAvailable refuses, with a *config.Error, specs with models that this build does not
// have.
func CheckAvailable(spec *config.Spec) error { return spec.CheckAvailable(registry.Types()) }

// CheckData reads the data of a spec and derives its folds and grid, as PrepareData does.
// It writes nothing. Errors are *config.Error, *PreparationError or ctx's.
func CheckData(ctx context.Context, spec *config.Spec) (*activities.Preparation, error) {
	if err := CheckAvailable(spec); err != nil {
		return nil, err
	}
	ctx, err := limited(ctx)
	if err != nil {
		return nil, err
	}
	p, err := activities.Prepare(ctx, Data{}.Open, spec)
	if err != nil {
		return nil, preparationError(ctx, err)
	}
	return p, nil
}

// Plan says what a start of spec would do about every fold, as PrepareData decides it. It
// writes nothing and needs no server. Errors are *config.Error, *PreparationError or ctx's.
// A start that would replace complete folds without being asked to is a *PreparationError
// around an *artifact.ChangedError, beside the preview.
func Plan(ctx context.Context, spec *config.Spec, request config.Request) (*activities.Preview, error) {
	ctx, err := limited(ctx)
	if err != nil {
		return nil, err
	}
	root, err := (&Stores{}).Open(ctx, spec.Store)
	if err != nil {
		return nil, preparationError(ctx, err)
	}
	folder := store.Prefixed(root, artifact.Folder(string(spec.Type), spec.Run))
	input := activities.PrepareInput{Spec: spec, Request: request}
	p, err := activities.NewPreview(ctx, Data{}.Open, folder, input, Build().String())
	if p != nil {
		p.Estimate(ctx, root)
	}
	if err != nil {
		return p, preparationError(ctx, err)
	}
	return p, nil
}

func preparationError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var bad *config.Error
	if errors.As(err, &bad) {
		return err
	}
	return &PreparationError{Type: activities.ErrorType(err), Err: err}
}
