package activities

import (
	"context"
	"errors"
	"io"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/preprocess"
)

// predictedRows are the rows of predictions.csv.
type predictedRows struct {
	data    string // final.data; "": the rows of the run
	frame   *survival.Frame
	id      func(row int) string
	trained func(row int) bool // the model was fitted on it
	untold  bool               // nothing tells on which it was
	bytes   int64              // that they hold beside the table
}

// planRows enters the rows of final.data into what the predictions depend on.
func (w *predictWork) planRows() error {
	switch {
	case w.run.Spec.Final.Data == "":
	case w.run.Data.Final == nil:
		return &BlockedError{Reason: finalUnread, Missing: true}
	default:
		w.inputs[artifact.InputRows] = w.run.Data.Final.Digest
	}
	return nil
}

// finalUnread: such a run.json is of a release that left final.data out, or was restored without.
const finalUnread = "the rows of final.data are not in the run's folder; starter run SPEC reads them, and reuses what is complete"

// rowAttempts is how often rows that do not verify are read again before they are given up:
// what is lost in the store does not come back by waiting.
const rowAttempts = 5

// rows are those to predict.
func (w *predictWork) rows(ctx context.Context) (*predictedRows, error) {
	if w.run.Spec.Final.Data == "" {
		return &predictedRows{frame: w.table.Frame(), id: w.table.RowID, trained: func(int) bool { return true }}, nil
	}
	x, err := loadFinal(ctx, w.store, w.run, w.table)
	if isDamage(err) && w.at.nth(ErrArtifactCorrupt) >= rowAttempts {
		return nil, &BlockedError{Reason: err.Error() + "; starter run SPEC reads final.data anew, and reuses what is complete", Missing: errors.Is(err, store.ErrNotFound)}
	}
	if err != nil {
		return nil, err
	}
	return newPredictedRows(w.run.Spec, w.table, x), nil
}

// newPredictedRows are the rows of final.data; those with the id of a training row were fitted on.
func newPredictedRows(s *config.Spec, t *dataset.Table, x *FinalRows) *predictedRows {
	out := &predictedRows{data: s.Final.Data, frame: x.Frame(), id: x.RowID, untold: s.Data.ID == "", bytes: x.bytes()}
	ids := make(map[string]bool, len(t.ID))
	for _, id := range t.ID {
		ids[id] = true
	}
	out.trained = func(row int) bool { return ids[x.RowID(row)] }
	if out.untold { // row numbers of two files
		out.trained = func(int) bool { return false }
	}
	return out
}

// begin begins the tables.
func (r *predictedRows) begin(csv, parquet io.Writer, horizons []float64) (*artifact.PredictionTables, error) {
	if r.untold {
		return artifact.NewUnmatchedTables(csv, parquet, horizons)
	}
	return artifact.NewPredictionTables(csv, parquet, horizons)
}

// tell says of the rows of final.data what is to be said of them in predictions.json.
func (r *predictedRows) tell(ctx context.Context, pipeline *preprocess.Pipeline, info *artifact.PredictionsInfo) error {
	if r.data == "" {
		return nil
	}
	info.Data, info.Rows = r.data, r.frame.Rows
	findings, err := pipeline.Examine(ctx, r.frame)
	if err != nil {
		return err
	}
	warn := func(text string) {
		info.Warnings = append(info.Warnings, artifact.Warning{Category: "data", Message: keyFinalData + ": " + text})
	}
	for _, f := range findings {
		warn(f.Warning(r.frame.Rows).Message)
	}
	info.Unseen = unseenLevels(findings)
	if r.untold {
		warn(unknownTraining)
		return nil
	}
	trained := 0
	for i := range r.frame.Rows {
		if r.trained(i) {
			trained++
		}
	}
	info.InTraining = &trained
	return nil
}

// unseenLevels counts, by column, rows with a level that the training rows lack; nil: none.
func unseenLevels(findings []preprocess.Finding) map[string]int {
	var unseen map[string]int
	for _, f := range findings {
		if !f.Unseen {
			continue
		}
		if unseen == nil {
			unseen = map[string]int{}
		}
		for _, c := range f.Columns {
			unseen[c] += f.Rows
		}
	}
	return unseen
}
