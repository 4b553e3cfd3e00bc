package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"everfold/artifact"
	"everfold/config"
	"everfold/logging"
	"everfold/store"
)

// RecoverInput says how a run's folder is to be brought in order.
type RecoverInput struct {
	Spec    *config.Spec  // what run.json is restored from where it is missing or damaged; nil: nothing
	Moved   *config.Store // the store that the folder is in now; nil: the one that run.json names
	Model   string        // the final model that is wanted; "": those of final.models
	Predict When
	Report  When
	Dry     bool // predictions and report are not made: nobody would keep them
}

// When says when Recover makes what lies above folds and final models.
type When int

// The zero value waits for what is to be fitted: whoever fits makes the rest after that.
const (
	WhenWhole When = iota // once every fold and final model is there
	Now                   // of the folds and final models that there are
	Never
)

// Recovered is how a run's folder stands after everything was done that needs no fit.
type Recovered struct {
	Run     string   `json:"run"`     // <type>/<run>
	Planned int      `json:"planned"` // folds
	Intact  int      `json:"intact"`  // of them, those that verified with every file
	Damage  []Damage `json:"damage"`  // what did not verify, in the order of the output tree
	Written []string `json:"written"` // files, in byte order

	// What only fits can mend.
	Folds  []artifact.FoldPlan  `json:"folds_left"`
	Finals []artifact.FinalPlan `json:"finals_left"`
	// Blocked is why those fits cannot be made; nil: they can.
	Blocked *BlockedError `json:"blocked,omitempty"`
	// Unpredicted is why there are no predictions of the rows of final.data; nil: there are, or
	// none are wanted yet.
	Unpredicted *BlockedError `json:"unpredicted,omitempty"`

	Elsewhere string `json:"store_named,omitempty"` // the store that run.json names, where that is another one

	Predicted   string     `json:"predicted,omitempty"` // the model that intact predictions are of
	Leaderboard []Standing `json:"leaderboard"`
	Warnings    []string   `json:"warnings,omitempty"`

	Spec *config.Spec `json:"-"` // of run.json
}

// BlockedError is why folds and final models of a run cannot be fitted any more.
type BlockedError struct {
	Reason  string `json:"reason"`
	Missing bool   `json:"missing,omitempty"` // what fits read is not there; else it is damaged, or of another release
}

// Error is the reason.
func (e *BlockedError) Error() string { return e.Reason }

// Unfinished says that something is left that only fits can mend.
func (r *Recovered) Unfinished() bool { return len(r.Folds)+len(r.Finals) > 0 }

// Recover verifies a run's folder to the last byte and makes everything anew that needs no
// fit: run.json from a spec, the prepared table and the folds, the tables from the manifests
// that verify, model cards, predictions. It needs nothing but the folder. What is as it must
// be is not written. Errors: *UnknownRunError, *SpecError, and the store's.
func (a *Activities) Recover(ctx context.Context, s store.Store, in RecoverInput) (*Recovered, error) {
	r := &recovery{Activities: a, in: in, out: &Recovered{Damage: []Damage{}, Written: []string{}}, noted: &noted{Store: s, put: map[string]bool{}}}
	var err error
	if r.basis, err = readBasis(ctx, r.noted, a.OpenData, a.Build, in); err != nil {
		return nil, err
	}
	r.out.Run, r.out.Spec = r.run.Spec.RunID(), r.run.Spec
	for _, step := range []func(context.Context) error{r.examine, r.summarize, r.finals, r.predictions, r.report} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if r.out.Unfinished() {
		r.out.Blocked = r.blocked()
	}
	r.out.Written = r.noted.keys()
	return r.out, nil
}

// prepareAgain is the preparation of a run that is recovered: run.json stays what the run is, and
// its source is read only where the files made of it do not verify.
func (a *Activities) prepareAgain(ctx context.Context, at *attempt, root, s store.Store, in PrepareInput) (*PrepareResult, error) {
	at.stage("verify")
	b, err := readBasis(ctx, s, a.OpenData, a.Build, RecoverInput{Spec: in.Spec})
	if err != nil {
		return nil, err
	}
	for _, d := range b.damage {
		logging.From(ctx).Warn("file is not what it must be: "+d.Found, logging.CategoryStorage.Attr(), "file", d.File, "done", d.Done)
	}
	if blocked := b.blocked(); blocked != nil {
		return nil, blocked
	}
	p := &Preview{Run: b.run}
	if p.Plan, err = artifact.BuildPlan(ctx, s, b.run, artifact.PlanOptions{}); err != nil {
		return nil, err
	}
	p.Estimate(ctx, alive{root})
	return p.result(in.Spec), nil
}

// recovery is one call of Recover.
type recovery struct {
	*Activities
	*basis
	in    RecoverInput
	out   *Recovered
	noted *noted
	done  *artifact.Summary
	whole []string // final models that verify, those to be preferred for predictions first
}

// examine verifies every fold. What is wrong with the basis comes first.
func (r *recovery) examine(ctx context.Context) error {
	for _, d := range r.damage {
		r.out.Damage = append(r.out.Damage, *d)
	}
	plan, err := artifact.BuildPlan(ctx, r.noted, r.run, artifact.PlanOptions{})
	if err != nil {
		return err
	}
	r.out.Planned = len(plan.Folds)
	for _, f := range plan.Folds {
		if f.Action == Reuse {
			r.out.Intact++
			continue
		}
		r.out.Folds = append(r.out.Folds, f)
		d := newDamage(r.out.Run, artifact.ManifestKey(f.Model, f.Fold), f.Reason, f.Missing)
		d.Of = f.Task.String()
		r.out.Damage = append(r.out.Damage, d)
	}
	return nil
}

// summarize makes the tables anew, from the folds that verify.
func (r *recovery) summarize(ctx context.Context) error {
	var excused []artifact.Task
	for _, f := range r.out.Folds {
		excused = append(excused, f.Task)
	}
	var err error
	r.done, err = artifact.Summarize(ctx, r.noted, artifact.SummarizeOptions{SpecDigest: r.run.SpecDigest, Excused: excused})
	if err != nil {
		return err
	}
	r.out.Leaderboard = r.done.Standings
	err = r.compare(ctx, r.noted, r.done)
	switch {
	case isDamage(err):
		r.warn("%s and %s are left as they are: %v", artifact.ComparisonKey, artifact.SelectionKey, err)
	case err != nil:
		return fmt.Errorf("compare models: %w", err)
	}
	for _, f := range r.run.Spec.AllModels() {
		excused = append(excused, artifact.Task{Model: f.Name, Fold: artifact.FinalFold})
	}
	sweep(ctx, r.noted, nil, excused)
	r.tables()
	return nil
}

// tables tells of the tables that were written.
func (r *recovery) tables() {
	for _, key := range r.noted.keys() {
		if !strings.HasPrefix(key, artifact.ArtifactsPrefix) {
			continue
		}
		d := Damage{File: key, Found: "not what the folds that verify say", Done: "made anew from the manifests"}
		if r.noted.put[key] {
			d.Found, d.Missing = "missing", true
		}
		r.out.Damage = append(r.out.Damage, d)
	}
}

// finals verifies the final models that are wanted, and those that are there.
func (r *recovery) finals(ctx context.Context) error {
	wanted, err := r.wanted()
	if err != nil {
		return err
	}
	infos, err := r.noted.List(ctx, "models/")
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, info := range infos {
		there[strings.Split(info.Key, "/")[1]] = true
	}
	for _, m := range r.run.Spec.AllModels() {
		want := slices.Contains(wanted, m.Name)
		if !want && !there[m.Name] {
			continue
		}
		state, err := artifact.ExamineFinal(ctx, r.noted, r.run, m.Name)
		if err != nil {
			return err
		}
		if state.Info == nil {
			r.final(m.Name, &state, want)
			continue
		}
		r.whole = append(r.whole, m.Name)
		if err := r.companions(ctx, &state); err != nil {
			return err
		}
	}
	r.whole = inOrder(append(wanted, r.run.Spec.Final.Models.Names...), r.whole)
	return nil
}

// inOrder puts those of names that first lists first, in its order.
func inOrder(first, names []string) []string {
	var out []string
	for _, name := range slices.Concat(first, names) {
		if slices.Contains(names, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// wanted are the final models that there must be: one that is named, or those of final.models
// once every fold tells which these are.
func (r *recovery) wanted() ([]string, error) {
	if r.in.Model != "" {
		if _, err := r.run.Spec.Model(r.in.Model); err != nil {
			return nil, &SpecError{err.Error()}
		}
		return []string{r.in.Model}, nil
	}
	if len(r.out.Folds) > 0 {
		return nil, nil
	}
	names, _ := r.run.FinalModels(r.done.Standings)
	if len(names) == 0 {
		r.warn("no final model: no model is ranked by %s", r.run.Spec.Final.Select)
	}
	return names, nil
}

// final tells of a final model that does not verify.
func (r *recovery) final(model string, state *artifact.FinalState, wanted bool) {
	d := newDamage(r.out.Run, artifact.ModelInfoKey(model), state.Reason, state.Missing)
	d.Of = artifact.Task{Model: model, Fold: artifact.FinalFold}.String()
	switch {
	case wanted:
		r.out.Finals = append(r.out.Finals, artifact.FinalPlan{Model: model, Action: Train, Reason: state.Reason})
	case len(r.out.Folds) == 0:
		d.Cannot = "the spec does not ask for this final model; --model " + model + " does"
	}
	r.out.Damage = append(r.out.Damage, d)
}

// companions writes what lies beside a final model; its card tells of all folds.
func (r *recovery) companions(ctx context.Context, state *artifact.FinalState) error {
	if len(r.out.Folds) > 0 {
		return nil
	}
	w := &finalWork{Activities: r.Activities, store: r.noted, admission: &artifact.FinalAdmission{Run: r.run, FinalState: *state}}
	return w.writeCompanions(ctx, state.Info)
}

// predictions makes the predictions anew where they are not those of the folds and final
// models that there are. While some are missing, predictions that verify are left alone: they
// may be of more.
func (r *recovery) predictions(ctx context.Context) error {
	if r.in.Predict == Never {
		return nil
	}
	var d *Damage
	info, err := artifact.CheckPredictions(ctx, r.noted)
	switch {
	case err == nil:
		r.out.Predicted = info.Model
		r.whole = inOrder([]string{cmp.Or(r.in.Model, info.Model)}, r.whole)
	case isDamage(err):
		found := newDamage(r.out.Run, artifact.PredictionsInfoKey, err.Error(), !errors.Is(err, artifact.ErrDamaged))
		d, err = &found, nil
	default:
		return err
	}
	lost := r.unpredictable()
	switch {
	case r.out.Unfinished() && (r.in.Predict != Now || d == nil), len(r.whole) == 0:
	case d == nil && (lost != nil || r.table == nil || !r.run.Versions.Equal(versions())): // those in place are all there can be
	case lost != nil:
		r.out.Unpredicted = lost
	case r.table == nil:
		r.warn("no predictions are made: there is no prepared table that verifies")
	case !r.run.Versions.Equal(versions()):
		r.warn("no predictions are made: %s", otherRelease(r.run))
	default:
		d, err = r.predictBy(ctx, r.whole[0], d)
	}
	if d != nil {
		r.out.Damage = append(r.out.Damage, *d)
	}
	return err
}

// predictBy makes the predictions of a final model, where those in place are of other inputs
// or do not verify, which d then says.
func (r *recovery) predictBy(ctx context.Context, model string, d *Damage) (*Damage, error) {
	w := &predictWork{Activities: r.Activities, store: r.noted, at: &attempt{number: 1}, folds: r.done.Complete, dry: r.in.Dry}
	found, err := w.predict(ctx, PredictInput{SpecDigest: r.run.SpecDigest, Model: model})
	if err != nil {
		return d, fmt.Errorf("predictions of %s: %w", model, err)
	}
	if found.Action == Reuse {
		return d, nil
	}
	if d == nil {
		d = &Damage{File: artifact.PredictionsInfoKey, Found: "the predictions are of other folds, rows, or of another final model, than there are now"}
	}
	d.Done, r.out.Predicted = "predicted again by "+model, model
	return d, nil
}

// report makes the report anew where there is none, or where what it is of was made anew. It is
// under no digest, and tells of the logs, too: another one is none the worse for what was
// logged after it. It never fails a recovery.
func (r *recovery) report(ctx context.Context) error {
	if r.in.Report == Never || r.out.Unfinished() && r.in.Report != Now {
		return nil
	}
	body, _, err := r.noted.Get(ctx, artifact.ReportKey)
	switch {
	case err == nil && len(r.noted.keys()) == 0:
		return body.Close()
	case err == nil:
		err = body.Close()
	case isDamage(err):
		r.out.Damage = append(r.out.Damage, Damage{File: artifact.ReportKey, Found: "missing", Missing: true, Done: "written"})
		err = nil
	}
	if err == nil && !r.in.Dry {
		_, err = Report(ctx, r.noted, &r.Activities.tables)
	}
	if err != nil && ctx.Err() == nil {
		r.warn("the report is behind: %v", err)
		return nil
	}
	return err
}

// blocked says why nothing can be fitted from the basis; nil: it can.
func (b *basis) blocked() *BlockedError {
	for _, d := range b.damage {
		if d.Cannot != "" && d.File != artifact.FinalRowsKey {
			return &BlockedError{Reason: fmt.Sprintf("%s: %s; and it cannot be made again: %s", d.File, d.Found, d.Cannot), Missing: d.Missing}
		}
	}
	if !b.run.Versions.Equal(versions()) {
		return &BlockedError{Reason: otherRelease(b.run)}
	}
	return nil
}

// otherRelease says that this program's numbers could differ from the run's.
func otherRelease(run *artifact.Run) string {
	return "the run is of a release with other algorithms, built as " + run.Build
}

func (r *recovery) warn(format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, args...))
}

// noted is a store that remembers what was written to it.
type noted struct {
	store.Store

	mu  sync.Mutex
	put map[string]bool // key → there was no such object before
}

func (n *noted) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	info, err := n.Store.Put(ctx, key, body, cond)
	if err != nil {
		return info, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, again := n.put[key]; !again {
		n.put[key] = cond.Absent
	}
	return info, nil
}

// keys are those of the objects written, in byte order.
func (n *noted) keys() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	keys := make([]string, 0, len(n.put))
	for key := range n.put {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
