package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// recoverFlags are those of recover.
type recoverFlags struct {
	store, model, spec   string
	set, only            []string
	noFit, dryRun, moved bool
	embedded             bool
}

// The stages of recover that need no worker; config has the others. Metrics is nothing but what
// every recovery does first.
const (
	onlyMetrics = "metrics"
	onlyReport  = "report"
)

var stages = []string{onlyMetrics, string(config.StageFolds), string(config.StageFinal), string(config.StagePredictions), onlyReport}

func (p *program) recoverCommand() *cobra.Command {
	var f recoverFlags
	command := &cobra.Command{
		Use:   "recover RUN|DIR",
		Short: "bring a run to its end from its files alone",
		Long: `Everything else may be gone: Temporal's history, the tracking server, half of the files. recover
verifies every file of the run's folder and says what is intact and what is not; makes anew, in
this process, what needs no fit: run.json (from --spec), the prepared table, model_metrics.csv,
model_summary.csv and the other tables, model cards, predictions, the report. Only then, where
folds or final models are missing or damaged, it starts the workflow RecoverRun, which fits these
and nothing else, and predicts. That takes the configured Temporal server, or where none is
configured, or with --embedded, one of its own. What verifies is never touched, and a second
recover does nothing.

--no-fit stops before that and needs no server. --dry-run writes nothing at all. --only STAGE
(repeatable) does one part: metrics, folds, final, predictions, report; metrics are made anew in any
case.

A run that is running is not disturbed: recover attaches to it.`,
		Example: "  starter recover outputs/production/veteran --dry-run\n" +
			"  starter recover outputs/production/veteran\n" +
			"  starter recover outputs/production/veteran --no-fit --json\n" +
			"  starter recover outputs/production/veteran --spec examples/veteran.yaml --model cox_ph",
		Args: exactArgs("RUN or DIR"),
		RunE: func(command *cobra.Command, args []string) error {
			return p.recover(command.Context(), args[0], f)
		},
	}
	addStore(command, &f.store)
	flags := command.Flags()
	flags.BoolVar(&f.noFit, "no-fit", false, "only what needs no fit, and no server")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done and write nothing")
	flags.StringVar(&f.model, "model", "", "the final model to fit and predict from; default: as the run's spec says")
	flags.StringArrayVar(&f.only, "only", nil, "one stage: metrics, folds, final, predictions or report (repeatable)")
	flags.StringVar(&f.spec, "spec", "", "the run's spec file, to restore a run.json that is missing or damaged")
	flags.StringArrayVar(&f.set, "set", nil, "set one key of --spec, as the run was started with (repeatable)")
	flags.BoolVar(&f.moved, "moved", false, "the folder was moved or copied here: this store is the run's from now on")
	addEmbedded(command, &f.embedded)
	p.addJSON(command)
	return command
}

// recovered is what `recover --json` prints.
type recovered struct {
	Folder string `json:"folder"`
	DryRun bool   `json:"dry_run,omitempty"`
	*app.Recovered
	Execution *ending `json:"execution,omitempty"` // of RecoverRun, where fits were needed
	ExitCode  int     `json:"exit_code"`
	Error     string  `json:"error,omitempty"`
	Hint      string  `json:"hint,omitempty"`
}

func (p *program) recover(ctx context.Context, words string, f recoverFlags) error {
	folder, run, options, err := f.options(words)
	if err != nil {
		return err
	}
	s := p.console.screen(p.json)
	s.printf("%s: verifying every file …\n", folder)
	found, err := app.Recover(ctx, options)
	if err != nil {
		return recoverFailure(folder, f, err)
	}
	doc := &recovered{Folder: folder, DryRun: f.dryRun, Recovered: found}
	doc.present(s)
	began := time.Now()
	switch {
	case f.fits(found):
		doc.Execution, err = p.refit(ctx, s, doc, run, f)
	case found.Unpredicted != nil && !f.dryRun:
		err = unpredictedError(found)
	}
	doc.ExitCode = exitCode(err)
	if err != nil {
		doc.Error, doc.Hint = err.Error(), hintOf(err)
	}
	switch {
	case p.json:
		return errors.Join(p.document(doc), err)
	case doc.Execution != nil:
		return errors.Join(doc.Execution.present(s, run, time.Since(began)), err)
	}
	return errors.Join(doc.presentNext(s, f), err)
}

// when is when a stage that needs no worker is done: after the fits, where there are to be any.
func (f recoverFlags) when(s config.Stage) app.When {
	switch {
	case !f.wants(s):
		return app.Never
	case f.noFit, !f.wants(config.StageFolds) && !f.wants(config.StageFinal):
		return app.Now
	}
	return app.WhenWhole
}

// wants says whether a stage is asked for.
func (f recoverFlags) wants(s config.Stage) bool {
	return len(f.only) == 0 || slices.Contains(f.only, string(s))
}

// fits says whether a worker is needed for what is asked for.
func (f recoverFlags) fits(found *app.Recovered) bool {
	folds, finals := len(found.Folds) > 0, len(found.Finals) > 0
	switch {
	case f.dryRun, f.noFit:
		return false
	case f.wants(config.StageFolds) && folds:
		return true
	}
	// While folds are missing, nothing tells which final models are.
	return f.wants(config.StageFinal) && (finals || folds)
}

// options checks the flags. The store is opened whole, so that its lock is the one that
// workers use.
func (f recoverFlags) options(words string) (folder string, run runRef, o app.RecoverOptions, err error) {
	if folder, err = runFolder(words, f.store); err != nil {
		return "", run, o, err
	}
	folder = strings.TrimRight(folder, "/")
	words = path.Base(path.Dir(folder)) + "/" + path.Base(folder)
	if run, err = parseRun(words); err != nil {
		return "", run, o, usageError("DIR is <store>/<type>/<run>, such as outputs/production/hdfail", "%s is not the folder of a run", folder)
	}
	for _, stage := range f.only {
		if !slices.Contains(stages, stage) {
			return "", run, o, usageError("", "--only %s is not a stage; want %s", stage, strings.Join(stages, ", "))
		}
	}
	o = app.RecoverOptions{
		Store: config.Store{URI: strings.TrimSuffix(storeOf(folder, run), "/")}, RunID: run.String(),
		Model: f.model, Moved: f.moved, Dry: f.dryRun,
	}
	o.Predict, o.Report = f.when(config.StagePredictions), f.when(onlyReport)
	if f.spec != "" {
		o.Spec, err = f.load(run, o.Store)
	}
	return folder, run, o, err
}

// load reads --spec as that of the folder's run and store, whatever it says itself: run may
// have been told another run id.
func (f recoverFlags) load(run runRef, store config.Store) (*config.Spec, error) {
	flags := specFlags{set: f.set, run: run.name}
	spec, err := flags.load(f.spec)
	if err != nil {
		return nil, err
	}
	spec.Store.URI = store.URI
	return spec, nil
}

// refit has a worker fit what is left, by the workflow RecoverRun.
func (p *program) refit(ctx context.Context, s screen, doc *recovered, run runRef, f recoverFlags) (e *ending, err error) {
	if doc.Elsewhere != "" {
		return nil, usageError("starter recover "+doc.Folder+" --moved makes this store the run's",
			"run.json names the store %s, but the folder is in another: nothing is fitted", doc.Elsewhere)
	}
	if !f.embedded {
		configured, err := p.services.configured()
		if err != nil {
			return nil, err
		}
		f.embedded = !configured
	}
	if doc.Blocked != nil && f.embedded { // the worker would see what this program sees
		return nil, blockedError(doc)
	}
	l, err := p.connect(ctx, f.embedded)
	if f.embedded && exitCode(err) == exitUnreachable { // its database may be a part of the disaster
		err = fail(exitUnreachable, hintOf(err)+"\nto leave these alone: EVERFOLD_HOME=$(mktemp -d) "+p.typed(), "%w", err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { l.close(&err) }()
	execution, attached, err := recoverOrAttach(ctx, l, doc.Spec, f.recovery())
	if err != nil {
		return nil, err
	}
	e = newEnding(run, execution, l)
	e.Output = doc.Folder
	p.announce(s, e, attached)
	err = p.attend(ctx, s, l, e, run)
	switch code := exitCode(err); {
	case code == exitCorrupt && doc.Blocked != nil:
		err = blockedError(doc)
	case code == exitPartial:
		err = fail(code, "once the reason is mended: "+p.typed()+"\nwhat is complete is reused", "%w", err)
	}
	return e, err
}

// recovery is what the workflow is asked for.
func (f recoverFlags) recovery() config.Recovery {
	r := config.Recovery{Model: f.model}
	for _, stage := range f.only {
		if stage != onlyMetrics && stage != onlyReport {
			r.Only = append(r.Only, config.Stage(stage))
		}
	}
	return r
}

// blockedError says what cannot be fitted any more, and what works without.
func blockedError(doc *recovered) error {
	code := exitCorrupt
	if doc.Blocked.Missing {
		code = exitNotFound
	}
	works := []string{"results", "summary", "report"}
	if doc.Predicted != "" {
		works = append(works, "predict")
	}
	return fail(code, "what was made anew above stays, and these work without: starter "+strings.Join(works, ", ")+
		"\nbring the data file back, or "+artifact.PreparedKey+" from a backup, and type it again",
		"%s cannot be fitted: %s", doc.left(), doc.Blocked.Reason)
}

// unpredictedError says why the rows of final.data are not predicted.
func unpredictedError(found *app.Recovered) error {
	code := exitCorrupt
	if found.Unpredicted.Missing {
		code = exitNotFound
	}
	return fail(code, "everything else is in order; bring the file of final.data back, or "+artifact.FinalRowsKey+" from a backup, and type it again\n"+
		"starter predict predicts any other file", "no predictions are made: %s", found.Unpredicted.Reason)
}

// recoverFailure gives an error of recover its exit code and the next step.
func recoverFailure(folder string, f recoverFlags, err error) error {
	var unknown *app.UnknownRunError
	var refused *app.SpecError
	var failed *app.PreparationError
	switch {
	case errors.As(err, &unknown):
		code := exitCorrupt
		if errors.Is(err, app.ErrNotFound) && !errors.Is(err, artifact.ErrDamaged) {
			code = exitNotFound
		}
		hint, works := "", "starter summary works" // results would read run.json
		if code == exitNotFound {
			works = "starter summary and starter results work"
		}
		switch {
		case code == exitNotFound && unknown.Folds == 0 && !hasFile(folder, artifact.MetricsKey):
			return noRun(folder)
		case code == exitNotFound && unknown.Folds == 0:
			hint = works + " without; the run's manifests and run.json are both lost: bring one of them from a backup"
		case f.spec != "":
			hint = "bring the data file back, or " + artifact.PreparedKey + " from a backup, and type it again"
		default:
			hint = "starter recover " + folder + " --spec SPEC restores it from the spec that the run was started with,\n" +
				"where the folds agree with that; " + works + " without"
		}
		return fail(code, hint, "%s: %w", folder, err)
	case errors.As(err, &refused):
		return usageError("starter recover --help explains --spec, --set and --model", "%s: %w", folder, err)
	case errors.As(err, &failed):
		return fail(applicationCode(failed.Type), hintFor(failed.Type), "%s: %s: %w", folder, failed.Type, failed.Err)
	}
	return fmt.Errorf("%s: %w", folder, err)
}
