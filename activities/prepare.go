package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"everfold/artifact"
	"everfold/artifact/cost"
	"everfold/config"
	"everfold/dataset"
	"everfold/logging"
	"everfold/store"
	"everfold/survival/registry"
)

// errHasArtifacts refuses a fresh start into a run that exists.
var errHasArtifacts = errors.New("the run has artifacts")

// Preview is what a start of a spec would do; nothing has been written for it.
type Preview struct {
	*Preparation
	Run    *artifact.Run // as run.json would be
	Plan   *artifact.Plan
	Cost   *cost.Estimate // set by Estimate
	former string         // ETag of run.json now, "" where there is none
	stale  bool           // data/final.parquet is of a spec before this one
	// Replaced is what is wrong with the run.json in place, which is made anew and of which nothing
	// counts; nil: nothing.
	Replaced error
	// Predicted is the digest of the rows of final.data that the predictions in place are of; ""
	// where there are none.
	Predicted string
}

// NewPreview checks a spec, reads its data and plans its folds against what the run's
// folder s holds. Errors: *config.Error, *dataset.InvalidError and the other data errors of
// the libraries; the store's; *artifact.ChangedError where the plan would replace complete
// folds that the request does not allow to replace: the preview is returned beside it.
func NewPreview(ctx context.Context, open OpenFile, s store.Store, in PrepareInput, build string) (*Preview, error) {
	if err := errors.Join(in.Spec.CheckAbsolute(), in.Spec.CheckAvailable(registry.Types()), in.Request.Check(in.Spec)); err != nil {
		return nil, err
	}
	former, etag, err := artifact.ReadRun(ctx, s)
	var damage error
	switch {
	case errors.Is(err, artifact.ErrDamaged): // begin anew; manifests still count
		damage = err
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	if in.Request.Fresh {
		if err := refuseArtifacts(ctx, s); err != nil {
			return nil, err
		}
	}
	p, err := Prepare(ctx, open, in.Spec)
	if err != nil {
		return nil, err
	}
	p.keepGrid(in.Spec, former, in.Request)
	out := &Preview{Preparation: p, Run: p.run(in.Spec, build), former: etag, Replaced: damage}
	if former != nil {
		out.Run.Created = former.Created
		out.stale = former.Data.Final != nil && p.Final == nil
	}
	options := artifact.PlanOptions{Request: in.Request, Former: former}
	if out.Plan, err = artifact.BuildPlan(ctx, s, out.Run, options); err != nil {
		return nil, err
	}
	if out.Predicted, err = artifact.PredictedRows(ctx, s); err != nil {
		return nil, err
	}
	return out, out.Plan.Check(in.Request)
}

// refuseArtifacts is errHasArtifacts where any fold is complete. run.json alone is no
// obstacle: an earlier attempt of this very start may have written it.
func refuseArtifacts(ctx context.Context, s store.Store) error {
	key, has, err := artifact.AnyManifest(ctx, s)
	if err != nil || !has {
		return err
	}
	return fmt.Errorf("%w, such as %s/%s: a fresh start needs another run id (--run ID); or resume it", errHasArtifacts, s.URI(), key)
}

// PrepareData reads and checks the data, derives folds and grid, plans every fold, and
// writes the prepared table, the folds and, last, run.json. Where it refuses, nothing in
// the run's folder has changed but the logs.
func (a *Activities) PrepareData(ctx context.Context, in PrepareInput) (*PrepareResult, error) {
	if err := in.Spec.Check(); err != nil { // no workflow has decoded it
		return nil, a.fail(ctx, "prepare data", err) // not even log files are opened for it
	}
	ctx, at, end := a.begin(ctx, Ref(in.Spec), "", 0)
	defer end()
	if a.CheckSpec != nil {
		if err := a.CheckSpec(in.Spec); err != nil { // in the run's log, if the store is one that is allowed
			return nil, a.fail(ctx, "prepare data", err)
		}
	}
	out, err := a.prepareGuarded(ctx, at, in)
	return out, a.fail(ctx, "prepare data", err)
}

func (a *Activities) prepareGuarded(ctx context.Context, at *attempt, in PrepareInput) (*PrepareResult, error) {
	prepare := a.prepare
	if in.Recover {
		prepare = a.prepareAgain
	} else {
		logging.From(ctx).Info("run accepted", "spec_digest", in.Spec.Digest(), "data", in.Spec.Data.URI, "build", a.Build)
	}
	root, err := a.openRoot(ctx, Ref(in.Spec))
	if err != nil {
		return nil, err
	}
	s := alive{store.Prefixed(root, artifact.Folder(string(in.Spec.Type), in.Spec.Run))}
	g := guardOf(s, "preparation", in.Spec, "start the run again with a larger worker, or one with fewer slots")
	return guarded(ctx, g, func(ctx context.Context) (*PrepareResult, error) { return prepare(ctx, at, root, s, in) })
}

// prepare is the preparation of a run; root is its store, s its folder there.
func (a *Activities) prepare(ctx context.Context, at *attempt, root, s store.Store, in PrepareInput) (*PrepareResult, error) {
	at.stage("load")
	p, err := NewPreview(ctx, a.OpenData, s, in, a.Build)
	if err != nil {
		return nil, err
	}
	if err := checkMemory("the prepared table with one fit's design", preparation(p.Table)+p.Final.bytes()); err != nil {
		return nil, err
	}
	at.stage("write")
	if err := p.write(ctx, s); err != nil {
		return nil, err
	}
	p.log(ctx)
	p.Estimate(ctx, alive{root})
	return p.result(in.Spec), nil
}

// openRun is the run's folder of its store. Working with it is a sign of life.
func (a *Activities) openRun(ctx context.Context, ref RunRef) (store.Store, error) {
	root, err := a.openRoot(ctx, ref)
	if err != nil {
		return nil, err
	}
	return alive{store.Prefixed(root, artifact.Folder(string(ref.Type), ref.Run))}, nil
}

// openRoot is the store of a run whose name is one.
func (a *Activities) openRoot(ctx context.Context, ref RunRef) (store.Store, error) {
	if err := ref.check(); err != nil {
		return nil, err
	}
	root, err := a.OpenStore(ctx, ref.Store)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", ref.Store.URI, err)
	}
	return root, nil
}

// write stores what fits read. run.json comes last: it names everything else by digest. Where it is
// not the one any more that was read, nothing is written: the files are those of a later start.
func (p *Preview) write(ctx context.Context, s store.Store) error {
	if err := artifact.CheckRun(ctx, s, p.former); err != nil {
		return err
	}
	spare := artifact.EndRemoval
	if p.former == "" {
		spare = artifact.CallOff
	}
	if err := spare(ctx, s); err != nil { // now: a removal would go on with what is written next
		return err
	}
	profile, err := json.MarshalIndent(p.Profile, "", "  ")
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	if _, err := store.PutBytes(ctx, s, artifact.ProfileKey, append(profile, '\n'), store.Condition{}); err != nil {
		return fmt.Errorf("write %s: %w", artifact.ProfileKey, err)
	}
	if p.Run.Data.File, err = p.writeTable(ctx, s); err != nil {
		return err
	}
	return p.writeRun(ctx, s)
}

// writeRun stores the rows to predict, the folds and run.json, which names the prepared table in
// place.
func (p *Preview) writeRun(ctx context.Context, s store.Store) (err error) {
	if p.Final != nil {
		if p.Run.Data.Final.File, err = p.Final.write(ctx, s, p.Run.Spec.Data.ID); err != nil {
			return err
		}
	}
	for i := range p.Folds {
		if _, err := artifact.WriteFoldData(ctx, s, p.foldData(i), p.Table.Rows()); err != nil {
			return err
		}
	}
	p.Run.Updated = time.Now().UTC()
	if p.Run.Created.IsZero() {
		p.Run.Created = p.Run.Updated
	}
	if err := artifact.WriteRun(ctx, s, p.Run, p.former); err != nil {
		return err
	}
	if p.stale {
		if err := s.Delete(ctx, artifact.FinalRowsKey); err != nil {
			return fmt.Errorf("remove %s: %w", artifact.FinalRowsKey, err)
		}
	}
	return artifact.EndRemoval(ctx, s)
}

// writeTable streams the prepared table into the store, also where one of equal digest is:
// ids, which the digest leaves out, may have changed.
func (p *Preview) writeTable(ctx context.Context, s store.Store) (artifact.File, error) {
	return artifact.PutStream(ctx, s, artifact.PreparedKey, func(w io.Writer) error { return dataset.WriteParquet(w, p.Table, p.Profile.UsedDigest()) })
}

// log tells what was read, what was dropped and what is going to be done.
func (p *Preview) log(ctx context.Context) {
	log := logging.From(ctx)
	for _, w := range p.Warnings() {
		log.Warn(w, logging.CategoryStorage.Attr())
	}
	log.Info("data prepared", "rows_read", p.Profile.RowsRead, "rows", p.Table.Rows(), "events", p.Run.Data.Events,
		"columns", len(p.Table.Columns), "digest", p.Run.Data.Digest, "folds", len(p.Folds))
	for _, d := range p.Profile.Dropped {
		log.Warn("rows dropped", logging.CategoryData.Attr(), "reason", d.Reason, "rows", d.Rows, "events", d.Events, "events_share", d.Share)
	}
	for _, w := range p.Profile.Warnings {
		log.Warn(w.Message, logging.KeyCategory, w.Category)
	}
	if f := p.Final; f != nil {
		log.Info("rows to predict prepared", "rows", f.Rows, "digest", f.Digest)
		for _, w := range f.Warnings {
			log.Warn(w, logging.CategoryData.Attr())
		}
	}
	count := map[artifact.Action]int{}
	for _, f := range p.Plan.Folds {
		count[f.Action]++
		log.Debug("planned", logging.KeyModel, f.Model, logging.KeyFold, f.Fold, "action", f.Action, "reason", f.Reason)
	}
	log.Info("folds planned", "train", count[artifact.Train], "rescore", count[artifact.Rescore], "reuse", count[artifact.Reuse])
}

// Warnings are of what is in place.
func (p *Preview) Warnings() []string {
	if p.Replaced == nil {
		return nil
	}
	return []string{p.Replaced.Error() + "; it is made anew, nothing of it counts"}
}

// result is the plan in brief.
func (p *Preview) result(s *config.Spec) *PrepareResult {
	out := &PrepareResult{Run: Ref(s), SpecDigest: p.Run.SpecDigest, Rows: p.Run.Data.Rows, Events: p.Run.Data.Events, FinalSeconds: p.Cost.Finals}
	out.Warnings = p.Warnings()
	if p.Preparation != nil && p.Final != nil { // a recovery prepares nothing
		out.Warnings = append(out.Warnings, p.Final.Warnings...)
	}
	for _, f := range p.Plan.Folds {
		if n := len(out.Models); n == 0 || out.Models[n-1].Model != f.Model {
			out.Models = append(out.Models, ModelPlan{Model: f.Model, Seconds: p.Cost.Models[f.Model]})
		}
		fold := FoldPlan{Fold: f.Fold, Action: f.Action, Force: f.Force}
		if f.Action == artifact.Reuse {
			fold.CIndex, fold.IBS = f.Manifest.Scores.CIndex, f.Manifest.Scores.IBS
		}
		last := &out.Models[len(out.Models)-1]
		last.Folds = append(last.Folds, fold)
	}
	return out
}
