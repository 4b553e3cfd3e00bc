package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"everfold/workflows"
)

// target is where the run of an operator's command is.
type target struct {
	embedded bool
	store    string // "": whichever it has
}

// addTarget gives an operator's command the flags --embedded and --store.
func addTarget(command *cobra.Command, t *target) {
	addEmbedded(command, &t.embedded)
	command.Flags().StringVar(&t.store, "store", "", "refuse a run of another store than this: a folder or an s3:// URI")
}

// withRun acts on the run that words name, on its server, unless it is of another store than
// the target's.
func (p *program) withRun(ctx context.Context, t target, words string, act func(*link, runRef) error) error {
	run, err := wantRun(words, cmp.Or(t.store, defaultStore))
	if err != nil {
		return err
	}
	return p.withServer(ctx, t.embedded, func(l *link) error {
		if err := t.holds(ctx, l, run); err != nil {
			return err
		}
		return act(l, run)
	})
}

// holds says whether the server's run of that name is in the target's store.
func (t target) holds(ctx context.Context, l *link, run runRef) error {
	if t.store == "" {
		return nil
	}
	folder, err := runFolder(run.String(), t.store)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	described, err := l.DescribeWorkflowExecution(ctx, run.workflowID(), "")
	if err != nil {
		return missingFrom(t.store, run, err)
	}
	output, ok, err := memoOf(l, run, described, workflows.MemoOutput)
	if err != nil {
		return err
	}
	if !ok {
		return fail(exitUnreachable, "start a worker: bin/worker", "%s was started by other means, and no worker has looked at its spec yet: its store is not known", run)
	}
	at, err := storeURI(strings.TrimSuffix(output, "/"+run.String())) // as the spec spells it
	if err != nil || run.dir(at) != folder {
		return fail(exitNotFound, "its files are in "+output, "the Temporal server has no run %s of the store %s, but of another one", run, t.store)
	}
	return nil
}
