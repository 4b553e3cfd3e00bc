package app

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/s3"
)

// RecoverOptions are the settings of Recover.
type RecoverOptions struct {
	Store   config.Store // where the folder is
	RunID   string       // <type>/<run>: the folder
	Spec    *config.Spec // what run.json is restored from where it is missing or damaged; nil: nothing
	Model   string       // the final model that is wanted; "": those of the spec
	Predict When
	Report  When
	Moved   bool // the folder was moved: run.json is to name the store that it is in
	Dry     bool // only say what would be done
}

// Recovered is how a run's folder stands after Recover.
type Recovered = activities.Recovered

// When says when what lies above folds and final models is made.
type When = activities.When

// When it is made.
const (
	WhenWhole = activities.WhenWhole
	Now       = activities.Now
	Never     = activities.Never
)

// Damage is a file that did not verify.
type Damage = activities.Damage

// UnknownRunError: run.json is missing or damaged, and nothing was given to restore it from.
type UnknownRunError = activities.UnknownRunError

// SpecError refuses a spec or a model that is not the run's.
type SpecError = activities.SpecError

// Recover makes everything of a run's folder anew that needs no fit, and says what does. It
// needs no server. Errors are *UnknownRunError, *SpecError, *PreparationError or ctx's.
func Recover(ctx context.Context, o RecoverOptions) (*Recovered, error) {
	ctx, err := limited(ctx)
	if err != nil {
		return nil, err
	}
	root, err := (&Stores{}).Open(ctx, o.Store)
	if err != nil {
		return nil, err
	}
	if o.Dry {
		root = store.Overlay(root)
	}
	in := activities.RecoverInput{Spec: o.Spec, Model: o.Model, Predict: o.Predict, Report: o.Report, Dry: o.Dry}
	if o.Spec != nil && o.Spec.RunID() != o.RunID {
		return nil, &SpecError{Reason: fmt.Sprintf("the spec is of %s, the folder is %s", o.Spec.RunID(), o.RunID)}
	}
	folder := store.Prefixed(root, o.RunID)
	run, _, err := artifact.ReadRun(ctx, folder)
	switch {
	case err != nil: // Recover says so
	case run.Spec.RunID() != o.RunID:
		return nil, &SpecError{Reason: fmt.Sprintf("run.json is that of %s, the folder is %s: give the folder its name back", run.Spec.RunID(), o.RunID)}
	case o.Moved && !samePlace(run.Spec.Store.URI, o.Store.URI):
		moved := movedTo(run.Spec.Store, o.Store)
		in.Moved = &moved
	}
	threads := runtime.GOMAXPROCS(0)
	a := &activities.Activities{
		OpenData: Data{}.Open, Cores: activities.NewCores(threads, threads), Build: Build().String(), Worker: "starter",
	}
	out, err := a.Recover(ctx, folder, in)
	if err != nil {
		return nil, recoverError(ctx, err)
	}
	if !samePlace(out.Spec.Store.URI, o.Store.URI) {
		out.Elsewhere = out.Spec.Store.URI
	}
	return out, nil
}

// movedTo is how a store that a folder was moved to is reached: as the one before, where both are
// on S3.
func movedTo(from, to config.Store) config.Store {
	if strings.HasPrefix(from.URI, s3.Scheme) && strings.HasPrefix(to.URI, s3.Scheme) {
		from.URI = to.URI
		return from
	}
	return to
}

func recoverError(ctx context.Context, err error) error {
	var unknown *UnknownRunError
	var refused *SpecError
	if ctx.Err() == nil && (errors.As(err, &unknown) || errors.As(err, &refused)) {
		return err
	}
	return preparationError(ctx, err)
}

// samePlace says whether two URIs name one folder, links followed.
func samePlace(a, b string) bool {
	if a == b {
		return true
	}
	x, isLocal := config.LocalPath(a)
	y, other := config.LocalPath(b)
	if !isLocal || !other {
		return false
	}
	return resolved(x) == resolved(y)
}

func resolved(folder string) string {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		return real
	}
	return path.Clean(folder)
}
