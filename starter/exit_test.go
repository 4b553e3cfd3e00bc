package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"everfold/config"
	"everfold/internal/app"
	"everfold/workflows"
)

// Claim: every class of failure has the exit code of the contract.
func TestExitCode(t *testing.T) {
	applicationError := func(kind string) error { return temporal.NewNonRetryableApplicationError("text", kind, nil) }
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, 0},
		{"unknown", errors.New("text"), 1},
		{"cancelled context", fmt.Errorf("watch: %w", context.Canceled), 130},
		{"spec", &config.Error{Problems: []config.Problem{{Text: "text"}}}, 2},
		{"usage", usageError("hint", "text"), 2},
		{"wrapped code", fmt.Errorf("around: %w", fail(6, "", "text")), 6},
		{"connection settings", fmt.Errorf("%w: text", app.ErrConnectionSettings), 2},
		{"no server", &app.UnreachableError{Address: "host:1", Err: errors.New("refused")}, 5},
		{"unavailable", serviceerror.NewUnavailable("text"), 5},
		{"deadline", context.DeadlineExceeded, 5},
		{"permission", serviceerror.NewPermissionDenied("text", ""), 5},
		{"namespace", serviceerror.NewNamespaceNotFound("text"), 5},
		{"no workflow", serviceerror.NewNotFound("text"), 4},
		{"bad spec in the workflow", applicationError(workflows.ErrInvalidSpec), 2},
		{"bad data", applicationError(workflows.ErrDataInvalid), 2},
		{"no events", applicationError(workflows.ErrNoEvents), 2},
		{"store", applicationError(workflows.ErrStoreUnavailable), 5},
		{"damage", applicationError(workflows.ErrArtifactCorrupt), 6},
		{"fit", applicationError("NotConverged"), 1},
	} {
		require.Equal(t, c.want, exitCode(c.err), c.name)
	}
}

// Claim: an error is printed once, on standard error, with what to do below it.
func TestReportError(t *testing.T) {
	i, code := invoke(nil, "watch", "hdfail")
	require.Equal(t, 2, code)
	require.Empty(t, i.out.String())
	require.Equal(t, "everfold: \"hdfail\" is not a run\n"+
		"  RUN is <type>/<run>, such as production/hdfail; starter list shows the runs of a store\n", i.err.String())
}

// Claim: with --json a failure, too, is exactly one JSON document on standard output.
func TestErrorDocument(t *testing.T) {
	i, code := invoke(nil, "watch", "hdfail", "--json")
	require.Equal(t, 2, code)
	require.JSONEq(t, `{"outcome":"failed","exit_code":2,"error":"\"hdfail\" is not a run",
		"hint":"RUN is <type>/<run>, such as production/hdfail; starter list shows the runs of a store"}`, i.out.String())
}

// Claim: whatever is wrong with the command line itself is exit code 2 and names the word.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"trian"}, "trian"},
		{[]string{"run"}, "SPEC"},
		{[]string{"run", "a.yaml", "b.yaml"}, "b.yaml"},
		{[]string{"run", "a.yaml", "--frsh"}, "--frsh"},
		{[]string{"run", "a.yaml", "--embedded", "--detach"}, "--detach"},
		{[]string{"run", "missing.yaml"}, "missing.yaml"},
		{[]string{"parallel", "production/tiny", "many"}, "many"},
		{[]string{"completion", "tcsh"}, "tcsh"},
		{[]string{"quickstart", "extra"}, "extra"},
	} {
		i, code := invoke(nil, c.args...)
		require.Equal(t, 2, code, c.args)
		require.Contains(t, i.err.String(), c.want)
		require.Empty(t, i.out.String(), c.args)
	}
}
