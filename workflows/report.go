package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"everfold/activities"
)

// reportChange is the version of the workflow from which on a run ends with a report:
// executions that ended without one replay without it.
const reportChange = "report"

// writeReport writes the report of what there is, whatever became of the run: of one that failed
// or was cancelled too, as soon as its folds are planned. It never fails the run, and takes at
// most reportPatience.
func (r *trainRun) writeReport(ctx workflow.Context) {
	if len(r.board.cells) == 0 {
		return
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if workflow.GetVersion(ctx, reportChange, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	r.board.enter(ctx, stageReporting)
	input := activities.WriteReportInput{Run: activities.Ref(r.spec), SpecDigest: r.digest}
	ctx = workflow.WithActivityOptions(ctx, r.reportOptions(input.Run))
	var out activities.WriteReportResult
	if err := workflow.ExecuteActivity(ctx, activities.WriteReportName, input).Get(ctx, &out); err != nil {
		trouble := fmt.Sprintf("no report: %s; starter report %s writes it", reasonOf(err), quote(OutputOf(r.spec)))
		r.warnings = append(r.warnings, trouble)
		workflow.GetLogger(ctx).Warn(trouble, "category", "storage")
		return
	}
	r.report = out.Key
}
