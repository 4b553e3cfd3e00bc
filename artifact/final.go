package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"everfold/config"
	"everfold/store"
	"everfold/survival/resample"
)

const modelFormat = 1

// StepTimes are the times that a curve of a final model may step at.
type StepTimes struct {
	Events []float64 `json:"events"` // event times of the training rows, ascending, perhaps thinned
	Last   float64   `json:"last"`   // the last observed time; beyond it curves are extrapolated
}

// ModelInfo is model.json: what a final model is. It is written after the model file.
type ModelInfo struct {
	Format      int    `json:"format"`
	Model       string `json:"model"`
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"`
	Inputs      Inputs `json:"inputs"` // what Fingerprint is the digest of
	File        File   `json:"file"`   // model.bin

	Rows   int       `json:"rows"` // fitted on
	Events int       `json:"events"`
	Times  StepTimes `json:"times"`

	Columns    []string        `json:"columns"`    // of the design, in order
	Preprocess json.RawMessage `json:"preprocess"` // the fitted pipeline
	Settings   map[string]any  `json:"settings"`   // of the model, defaults filled in
	Seed       string          `json:"seed"`       // sub-seed, hexadecimal
	Versions   ModelVersions   `json:"versions"`

	Coefficients []Coefficient `json:"coefficients,omitempty"` // of linear models
	ModelTests   []ModelTest   `json:"model_tests,omitempty"`  // of Cox models
	PHTests      []PHTest      `json:"ph_tests,omitempty"`
	OutOfBag     *OutOfBag     `json:"out_of_bag,omitempty"` // of forests
	Converged    bool          `json:"converged"`
	Iterations   int           `json:"iterations,omitempty"`
	Warnings     []Warning     `json:"warnings,omitempty"`

	FitSeconds float64 `json:"fit_seconds"`
	FinishedAt int64   `json:"finished_at"` // Unix milliseconds
	Attempt    int     `json:"attempt"`
	Worker     string  `json:"worker,omitempty"`
	Build      string  `json:"build"`
	GOARCH     string  `json:"goarch"`

	SHA256 string `json:"sha256"` // as in Manifest
}

// ModelVersions are the algorithm versions of a final model.
type ModelVersions struct {
	Model      int `json:"model"`
	Preprocess int `json:"preprocess"`
}

// OutOfBag is the error of a forest on the rows that its trees left out.
type OutOfBag struct {
	Error float64 `json:"error"` // 1 − Harrell's C
	Rows  int     `json:"rows"`
}

func (m *ModelInfo) seal() *string { return &m.SHA256 }

// FinalSeed is the sub-seed of the fit of a model on all rows.
func FinalSeed(seed uint64, model string) uint64 { return resample.SubSeed(seed, "final/"+model, 0) }

// FinalInputs are the inputs of the fingerprint of a model's fit on all rows: as FitInputs,
// without a fold. The grid is among them only for models that are fitted for it.
func (r *Run) FinalInputs(model string) (Inputs, error) {
	m, err := r.Spec.Model(model)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of the final %s: %w", model, err)
	}
	in, err := r.inputs(m)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of the final %s: %w", model, err)
	}
	in["final"] = true
	in["seed"] = hexadecimal(FinalSeed(r.Spec.Folds.Seed, model))
	if m.Type == config.Stack || m.Type == coxStratified {
		in["times"] = "burk80"
		if !r.Grid.PerFold {
			in["times"] = ArraySHA256(r.Grid.Times)
		}
	}
	return in, nil
}

// coxStratified is the model type whose risk is a sum over the grid.
const coxStratified = "cox_stratified"

// FinalClaim names the work of one FitFinal.
type FinalClaim struct {
	Model      string
	SpecDigest string
	Cache      *Cache // of the worker; nil: none
}

// Task is the claim's, for checkpoints and start records.
func (c FinalClaim) Task() Task { return Task{Model: c.Model, Fold: FinalFold} }

// FinalAdmission is the answer to a FinalClaim.
type FinalAdmission struct {
	Run *Run
	FinalState
	Seed uint64 // sub-seed of the fit

	claim FinalClaim
}

// FinalState is what the store holds of a final model, beside what is wanted.
type FinalState struct {
	Fingerprint string     // wanted; names checkpoints
	Info        *ModelInfo // the complete one in place; nil where there is none
	Reason      string     // why the one in place does not count, or "complete"
	Missing     bool       // there is no model.json

	inputs Inputs
	etag   string // of whatever has the key of model.json; "" where nothing has
}

// Action is Reuse where the final model is complete, else Train.
func (f *FinalState) Action() Action {
	if f.Info != nil {
		return Reuse
	}
	return Train
}

// ExamineFinal verifies the final model of the run that the store holds: its fingerprint
// and every byte of its file. Errors are the store's, or that the run has no such model.
func ExamineFinal(ctx context.Context, s store.Store, run *Run, model string) (FinalState, error) {
	var f FinalState
	var err error
	if f.inputs, err = run.FinalInputs(model); err != nil {
		return f, err
	}
	f.Fingerprint = f.inputs.Fingerprint()
	info := &ModelInfo{}
	f.etag, err = readSealed(ctx, s, ModelInfoKey(model), info)
	if err == nil {
		err = info.check(model)
	}
	if err == nil && info.Fingerprint != f.Fingerprint {
		f.Reason = "fitted from other inputs: " + fingerprints{inputs: f.inputs}.differences(info.Inputs)
		return f, nil
	}
	if err == nil {
		err = verifyFile(ctx, s, info.File)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		f.Missing, f.Reason = true, "no "+ModelInfoKey(model)
	case errors.Is(err, ErrDamaged):
		f.Reason = err.Error()
	case err != nil:
		return f, fmt.Errorf("verify the final %s: %w", model, err)
	default:
		f.Info, f.Reason = info, "complete"
	}
	return f, nil
}

// ReadFinal reads model.json of a final model, whatever spec it is of. ErrNotFound where there
// is none; damage wraps ErrDamaged.
func ReadFinal(ctx context.Context, s store.Store, model string) (*ModelInfo, error) {
	info := &ModelInfo{}
	_, err := readSealed(ctx, s, ModelInfoKey(model), info)
	if err == nil {
		err = info.check(model)
	}
	if err != nil {
		return nil, fmt.Errorf("read the final %s: %w", model, err)
	}
	return info, nil
}

func (m *ModelInfo) check(model string) error {
	switch {
	case m.Format != modelFormat:
		return fmt.Errorf("%w: model.json of format %d, this program reads %d", ErrDamaged, m.Format, modelFormat)
	case m.Model != model || m.File.Key != ModelKey(model):
		return fmt.Errorf("%w: it is the model.json of %s", ErrDamaged, m.Model)
	}
	if err := m.File.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// verifyFile makes a file that is missing or differs wrap ErrDamaged.
func verifyFile(ctx context.Context, s store.Store, f File) error {
	err := store.Verify(ctx, s, f.Key, f.Bytes, f.SHA256)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("%w: %s: %s", ErrDamaged, f.Key, err)
	}
	return err
}

// AdmitFinal reads run.json and the final model in place and says whether the claim still
// has to be fitted. ErrSuperseded where run.json is that of another spec.
func AdmitFinal(ctx context.Context, s store.Store, c FinalClaim) (*FinalAdmission, error) {
	run, err := readCurrent(ctx, s, c.SpecDigest, c.Cache)
	if err != nil {
		return nil, fmt.Errorf("admit %s: %w", c.Task(), err)
	}
	state, err := ExamineFinal(ctx, s, run, c.Model)
	if err != nil {
		return nil, fmt.Errorf("admit %s: %w", c.Task(), err)
	}
	return &FinalAdmission{Run: run, FinalState: state, Seed: FinalSeed(run.Spec.Folds.Seed, c.Model), claim: c}, nil
}

// WriteFinal writes a final model: the file that body streams, then model.json, create-once
// where there is none, by compare-and-swap where the one in place is stale or damaged.
// Before the first byte it admits the claim again and stops with Found where the model is
// complete by now. Of info the caller sets what the fit knows; WriteFinal sets the rest.
// Conflicts end as in WriteFold. It may be repeated.
func WriteFinal(ctx context.Context, s store.Store, c FinalClaim, info ModelInfo, body func(io.Writer) error) (*ModelInfo, Outcome, error) {
	a, err := AdmitFinal(ctx, s, c)
	if err != nil {
		return nil, 0, err
	}
	if a.Info != nil {
		return a.Info, Found, nil
	}
	model, err := a.Run.Spec.Model(c.Model)
	if err != nil {
		return nil, 0, fmt.Errorf("write %s: %w", c.Task(), err)
	}
	info.Format, info.Model, info.Type = modelFormat, model.Name, model.Type
	info.Fingerprint, info.Inputs, info.Settings = a.Fingerprint, a.inputs, model.Settings
	info.Seed, info.GOARCH = hexadecimal(a.Seed), runtime.GOARCH
	info.Versions = ModelVersions{Model: a.Run.Versions.Models[model.Type], Preprocess: a.Run.Versions.Preprocess}
	files, err := putStreams(ctx, s, []string{ModelKey(c.Model)}, func(w []io.Writer) error { return body(w[0]) })
	if err != nil {
		return nil, 0, fmt.Errorf("write %s: %w", c.Task(), err)
	}
	info.File = files[0]
	return a.publish(ctx, s, &info)
}

// publish puts model.json where the one that AdmitFinal saw still is; after a conflict, an
// equal model is success.
func (a *FinalAdmission) publish(ctx context.Context, s store.Store, info *ModelInfo) (*ModelInfo, Outcome, error) {
	content, err := encode(info)
	if err != nil {
		return nil, 0, fmt.Errorf("encode %s: %w", ModelInfoKey(info.Model), err)
	}
	cond := store.Condition{Absent: a.etag == "", ETag: a.etag}
	_, conflict := store.PutBytes(ctx, s, ModelInfoKey(info.Model), content, cond)
	if conflict == nil {
		return info, Written, nil
	}
	if !errors.Is(conflict, store.ErrConflict) {
		return nil, 0, fmt.Errorf("write %s: %w", a.claim.Task(), conflict)
	}
	again, err := AdmitFinal(ctx, s, a.claim)
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("write %s: %w", a.claim.Task(), err)
	case again.Info != nil && again.Info.SHA256 == info.SHA256:
		return again.Info, Written, nil
	case again.Info != nil:
		return again.Info, Found, nil
	}
	return nil, 0, fmt.Errorf("write %s: another model.json came first: %w", a.claim.Task(), conflict)
}

// ReadModel hands the file of a final model to use as a stream, which need not be read to its
// end. What use made of it counts only where ReadModel returns nil: the digest is known at
// the end. Damage wraps ErrDamaged, whatever use made of it; errors of use are returned as they
// are.
func ReadModel(ctx context.Context, s store.Store, info *ModelInfo, use func(in io.Reader, size int64) error) error {
	failed := error(nil)
	if err := readStream(ctx, s, info.File, func(in io.Reader) error {
		failed = use(in, info.File.Bytes)
		return nil
	}); err != nil {
		return fmt.Errorf("read the final %s: %w", info.Model, err)
	}
	return failed
}

// FinalModels are the models that are to be fitted on all rows, those to be preferred for
// predictions first: by the rank that final.select gives, then in the order of the spec.
// Models that lack a planned fold are left out, and named where final.models means them.
// With final.models "best" and nothing ranked there is none.
func (r *Run) FinalModels(standings []Standing) (models, incomplete []string) {
	ranked := preferred(standings, r.Spec.Final.Select)
	switch final := r.Spec.Final.Models; final.Keyword {
	case "best":
		if len(ranked) > 0 && rankOf(ranked[0], r.Spec.Final.Select) == 1 {
			return []string{ranked[0].Model}, nil
		}
		return nil, nil
	default:
		for _, st := range ranked {
			wanted := slices.Contains(final.Names, st.Model) || final.Keyword == "all" && st.Model != config.KM
			switch {
			case wanted && st.FailedFolds > 0:
				incomplete = append(incomplete, st.Model)
			case wanted:
				models = append(models, st.Model)
			}
		}
		return models, incomplete
	}
}

// namedFinals are the models that final.models means whatever their scores; nil for "best".
func (r *Run) namedFinals() []string {
	if r.Spec.Final.Models.Keyword != "all" {
		return r.Spec.Final.Models.Names
	}
	var names []string
	for _, m := range r.Spec.AllModels() {
		if m.Type != config.KM {
			names = append(names, m.Name)
		}
	}
	return names
}

// preferred sorts standings by a rank, unranked ones last.
func preferred(standings []Standing, by string) []Standing {
	out := slices.Clone(standings)
	slices.SortStableFunc(out, func(a, b Standing) int {
		x, y := rankOf(a, by), rankOf(b, by)
		switch {
		case x == y:
			return 0
		case y == 0 || x > 0 && x < y:
			return -1
		}
		return 1
	})
	return out
}

func rankOf(st Standing, by string) int {
	if by == "ibs" {
		return st.RankIBS
	}
	return st.Rank
}
