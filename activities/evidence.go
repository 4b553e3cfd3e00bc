package activities

import (
	"context"
	"slices"
	"strings"

	"everfold/artifact"
	"everfold/artifact/cost"
	"everfold/store"
)

// mostRuns bounds the other runs whose manifests an estimate looks at, the newest ones.
const mostRuns = 8

// Estimate sets Cost: by the complete folds of the run, else by fits of the same types in
// other runs of the same kind under root. What cannot be read is left out, since an estimate
// must not stop a run.
func (p *Preview) Estimate(ctx context.Context, root store.Store) {
	var e cost.Evidence
	e.Observe(p.Run, p.Plan)
	if !e.Complete(p.Plan) {
		observeOthers(ctx, root, p.Run, &e)
	}
	p.Cost = e.Estimate(p.Run, p.Plan)
}

func observeOthers(ctx context.Context, root store.Store, run *artifact.Run, e *cost.Evidence) {
	infos, err := root.List(ctx, string(run.Spec.Type)+"/")
	if err != nil {
		return
	}
	var runs []store.Info
	for _, info := range infos {
		if strings.HasSuffix(info.Key, "/"+artifact.RunKey) && info.Key != artifact.Folder(string(run.Spec.Type), run.Spec.Run)+"/"+artifact.RunKey {
			runs = append(runs, info)
		}
	}
	slices.SortStableFunc(runs, func(a, b store.Info) int { return b.Modified.Compare(a.Modified) })
	for _, info := range runs[:min(mostRuns, len(runs))] {
		observeRun(ctx, store.Prefixed(root, strings.TrimSuffix(info.Key, "/"+artifact.RunKey)), e)
	}
}

// observeRun looks at the first fold of each model.
func observeRun(ctx context.Context, s store.Store, e *cost.Evidence) {
	run, _, err := artifact.ReadRun(ctx, s)
	if err != nil || len(run.Folds) == 0 {
		return
	}
	for _, m := range run.Spec.AllModels() {
		if manifest, _, err := artifact.ReadManifest(ctx, s, m.Name, run.Folds[0].Index); err == nil {
			e.ObserveOther(run, manifest)
		}
	}
}
