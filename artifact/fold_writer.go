package artifact

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// Claim names the work of one FitFold: a task, the spec it belongs to, and for a forced
// fit the digest of the manifest that it may replace (FoldPlan.Force).
type Claim struct {
	Task
	SpecDigest string
	Force      string
	Cache      *Cache // of the worker; nil: none
}

// Admission is the answer to a claim.
type Admission struct {
	Run      *Run
	Info     FoldInfo
	Action   Action    // Reuse: stop, Manifest is the result
	Manifest *Manifest // the verified one in place; nil where there is none

	FitFingerprint string // names checkpoints
	Seed           uint64 // sub-seed of the fit

	claim Claim
	found *examined
}

// Admit reads run.json and the manifest in place and says what the claim still has to do:
// Reuse where the fold is complete (forced: where the manifest in place is complete and
// not the one that may be replaced), else Rescore or Train. ErrSuperseded where run.json
// is that of another spec. FitFold asks before it fits; WriteFold asks again.
func Admit(ctx context.Context, s store.Store, c Claim) (*Admission, error) {
	a, err := admit(ctx, s, c)
	if err != nil {
		return nil, fmt.Errorf("admit %s: %w", c.Task, err)
	}
	return a, nil
}

func admit(ctx context.Context, s store.Store, c Claim) (*Admission, error) {
	var run *Run
	var e *examined
	group, together := errgroup.WithContext(ctx) // each read is a turn to the store and back
	group.Go(func() (err error) {
		run, err = readCurrent(together, s, c.SpecDigest, c.Cache)
		return err
	})
	group.Go(func() (err error) {
		e, err = inPlace(together, s, c.Task)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	info, err := run.Fold(c.Fold)
	if err == nil {
		e.want, err = run.fingerprints(c.Model, c.Fold)
	}
	if err == nil {
		err = e.verify(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	a := &Admission{Run: run, Info: info, Action: e.action(), FitFingerprint: e.want.fit,
		Seed: FitSeed(run.Spec.Folds.Seed, c.Model, c.Fold), claim: c, found: e}
	if e.fault == nil {
		a.Manifest = e.manifest
		if c.Force != "" && c.Force == e.manifest.SHA256 {
			a.Action = Train
		}
	}
	return a, nil
}

// Result is what a fit hands over. Of the manifest the caller sets metrics, reasons,
// timings, finish, convergence, warnings, attempt, worker and build; WriteFold sets the
// rest.
type Result struct {
	Manifest Manifest
	Risk     []float64 // [n_test]
	Surv     []float32 // [n_test × n_times], row by row; metrics were computed from these values
}

// Outcome says whose manifest is in place after a write.
type Outcome int

// The outcomes.
const (
	Written Outcome = iota // the caller's
	Found                  // an equal or newer complete one of somebody else; the caller's result is not needed
)

// WriteFold writes a fold: payloads, then the manifest, create-once where there is none,
// by compare-and-swap where the one in place is stale, damaged or forced. Before the first
// payload byte it admits the claim again and stops with Found where the fold is complete
// by now, or with ErrSuperseded.
//
// Where another writer's manifest came first, equal fit fingerprint and file digests are
// success (Found); else the error wraps store.ErrConflict, or ErrSuperseded where the
// reason is another spec. WriteFold may be repeated. It panics where risk or survival
// have not the fold's dimensions.
func WriteFold(ctx context.Context, s store.Store, c Claim, r Result) (*Manifest, Outcome, error) {
	a, err := Admit(ctx, s, c)
	if err != nil {
		return nil, 0, err
	}
	if a.Action == Reuse {
		return a.Manifest, Found, nil
	}
	m := a.identify(r.Manifest)
	if m.Files, err = a.putPayloads(ctx, s, r); err != nil {
		return nil, 0, fmt.Errorf("write %s: %w", c.Task, err)
	}
	return a.publish(ctx, s, m)
}

// Rescored is what scoring a stored fit anew hands over.
type Rescored struct {
	Scores     Scores
	Reasons    map[string]string
	Details    *Details
	FinishedAt int64 // Unix milliseconds
	Build      string
}

// WriteScores replaces the metrics of a complete fold by compare-and-swap; its fit and
// files stay. Outcomes and errors are those of WriteFold. It is an error where there is no
// complete fit in place.
func WriteScores(ctx context.Context, s store.Store, c Claim, r Rescored) (*Manifest, Outcome, error) {
	a, err := Admit(ctx, s, c)
	if err != nil {
		return nil, 0, err
	}
	switch a.Action {
	case Reuse:
		return a.Manifest, Found, nil
	case Train:
		return nil, 0, fmt.Errorf("write scores of %s: %w: no complete fit is in place", c.Task, ErrDamaged)
	}
	m := a.identify(*a.Manifest)
	m.Files = a.Manifest.Files
	m.Scores, m.Reasons, m.Details, m.FinishedAt, m.Build = r.Scores, r.Reasons, r.Details, r.FinishedAt, r.Build
	return a.publish(ctx, s, m)
}

// identify fills in what the run and the fold decide.
func (a *Admission) identify(m Manifest) *Manifest {
	m.Model, m.Fold, m.Repeat = a.claim.Model, a.claim.Fold, a.Info.Repeat
	if model, err := a.Run.Spec.Model(a.claim.Model); err == nil { // Admit has found it before
		m.Type = model.Type
	}
	m.FitFingerprint, m.ScoreFingerprint, m.FitInputs = a.found.want.fit, a.found.want.score, a.found.want.inputs
	m.TrainRows, m.TestRows = a.Info.TrainRows, a.Info.TestRows
	m.TrainEvents, m.TestEvents = a.Info.TrainEvents, a.Info.TestEvents
	m.Forced, m.Supersedes = a.claim.Force != "", ""
	if a.Manifest != nil {
		m.Supersedes = a.Manifest.SHA256
	}
	m.GOARCH = runtime.GOARCH
	return &m
}

func (a *Admission) putPayloads(ctx context.Context, s store.Store, r Result) ([]File, error) {
	rows, times := a.Info.TestRows, a.Info.Times.Shape[0]
	if len(r.Risk) != rows || len(r.Surv) != rows*times {
		panic("artifact: risk or survival has not the dimensions of its fold")
	}
	// Side by side: a durable write waits for the disk or the network, not for a core.
	files := make([]File, 2)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		files[0], err = PutArray(ctx, s, RiskKey(a.claim.Model, a.claim.Fold), r.Risk, rows)
		return err
	})
	group.Go(func() (err error) {
		files[1], err = PutArray(ctx, s, SurvKey(a.claim.Model, a.claim.Fold), r.Surv, rows, times)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return files, nil
}

// publish puts the manifest where the one that Admit saw still is.
func (a *Admission) publish(ctx context.Context, s store.Store, m *Manifest) (*Manifest, Outcome, error) {
	content, err := m.Encode()
	if err != nil {
		return nil, 0, err
	}
	cond := store.Condition{Absent: a.found.etag == "", ETag: a.found.etag}
	_, err = store.PutBytes(ctx, s, ManifestKey(m.Model, m.Fold), content, cond)
	if errors.Is(err, store.ErrConflict) {
		return a.reconcile(ctx, s, m, err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("write %s: %w", a.claim.Task, err)
	}
	return m, Written, nil
}

// reconcile reads back after a conflict: an earlier try of this call, or a writer of the
// same fit, has done the work; or another spec has.
func (a *Admission) reconcile(ctx context.Context, s store.Store, m *Manifest, conflict error) (*Manifest, Outcome, error) {
	inPlace, _, err := ReadManifest(ctx, s, m.Model, m.Fold)
	if err == nil && inPlace.SHA256 == m.SHA256 {
		return inPlace, Written, nil
	}
	if err == nil && inPlace.sameResult(m) && inPlace.ScoreFingerprint == m.ScoreFingerprint {
		return inPlace, Found, nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, store.ErrNotFound) {
		return nil, 0, fmt.Errorf("write %s: read back after conflict: %w", a.claim.Task, err)
	}
	if _, err := readCurrent(ctx, s, a.claim.SpecDigest, a.claim.Cache); err != nil {
		return nil, 0, fmt.Errorf("write %s: %w", a.claim.Task, err)
	}
	return nil, 0, fmt.Errorf("write %s: another manifest came first: %w", a.claim.Task, conflict)
}

// ReadResult reads risk and survival of a manifest, verified: what rescoring and
// out-of-fold predictions start from. Damage wraps ErrDamaged and names the file.
func ReadResult(ctx context.Context, s store.Store, m *Manifest) (risk []float64, surv []float32, err error) {
	at := slices.IndexFunc(m.Files, func(f File) bool { return f.Key == RiskKey(m.Model, m.Fold) })
	if at != 0 || len(m.Files) != 2 {
		return nil, nil, fmt.Errorf("read %s fold %d: %w: its manifest lists other files", m.Model, m.Fold, ErrDamaged)
	}
	if risk, err = GetArray[float64](ctx, s, m.Files[0]); err == nil {
		surv, err = GetArray[float32](ctx, s, m.Files[1])
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read %s fold %d: %w", m.Model, m.Fold, err)
	}
	return risk, surv, nil
}
