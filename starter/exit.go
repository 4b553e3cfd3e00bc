package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
	"everfold/workflows"
)

// Exit codes, as published: scripts are written against them.
const (
	exitOK          = 0
	exitFailed      = 1   // the run failed or was cancelled
	exitUsage       = 2   // bad usage, spec or data
	exitPartial     = 3   // finished, but some model failed
	exitNotFound    = 4   // run or artifact not found
	exitUnreachable = 5   // Temporal, the store or the data source cannot be reached
	exitCorrupt     = 6   // an artifact failed verification
	exitInterrupted = 130 // Ctrl-C
)

// codedError is an error with its exit code and, where there is one, the next step.
type codedError struct {
	code int
	err  error
	hint string // what to do: a command, or what is allowed
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

func fail(code int, hint, format string, args ...any) error {
	return &codedError{code: code, err: fmt.Errorf(format, args...), hint: hint}
}

func usageError(hint, format string, args ...any) error {
	return fail(exitUsage, hint, format, args...)
}

// hintOf is the next step that err names, or "".
func hintOf(err error) string {
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.hint
	}
	return ""
}

// exitCode is the one place that decides how the program ends.
func exitCode(err error) int {
	var coded *codedError
	var badSpec *config.Error
	var application *temporal.ApplicationError
	var noServer *app.UnreachableError
	var changed *artifact.ChangedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &badSpec), errors.As(err, &changed), errors.Is(err, app.ErrConnectionSettings), errors.Is(err, app.ErrCodecKey):
		return exitUsage
	case errors.As(err, &application):
		return applicationCode(application.Type())
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case isNotFound(err):
		return exitNotFound
	case errors.As(err, &noServer), isUnreachable(err), app.Refused(err), errors.Is(err, app.ErrStoreUnavailable):
		return exitUnreachable
	}
	return exitFailed
}

// applicationCode maps the error types of workflows and activities.
func applicationCode(errorType string) int {
	switch errorType {
	case workflows.ErrInvalidSpec, workflows.ErrDataInvalid, workflows.ErrNoEvents:
		return exitUsage
	case workflows.ErrStoreUnavailable:
		return exitUnreachable
	case workflows.ErrArtifactCorrupt:
		return exitCorrupt
	}
	return exitFailed
}

// isUnreachable says that the server did not answer; another try may succeed.
func isUnreachable(err error) bool {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var exhausted *serviceerror.ResourceExhausted
	var cancelled *serviceerror.Canceled // a connection that was closed under a call
	return errors.As(err, &unavailable) || errors.As(err, &deadline) || errors.As(err, &exhausted) ||
		errors.As(err, &cancelled) || errors.Is(err, context.DeadlineExceeded)
}

func isNotFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}
