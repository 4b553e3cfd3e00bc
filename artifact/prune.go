package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"everfold/config"
	"everfold/store"
)

// PruneOptions say which runs of a store are looked at, and which of them are kept.
type PruneOptions struct {
	Type      config.RunType
	Matches   func(name string) bool // nil: every run of the type
	Retention config.Retention
	Now       time.Time
	DryRun    bool
	Spare     string // a run that stays, whatever else
	// Locked says whether a run is running, by its lock. nil: nobody can be asked; a run that
	// was written to within Quiet, or has a fit that began within its fit_timeout, then counts
	// as running.
	Locked func(ctx context.Context, workflowID string) (bool, error)
	Quiet  time.Duration // 0: then nothing counts as running
	// Force says that no run is running, where nobody can be asked. Only what was started within Quiet
	// in the rest of an interrupted removal still counts: nobody else knows of such a start.
	Force bool
}

// What is done about a run.
const (
	PruneKeep   = "keep"
	PruneRemove = "remove"
	PruneFinish = "finish" // what an earlier removal has left
)

// PruneVerdict is what is done about one run, and why.
type PruneVerdict struct {
	Type     config.RunType `json:"type"`
	Run      string         `json:"run"`
	Action   string         `json:"action"`
	Reason   string         `json:"reason"`
	Started  *time.Time     `json:"started,omitempty"` // last
	Finished bool           `json:"finished"`          // it came to its end with a ranked model
	CIndex   *float64       `json:"cindex,omitempty"`  // of the best model
	Bytes    int64          `json:"bytes"`

	found *surveyed
}

// PruneReport lists every run that was looked at, newest first.
type PruneReport struct {
	Runs    []PruneVerdict `json:"runs"`
	Removed int            `json:"removed"` // or to be removed, of a dry run
	Kept    int            `json:"kept"`
	Bytes   int64          `json:"bytes"` // of the removed ones
}

// Prune removes runs that the retention does not keep. It never removes
//
//   - a run that is running,
//   - the newest finished run that verifies,
//   - with KeepBest the finished run whose best model has the highest C-index.
//
// Keep counts finished runs: one that failed pushes no other out, and goes with the finished
// ones around it. A removal that was interrupted is finished by the next Prune; until then
// the run counts as not there.
//
// The error is the store's, or that of Locked; the report has what was done before.
func Prune(ctx context.Context, root store.Store, o PruneOptions) (*PruneReport, error) {
	if o.Matches == nil {
		o.Matches = func(string) bool { return true }
	}
	all, err := survey(ctx, root, o.Type, o.Matches)
	if err != nil {
		return nil, err
	}
	p := &pruner{PruneOptions: o, root: root}
	verdicts, err := p.judge(ctx, all)
	if err != nil {
		return nil, err
	}
	report := &PruneReport{}
	for i := range verdicts {
		v := &verdicts[i]
		switch {
		case v.Action == PruneKeep || o.DryRun:
		case err != nil:
			v.keep("not reached: the removal of another run failed")
		default:
			if err = p.remove(ctx, v); err != nil {
				v.keep("its removal failed, and may be half done")
			}
		}
		report.add(*v)
	}
	return report, err
}

func (r *PruneReport) add(v PruneVerdict) {
	r.Runs = append(r.Runs, v)
	if v.Action == PruneKeep {
		r.Kept++
		return
	}
	r.Removed++
	r.Bytes += v.Bytes
}

type pruner struct {
	PruneOptions
	root store.Store
}

// judge decides about every run, newest first.
func (p *pruner) judge(ctx context.Context, all []*surveyed) ([]PruneVerdict, error) {
	slices.SortStableFunc(all, func(a, b *surveyed) int {
		return cmp.Or(b.started().Compare(a.started()), strings.Compare(b.name, a.name))
	})
	verdicts := make([]PruneVerdict, len(all))
	newer := 0 // finished runs
	for i, v := range all {
		verdicts[i] = v.verdict()
		p.byRule(&verdicts[i], newer)
		if v.finished() {
			newer++
		}
	}
	if slices.ContainsFunc(verdicts, func(v PruneVerdict) bool { return v.Action == PruneRemove }) {
		if err := p.protectGood(ctx, verdicts); err != nil {
			return nil, err
		}
		p.protectBest(verdicts)
	}
	for i := range verdicts {
		if err := p.protectRunning(ctx, &verdicts[i]); err != nil {
			return verdicts, err
		}
	}
	return verdicts, nil
}

// started is when the run was last started; without run.json, long ago.
func (v *surveyed) started() time.Time {
	if v.run == nil {
		return time.Time{}
	}
	return v.run.Updated
}

func (v *surveyed) verdict() PruneVerdict {
	out := PruneVerdict{Type: v.runType, Run: v.name, Finished: v.finished(), Bytes: v.bytes(), found: v}
	if v.run != nil {
		out.Started = &v.run.Updated
	}
	if best := v.asBest(); best != nil {
		out.CIndex = &best.Score
	}
	return out
}

// byRule is what count and age say.
func (p *pruner) byRule(v *PruneVerdict, newer int) {
	r := p.Retention
	switch age := p.Now.Sub(v.found.started()); {
	case v.Run == p.Spare:
		v.keep("the run that has just ended")
	case v.found.grave != nil:
		v.Action, v.Reason = PruneFinish, v.found.grave.interrupted()
	case v.found.run == nil:
		v.keep("its run.json is damaged: starter run SPEC mends it, or delete the folder")
	case r.MaxAge > 0 && age > r.MaxAge.Std():
		v.Action, v.Reason = PruneRemove, "started more than "+r.MaxAge.String()+" ago"
	case r.Keep > 0 && newer >= r.Keep:
		v.Action, v.Reason = PruneRemove, fmt.Sprintf("%d finished runs are newer", newer)
	default:
		v.keep("within the retention")
	}
}

func (v *PruneVerdict) keep(reason string) { v.Action, v.Reason = PruneKeep, reason }

// protectGood keeps the newest finished run that verifies. Those that do not are named.
func (p *pruner) protectGood(ctx context.Context, verdicts []PruneVerdict) error {
	for i := range verdicts {
		v := &verdicts[i]
		if !v.Finished {
			continue
		}
		fault, err := v.found.verify(ctx, p.root)
		if err != nil {
			return err
		}
		if fault == "" {
			if v.Action == PruneRemove {
				v.keep("the newest finished run that verifies")
			}
			return nil
		}
		v.Reason += "; it does not verify: " + fault
	}
	return nil
}

// protectBest keeps the finished run with the highest C-index, the newest of equal ones: of
// each kind of C-index, as they are not to be compared.
func (p *pruner) protectBest(verdicts []PruneVerdict) {
	if !p.Retention.KeepBest {
		return
	}
	best := map[string]*PruneVerdict{}
	for i := range verdicts {
		v := &verdicts[i]
		if v.CIndex == nil {
			continue
		}
		metric := v.found.asBest().Metric
		if former := best[metric]; former == nil || *v.CIndex > *former.CIndex {
			best[metric] = v
		}
	}
	for _, v := range best {
		if v.Action == PruneRemove {
			v.keep(fmt.Sprintf("the best C-index, %.4f", *v.CIndex))
		}
	}
}

// protectRunning keeps a run that may be running.
func (p *pruner) protectRunning(ctx context.Context, v *PruneVerdict) error {
	if v.Action == PruneKeep {
		return nil
	}
	reason, err := p.running(ctx, v.found)
	if err == nil && reason != "" {
		v.keep(reason)
	}
	return err
}

// running says why a run may be running, or "".
func (p *pruner) running(ctx context.Context, v *surveyed) (string, error) {
	if p.Locked != nil {
		locked, err := p.Locked(ctx, "everfold/"+v.id())
		if err != nil {
			return "", fmt.Errorf("ask whether %s is running: %w", v.id(), err)
		}
		if locked {
			return "it is running", nil
		}
		return "", nil
	}
	quiet := p.Now.Sub(v.written())
	lately := p.Quiet > 0 && quiet < p.Quiet
	switch {
	case lately && v.grave.isCalledOff():
		return fmt.Sprintf("it was written to %v ago and may be starting, where its removal was interrupted", quiet.Round(time.Second)), nil
	case p.Force:
		return "", nil
	case lately:
		return fmt.Sprintf("it was written to %v ago and may be running", quiet.Round(time.Second)), nil
	case p.Quiet > 0 && v.run != nil && v.fitting() && quiet < v.run.Spec.Resources.FitTimeout.Std():
		return "a fit of it may be running: it began less than fit_timeout ago and has not ended", nil
	}
	return "", nil
}

// remove removes a run: the tombstone first, then run.json and everything by which some part
// of the run would count as good, then the rest, the tombstone last.
func (p *pruner) remove(ctx context.Context, v *PruneVerdict) error {
	s := store.Prefixed(p.root, v.found.id())
	// Other removals, and verifying, may have taken minutes since the run was judged.
	if err := p.protectRunning(ctx, v); err != nil || v.Action == PruneKeep {
		return err
	}
	begin := p.bury
	if v.Action == PruneFinish {
		begin = p.exhume
	}
	if other, err := begin(ctx, s, v); err != nil || other {
		return err
	}
	infos, err := s.List(ctx, "")
	if err != nil {
		return fmt.Errorf("remove %s: %w", v.found.id(), err)
	}
	var steps [4][]string
	for _, info := range infos {
		steps[removalStep(info.Key)] = append(steps[removalStep(info.Key)], info.Key)
	}
	for _, keys := range steps {
		for some := range slices.Chunk(keys, deletesAtOnce) {
			off, err := calledOff(ctx, s)
			if err == nil && !off {
				err = deleteKeys(ctx, s, some)
			}
			if err != nil {
				return fmt.Errorf("remove %s: %w", v.found.id(), err)
			}
			if off {
				v.keep("it was started again while it was removed: what is left stays")
				return nil
			}
		}
	}
	return nil
}

// bury writes the tombstone, unless the run is not the one any more that was judged: it is
// then left alone.
func (p *pruner) bury(ctx context.Context, s store.Store, v *PruneVerdict) (other bool, err error) {
	run, _, err := ReadRun(ctx, s)
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.keep("somebody else is removing it")
		return true, nil
	case err != nil:
		return false, fmt.Errorf("remove %s: %w", v.found.id(), err)
	case run.SHA256 != v.found.run.SHA256:
		v.keep("it was started again meanwhile")
		return true, nil
	}
	t := tombstone{RunSHA256: run.SHA256, Reason: v.Reason, Begun: p.Now.UTC()}
	if err := t.put(ctx, s, store.Condition{}); err != nil {
		return false, fmt.Errorf("remove %s: %w", v.found.id(), err)
	}
	// A start between the two has written another run.json, which the tombstone does not concern.
	now, _, err := ReadRun(ctx, s)
	if err == nil && now.SHA256 != run.SHA256 {
		v.keep("it was started again meanwhile")
		return true, EndRemoval(ctx, s)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, ErrDamaged) {
		return false, fmt.Errorf("remove %s: %w", v.found.id(), err)
	}
	return false, nil
}

// exhume looks again at a removal that was interrupted: it is finished only if its tombstone
// still holds. One that a start has called off is replaced, unless that start, or a later one, has
// been at it since the run was judged.
func (p *pruner) exhume(ctx context.Context, s store.Store, v *PruneVerdict) (other bool, err error) {
	again := &surveyed{folder: v.found.folder, runType: v.found.runType}
	if err := again.read(ctx, p.root); err != nil {
		return false, fmt.Errorf("remove %s: %w", v.found.id(), err)
	}
	if again.grave.isCalledOff() {
		err := store.ErrConflict
		if listed := v.found.objects[PrunedKey].ETag; listed != "" { // else it was written after the listing
			t := tombstone{Reason: v.Reason, Begun: p.Now.UTC()}
			err = t.put(ctx, s, store.Condition{ETag: listed})
		}
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return false, fmt.Errorf("remove %s: %w", v.found.id(), err)
		}
		again.grave = nil
	}
	if again.grave == nil {
		v.keep("it was started again, or its removal was ended, meanwhile")
		return true, nil
	}
	return false, nil
}

// removalStep orders the keys of a run's folder: run.json, then what seals other files, then
// those, then the tombstone.
func removalStep(key string) int {
	switch {
	case key == RunKey:
		return 0
	case key == PrunedKey:
		return 3
	case strings.HasSuffix(key, ".json") && !strings.HasPrefix(key, CheckpointsPrefix):
		return 1
	}
	return 2
}

// deleteKeys removes some objects side by side.
func deleteKeys(ctx context.Context, s store.Store, keys []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(defaultParallel)
	for _, key := range keys {
		group.Go(func() error { return s.Delete(ctx, key) })
	}
	return group.Wait()
}
