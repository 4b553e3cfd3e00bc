package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"everfold/artifact"
	"everfold/config"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
)

// restoreRun makes run.json anew from a spec, if the folds that are complete were fitted and
// scored by it. cause is what is wrong with the one in place.
func (b *basis) restoreRun(ctx context.Context, spec *config.Spec, cause error) error {
	if spec == nil {
		return b.unknown(ctx, cause, nil)
	}
	d := b.found(artifact.RunKey, cause)
	preview, err := b.previewFor(ctx, spec)
	var refused *SpecError
	switch {
	case ctx.Err() != nil, outage(err), errors.As(err, &refused):
		return err
	case err != nil:
		return b.unknown(ctx, cause, err)
	}
	if err := b.restoreFinal(ctx, preview); err != nil {
		return err
	}
	if preview.Run.Created, err = b.began(ctx, preview.Plan); err != nil {
		return err
	}
	if b.table == nil {
		err = preview.write(ctx, b.store)
	} else {
		preview.Run.Data.File, err = b.fileOfTable(ctx)
		if err == nil {
			err = preview.writeRun(ctx, b.store)
		}
	}
	if err != nil {
		return err
	}
	d.Done = "restored from the spec, which the folds' fingerprints agree with"
	b.run, b.table = preview.Run, preview.Table
	return nil
}

// previewFor plans a spec by the prepared table in place, of which the folds most likely are,
// and b.table is then set; or, where it does not decode or they are not of it, by the spec's
// source.
func (b *basis) previewFor(ctx context.Context, spec *config.Spec) (*Preview, error) {
	table, err := b.tableInPlace(ctx)
	switch {
	case err == nil:
		b.table = table
		p, _, planErr := b.again(ctx, spec)
		if planErr == nil {
			var preview *Preview
			if preview, planErr = b.agreed(ctx, spec, p); planErr == nil {
				return preview, nil
			}
		}
		err, b.table = planErr, nil
	case isDamage(err):
		err = fmt.Errorf("%s in its place: %w", artifact.PreparedKey, err)
	default:
		return nil, err
	}
	p, cause := prepareFolds(ctx, b.open, spec)
	if cause == nil {
		return b.agreed(ctx, spec, p)
	}
	if outage(cause) {
		return nil, cause
	}
	var refused *SpecError
	if errors.As(err, &refused) { // a table there is, and folds, which are not of this spec
		return nil, err
	}
	return nil, errors.Join(cause, err)
}

// tableInPlace reads the prepared table without knowing its digest, but for the one in the file.
func (b *basis) tableInPlace(ctx context.Context) (*dataset.Table, error) {
	content, _, err := store.ReadAll(ctx, b.store, artifact.PreparedKey, mostPrepared())
	if err != nil {
		return nil, err
	}
	return dataset.ReadPrepared(bytes.NewReader(content), int64(len(content)))
}

// agreed plans the folds of a preparation, and refuses one that those which are complete are not of.
func (b *basis) agreed(ctx context.Context, spec *config.Spec, p *Preparation) (*Preview, error) {
	preview := &Preview{Preparation: p, Run: p.run(spec, b.build), former: b.etag}
	var err error
	if preview.Plan, err = artifact.BuildPlan(ctx, b.store, preview.Run, artifact.PlanOptions{}); err != nil {
		return nil, err
	}
	return preview, matches(preview.Plan)
}

// began is when the run began, as far as its folds and logs tell: tell, not when it was restored.
func (b *basis) began(ctx context.Context, plan *artifact.Plan) (time.Time, error) {
	var first time.Time
	consider := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, f := range plan.Folds {
		if m := f.Manifest; m != nil {
			spent := time.Duration((m.FitSeconds + m.PredictSeconds) * float64(time.Second))
			consider(time.UnixMilli(m.FinishedAt).Add(-spent))
		}
	}
	infos, err := b.store.List(ctx, artifact.LogsPrefix)
	if err != nil {
		return first, err
	}
	for _, info := range infos {
		if opened, ok := logging.OpenedAt(info.Key); ok {
			consider(opened)
		}
	}
	return first.UTC(), nil
}

// mostPrepared bounds a prepared table of unknown size in memory.
func mostPrepared() int64 { return min(16<<30, MemoryLimit()/2) }

// fileOfTable describes the prepared table in place.
func (b *basis) fileOfTable(ctx context.Context) (artifact.File, error) {
	content, _, err := store.ReadAll(ctx, b.store, artifact.PreparedKey, mostPrepared())
	return artifact.File{Key: artifact.PreparedKey, SHA256: store.SHA256(content), Bytes: int64(len(content))}, err
}

// matches refuses a plan under which any fold that is complete would be made anew, or in
// which none is.
func matches(plan *artifact.Plan) error {
	reused := 0
	for _, f := range plan.Folds {
		switch {
		case f.Changed, f.Action == artifact.Rescore:
			return &SpecError{fmt.Sprintf("the spec is not that of these folds: %s: %s", f.Task, f.Reason)}
		case f.Action == artifact.Reuse:
			reused++
		}
	}
	if reused == 0 {
		return &SpecError{"no fold is intact, so nothing tells whether the spec is the run's"}
	}
	return nil
}

// unknown counts what there is without a run.json.
func (b *basis) unknown(ctx context.Context, cause, why error) error {
	out := &UnknownRunError{Err: cause, Spec: why}
	infos, err := b.store.List(ctx, artifact.ArtifactsPrefix)
	if err != nil {
		return err
	}
	for _, info := range infos {
		model, fold, ok := artifact.ManifestOf(info.Key)
		if !ok {
			continue
		}
		out.Folds++
		m, _, err := artifact.ReadManifest(ctx, b.store, model, fold)
		if err == nil {
			err = artifact.Verify(ctx, b.store, m)
		}
		switch {
		case err == nil:
			out.Intact++
		case !isDamage(err):
			return err
		}
	}
	return out
}
