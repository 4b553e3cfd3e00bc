package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"everfold/config"
	"everfold/workflows"
)

// memoWait is how long to wait for the memo of an execution that somebody else has just
// started: its workflow writes the memo first of all, but needs a worker for that.
const memoWait = 10 * time.Second

// startOrAttach starts the run, or attaches to one that is running by the same spec. The
// workflow id is the run's lock: at most one execution of it is open.
func startOrAttach(ctx context.Context, l *link, spec *config.Spec, request config.Request) (execution string, attached bool, err error) {
	run := runRef{kind: string(spec.Type), name: spec.Run}
	input, err := config.EncodeInput(spec, request)
	if err != nil {
		return "", false, fmt.Errorf("encode the input of %s: %w", run, err)
	}
	b := beginning{spec: spec, run: run, workflow: workflows.TrainSurvivalModelsName, input: input, wishes: asked(request)}
	return b.startOrAttach(ctx, l)
}

// recoverOrAttach starts the recovery of a run, or attaches to whatever is running of it.
func recoverOrAttach(ctx context.Context, l *link, spec *config.Spec, r config.Recovery) (execution string, attached bool, err error) {
	input, err := config.EncodeRecovery(spec, r)
	if err != nil {
		return "", false, err
	}
	b := beginning{spec: spec, run: runRef{kind: string(spec.Type), name: spec.Run}, workflow: workflows.RecoverRunName, input: input}
	if r.Model != "" || len(r.Only) > 0 {
		b.wishes = "--model and --only"
	}
	return b.startOrAttach(ctx, l)
}

// beginning is a workflow to be started under a run's id.
type beginning struct {
	spec     *config.Spec
	run      runRef
	workflow string
	input    json.RawMessage
	wishes   string // names flags that were given and that a running execution cannot follow any more
}

// startOrAttach starts it, or attaches to what is running under that id.
func (b beginning) startOrAttach(ctx context.Context, l *link) (execution string, attached bool, err error) {
	options := startOptions(b.spec)
	if l.tags != nil && l.tags(ctx) {
		options.TypedSearchAttributes = workflows.Attributes(b.spec)
	}
	started, err := l.ExecuteWorkflow(ctx, options, b.workflow, b.input)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case err == nil:
		return started.GetRunID(), false, nil
	case !errors.As(err, &already):
		return "", false, fmt.Errorf("start %s: %w", b.run, err)
	}
	if err := b.checkAttach(ctx, l, already.RunId); err != nil {
		return "", false, err
	}
	return already.RunId, true, nil
}

func startOptions(spec *config.Spec) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:        spec.WorkflowID(),
		TaskQueue: workflows.QueueWorkflows,
		// A second start never replaces or silently joins a run: whether it may attach is
		// decided by the spec's digest.
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		// A run that ended is resumed by starting it again: the store knows what is complete.
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		Memo:                  map[string]any{workflows.MemoSpecDigest: spec.Digest(), workflows.MemoOutput: workflows.OutputOf(spec)},
		StaticSummary:         summaryOf(spec),
		StaticDetails:         detailsOf(spec),
	}
}

// summaryOf is the line that the Web UI shows in its list of runs.
func summaryOf(spec *config.Spec) string {
	return fmt.Sprintf("%s on %s", countOf(len(spec.Models), "model"), path.Base(spec.Data.URI))
}

// detailsOf is the Markdown that the Web UI shows with the run.
func detailsOf(spec *config.Spec) string {
	names := make([]string, len(spec.Models))
	for i, m := range spec.Models {
		names[i] = "`" + m.Name + "`"
	}
	return fmt.Sprintf("**%s/%s**: %s\n\ndata `%s`, store `%s`", spec.Type, spec.Run, strings.Join(names, ", "),
		path.Base(spec.Data.URI), spec.Store.URI)
}

// checkAttach says whether this start may watch the execution that is running already.
func (b beginning) checkAttach(ctx context.Context, c client.Client, execution string) error {
	run := b.run
	if b.wishes != "" {
		return usageError(fmt.Sprintf("wait for it (starter watch %s) or end it (starter cancel %s), then start again", run, run),
			"%s is running already: %s cannot be given to a running run", run, b.wishes)
	}
	theirs, err := memoDigest(ctx, c, run, execution)
	if err != nil {
		return err
	}
	if theirs != b.spec.Digest() {
		return usageError(fmt.Sprintf("watch it (starter watch %s), cancel it (starter cancel %s), or choose another id (--run ID)", run, run),
			"%s is running already with another spec", run)
	}
	return nil
}

// asked names the flags of a request where any is given.
func asked(r config.Request) string {
	if len(r.Force) > 0 || r.OnlyFailed || r.RetrainChanged || r.Fresh {
		return "--force, --only-failed, --retrain-changed and --fresh"
	}
	return ""
}

// memoOf is a field of an execution's memo; false where it is not there.
func memoOf(c client.Client, run runRef, described *workflowservice.DescribeWorkflowExecutionResponse, field string) (value string, ok bool, err error) {
	payload, ok := described.GetWorkflowExecutionInfo().GetMemo().GetFields()[field]
	if !ok {
		return "", false, nil
	}
	if err := keysOf(c).DataConverter().FromPayload(payload, &value); err != nil {
		return "", false, fmt.Errorf("read the memo of %s: %w", run, err)
	}
	return value, true, nil
}

// memoDigest reads the spec digest of an execution, waiting for it where it is not there
// yet: an execution started by other means writes it as its first act.
func memoDigest(ctx context.Context, c client.Client, run runRef, execution string) (string, error) {
	for until := time.Now().Add(memoWait); ; {
		callCtx, cancel := context.WithTimeout(ctx, describeTimeout)
		described, err := c.DescribeWorkflowExecution(callCtx, run.workflowID(), execution)
		cancel()
		if err != nil {
			return "", fmt.Errorf("look at the running %s: %w", run, err)
		}
		if digest, ok, err := memoOf(c, run, described, workflows.MemoSpecDigest); ok || err != nil {
			return digest, err
		}
		if time.Now().After(until) {
			return "", usageError("start a worker, or cancel that run: starter cancel "+run.String(),
				"%s is running already, started by other means, and no worker has looked at its spec yet", run)
		}
		if err := pause(ctx, pollEvery); err != nil {
			return "", err
		}
	}
}
