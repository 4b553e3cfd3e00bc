package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/store"
	"everfold/survival"
	"everfold/survival/preprocess"
)

// Keys of the spec that name a file beside the data.
const (
	keyFolds     = "folds.file"
	keyFinalData = "final.data"
)

// SourceError says which of them names the file that could not be used.
type SourceError struct {
	Key string
	Err error
}

// Error is the cause's behind the key.
func (e *SourceError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// FinalRows are the rows of final.data: those that a run's final model is to predict in place of
// the rows that it was fitted on.
type FinalRows struct {
	*dataset.Features
	Digest   string
	Warnings []string // of what the rows of the run do not show
}

// readFinal reads final.data and refuses what no final model of the run could predict, before
// any is fitted; nil where the spec names none. t has the rows of the run.
func readFinal(ctx context.Context, open OpenFile, s *config.Spec, t *dataset.Table) (*FinalRows, error) {
	if s.Final.Data == "" {
		return nil, nil
	}
	x, err := dataset.ReadFeatures(ctx, dataset.Source{Name: s.Final.Data, Limits: limitsOf(ctx), Open: func(ctx context.Context) (io.ReadCloser, int64, error) {
		return open(listening(ctx), s.Final.Data, s.Store)
	}}, finalSchema(s, t))
	if err != nil {
		return nil, &SourceError{keyFinalData, err}
	}
	if x.Rows == 0 {
		return nil, &SourceError{keyFinalData, &dataset.InvalidError{Source: s.Final.Data, Row: -1, Problem: "has no data rows", Allowed: "at least one row"}}
	}
	out := &FinalRows{Features: x, Digest: x.Digest()}
	return out, out.examine(ctx, s, t)
}

// finalSchema are the columns that rows must have to be predicted by any model of the run.
func finalSchema(s *config.Spec, t *dataset.Table) dataset.FeatureSchema {
	schema := dataset.FeatureSchema{ID: s.Data.ID}
	for _, c := range t.Columns {
		if c.Kind == dataset.Categorical {
			schema.Categorical = append(schema.Categorical, c.Name)
		} else {
			schema.Numeric = append(schema.Numeric, c.Name)
		}
	}
	return schema
}

// examine applies the preprocessing that final models will have, as it is fitted on the rows of
// the run alone. What it refuses is refused now; what it warns of, the predictions warn of again.
func (f *FinalRows) examine(ctx context.Context, s *config.Spec, t *dataset.Table) error {
	all := make([]int, t.Rows())
	for i := range all {
		all[i] = i
	}
	seen := map[string]bool{}
	for _, m := range finalCandidates(s) {
		strata := fmt.Sprintf("%q", strataOf(m))
		if seen[strata] { // nothing else of a model acts on preprocessing
			continue
		}
		seen[strata] = true
		pipeline, err := preprocess.Fit(ctx, t.Frame(), all, preprocessOptions(s.Preprocess, m))
		if err != nil {
			return err
		}
		findings, err := pipeline.Examine(ctx, f.Frame())
		if row := (*survival.DataError)(nil); errors.As(err, &row) {
			err = &SourceError{keyFinalData, &dataset.InvalidError{Source: s.Final.Data, Row: int64(row.Row), Column: row.Column, Problem: row.Problem}}
		}
		if err != nil {
			return err
		}
		for _, found := range findings {
			if text := keyFinalData + ": " + found.Warning(f.Rows).Message; !slices.Contains(f.Warnings, text) {
				f.Warnings = append(f.Warnings, text)
			}
		}
	}
	if s.Data.ID == "" {
		f.Warnings = append(f.Warnings, keyFinalData+": "+unknownTraining)
	}
	return nil
}

// unknownTraining: row numbers are those of another file.
const unknownTraining = "in_training is empty: without data.id nothing tells which rows the model was fitted on"

// finalCandidates are the models of which one will predict.
func finalCandidates(s *config.Spec) []config.Model {
	var out []config.Model
	for _, m := range s.AllModels() {
		if names := s.Final.Models.Names; names == nil || slices.Contains(names, m.Name) {
			out = append(out, m)
		}
	}
	return out
}

// describe is what run.json says of the rows, but for the file that they are kept in.
func (f *FinalRows) describe() *artifact.RowsInfo {
	if f == nil {
		return nil
	}
	return &artifact.RowsInfo{Digest: f.Digest, Rows: f.Rows}
}

// bytes estimates the memory that the rows hold.
func (f *FinalRows) bytes() int64 {
	if f == nil {
		return 0
	}
	return f.Bytes()
}

// write keeps the rows in the run's folder, so that what is predicted in the end, or by a
// recovery years later, is what was checked in the beginning.
func (f *FinalRows) write(ctx context.Context, s store.Store, id string) (artifact.File, error) {
	return artifact.PutStream(ctx, s, artifact.FinalRowsKey, func(w io.Writer) error { return f.WriteParquet(w, id) })
}

// loadFinal reads the rows that a run keeps; damage is ErrNotFound or ErrCorrupt.
func loadFinal(ctx context.Context, s store.Store, run *artifact.Run, t *dataset.Table) (*FinalRows, error) {
	file := run.Data.Final.File
	if err := checkMemory("the rows of "+keyFinalData, file.Bytes); err != nil { // of what a store claims
		return nil, err
	}
	content, err := store.ReadVerified(ctx, s, file.Key, file.Bytes, file.SHA256)
	if err != nil {
		return nil, fmt.Errorf("read the rows of %s: %w", keyFinalData, err)
	}
	x, err := decodeFinal(ctx, content, finalSchema(run.Spec, t))
	switch {
	case err != nil:
		return nil, err
	case x.Source != "" && x.Source != run.Spec.Final.Data:
		return nil, fmt.Errorf("%s: %w", artifact.FinalRowsKey, &otherRowsError{x.Source, run.Spec.Final.Data})
	case x.Digest != run.Data.Final.Digest:
		return nil, fmt.Errorf("%s: %w: its rows have the digest %.12s…, those checked for the run %.12s…",
			artifact.FinalRowsKey, store.ErrCorrupt, x.Digest, run.Data.Final.Digest)
	}
	return x, nil
}

// otherRowsError: rows that are kept are not those of the file that the spec names. They count as
// damaged.
type otherRowsError struct{ of, named string }

func (e *otherRowsError) Error() string {
	return fmt.Sprintf("its rows are of %s, and %s is %s", cmp.Or(e.of, "a file that it does not name"), keyFinalData, e.named)
}

// Is says that the error is store.ErrCorrupt.
func (e *otherRowsError) Is(target error) bool { return target == store.ErrCorrupt }

// decodeFinal reads what FinalRows.write wrote.
func decodeFinal(ctx context.Context, content []byte, schema dataset.FeatureSchema) (*FinalRows, error) {
	x, err := dataset.ReadKept(ctx, dataset.Source{Name: artifact.FinalRowsKey, Limits: limitsOf(ctx)}, content, schema)
	if err != nil {
		return nil, err
	}
	return &FinalRows{Features: x, Digest: x.Digest()}, nil
}
