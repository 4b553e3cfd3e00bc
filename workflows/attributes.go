package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"everfold/activities"
	"everfold/config"
)

// Search attributes, by which the Web UI and `temporal workflow list --query` find runs. A
// server takes none that it has not been told of, so they are optional as a whole: a start
// that gives them proves that the server knows them, and no workflow sets any otherwise.
const (
	AttributeRun     = "EverfoldRun"     // keyword
	AttributeType    = "EverfoldType"    // keyword: sample, production
	AttributeOutcome = "EverfoldOutcome" // keyword: running, completed, partial, failed, cancelled; schedule, model
	AttributeFailed  = "EverfoldFailed"  // int: fits that failed for good, final ones included
)

// attributesChange is the version of the workflow from which on the end of a run is an
// attribute.
const attributesChange = "attributes"

var (
	runKey     = temporal.NewSearchAttributeKeyKeyword(AttributeRun)
	typeKey    = temporal.NewSearchAttributeKeyKeyword(AttributeType)
	outcomeKey = temporal.NewSearchAttributeKeyKeyword(AttributeOutcome)
	failedKey  = temporal.NewSearchAttributeKeyInt64(AttributeFailed)
)

// Attributes are those of a start, for a server that knows all of them.
func Attributes(s *config.Spec) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(runKey.ValueSet(s.Run), typeKey.ValueSet(string(s.Type)),
		outcomeKey.ValueSet("running"), failedKey.ValueSet(0))
}

// ScheduleAttributes are those of a schedule's own starts, by which ScheduledTraining knows
// that its runs may have theirs. Their outcome is the runs'.
func ScheduleAttributes(s *config.Spec, name string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(runKey.ValueSet(name), typeKey.ValueSet(string(s.Type)),
		outcomeKey.ValueSet("schedule"), failedKey.ValueSet(0))
}

// modelAttributes are those of a large run's children. Their outcome is the run's.
func modelAttributes(run activities.RunRef) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(runKey.ValueSet(run.Run), typeKey.ValueSet(string(run.Type)),
		outcomeKey.ValueSet("model"), failedKey.ValueSet(0))
}

// taggable says whether the server knows all attributes: this execution was started with them.
func taggable(ctx workflow.Context) bool {
	known := workflow.GetTypedSearchAttributes(ctx)
	return known.ContainsKey(runKey) && known.ContainsKey(typeKey) && known.ContainsKey(outcomeKey) && known.ContainsKey(failedKey)
}

// tagEnd says in the attributes how a run ended, where its start has them.
func (b *board) tagEnd(ctx workflow.Context, result *Result, err error) {
	if !taggable(ctx) || workflow.GetVersion(ctx, attributesChange, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	outcome, failed := "failed", int64(b.count(Failed))
	for _, c := range b.finals {
		if c.state == Failed {
			failed++
		}
	}
	switch {
	case temporal.IsCanceledError(err):
		outcome = "cancelled"
	case err == nil:
		outcome = string(result.Outcome)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, outcomeKey.ValueSet(outcome), failedKey.ValueSet(failed)); err != nil {
		workflow.GetLogger(ctx).Warn("the run's end is not in its search attributes", "category", "config", "error", err)
	}
}
