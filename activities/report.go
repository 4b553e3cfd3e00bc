package activities

import (
	"context"
	"errors"
	"fmt"

	"everfold/artifact"
	"everfold/logging"
	"everfold/report"
	"everfold/store"
)

// maxProblems bounds the problems in a result; the page names all.
const maxProblems = 20

// WriteReport brings report/ in line with the run's artifacts, of whatever is there. It is a
// projection: it may run again at any time, and no run fails by it.
func (a *Activities) WriteReport(ctx context.Context, in WriteReportInput) (*WriteReportResult, error) {
	ctx, at, end := a.begin(ctx, in.Run, "", 0)
	defer end()
	at.stage("report")
	out, err := a.writeReport(ctx, in)
	if err := a.failReport(ctx, err); err != nil {
		return nil, err
	}
	logging.From(ctx).Info("report written", "pictures", out.Pictures, "bytes", out.Bytes)
	return out, nil
}

func (a *Activities) writeReport(ctx context.Context, in WriteReportInput) (*WriteReportResult, error) {
	leave, err := longPlaces.enter(ctx, maxLongWait)
	if err != nil {
		return nil, err
	}
	defer leave()
	s, err := a.openRun(ctx, in.Run)
	if err != nil {
		return nil, err
	}
	run, err := artifact.ReadCurrent(ctx, s, in.SpecDigest, &a.cache)
	switch {
	case errors.Is(err, artifact.ErrSuperseded):
		return nil, err // the newer start of the run writes its own
	case err != nil: // which the report names
		return Report(ctx, s, &a.tables)
	}
	g := guardOf(s, "report", run.Spec, "it takes a larger machine")
	return guarded(ctx, g, func(ctx context.Context) (*WriteReportResult, error) { return Report(ctx, s, &a.tables) })
}

// Tables keeps prepared tables that were read; the zero value is ready.
type Tables = tableCache

// Report makes the report of the run whose folder s is, and writes it. Tables keeps what is
// read for the next. ErrNotFound where there is no run.
func Report(ctx context.Context, s store.Store, tables *Tables) (*WriteReportResult, error) {
	contents, err := artifact.ReadContents(ctx, s)
	if err != nil {
		return nil, err
	}
	in := report.Input{Contents: contents}
	if contents.Run != nil {
		table, err := tables.get(ctx, s, contents.Run.Data.File)
		switch {
		case err == nil:
			in.Outcome, in.RowID = table.Outcome, table.RowID
		case ctx.Err() != nil, outage(err):
			return nil, err
		default:
			in.Also = append(in.Also, artifact.Problem{What: artifact.PreparedKey, Why: err.Error()})
		}
	}
	made, err := report.New(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := artifact.WriteReport(ctx, s, made.Files); err != nil {
		return nil, err
	}
	out := &WriteReportResult{Key: artifact.ReportKey, Pictures: made.Pictures}
	for _, f := range made.Files {
		out.Bytes += len(f.Content)
	}
	for _, p := range made.Problems[:min(maxProblems, len(made.Problems))] {
		out.Problems = append(out.Problems, shorten(fmt.Sprintf("%s: %s", p.What, p.Why)))
	}
	return out, nil
}

// reportAttempts is how often a report may fail by one kind of error.
const reportAttempts = 5

// failReport is fail for reports: whatever happened is a warning, and the run's end does not wait long.
func (a *Activities) failReport(ctx context.Context, err error) error {
	out := classify(ctx, err)
	if out == nil || ctx.Err() != nil || errors.Is(err, errBusy) {
		return out
	}
	category := logging.CategoryStorage
	if errors.Is(err, errNoMemory) {
		category = logging.CategoryResource
	}
	logging.From(ctx).Warn("the report is behind", category.Attr(), "error", err)
	return limited(ctx, err, classOf(err), reportAttempts)
}
