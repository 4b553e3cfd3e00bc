package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"everfold/config"
	"everfold/internal/app"
)

// defaultStore is where runs go that do not say: a folder of the current one, whichever
// folder the spec is in.
const defaultStore = "outputs"

// specFlags are the flags that change a spec on the command line.
type specFlags struct {
	set []string
	run string

	defaultStore bool // the loaded spec's store is that of the current folder
}

func (f *specFlags) add(command *cobra.Command) {
	command.Flags().StringArrayVar(&f.set, "set", nil, "set one key of the spec, such as folds.k=10 or models.cox_ph.alpha=0.1 (repeatable)")
	command.Flags().StringVar(&f.run, "run", "", "another run id than the spec's")
}

// load reads a spec file and makes it ready for a worker: relative paths are resolved
// against the file's folder, the default store against the current folder.
func (f *specFlags) load(path string) (*config.Spec, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingSpec(path)
	}
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil, usageError(listed("specs there", specsIn(path)), "%s is a folder; a spec is a file", path)
	}
	if err != nil {
		return nil, usageError("", "read spec: %w", err)
	}
	assignments := f.set
	if f.run != "" {
		assignments = append(assignments[:len(assignments):len(assignments)], "run="+strconv.Quote(f.run))
	}
	spec, err := config.ParseYAML(text, path, config.WithSet(assignments...))
	if err != nil {
		return nil, err
	}
	if err := app.CheckAvailable(spec); err != nil {
		return nil, err
	}
	f.defaultStore = spec.Store.URI == defaultStore
	return spec, resolvePaths(spec, path)
}

// start is how the loaded spec is started, for alerts: from any folder, hence with the store
// and the paths as they are here.
func (f *specFlags) start(path string, spec *config.Spec, embedded bool) (config.Start, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return config.Start{}, usageError("", "resolve %s: %w", path, err)
	}
	s := config.Start{Spec: absolute, Set: f.set, Run: f.run, Embedded: embedded}
	if f.defaultStore {
		s.Set = append(s.Set[:len(s.Set):len(s.Set)], "store.uri="+strconv.Quote(spec.Store.URI))
	}
	return s, nil
}

func resolvePaths(spec *config.Spec, path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return usageError("", "resolve %s: %w", path, err)
	}
	if spec.Store.URI == defaultStore {
		if spec.Store.URI, err = filepath.Abs(defaultStore); err != nil {
			return usageError("", "resolve the store: %w", err)
		}
	}
	spec.ResolvePaths(filepath.Dir(absolute))
	return nil
}

// absolute resolves a path or file:// URI against the current folder; s3:// stays as it is.
func absolute(given string) (string, error) {
	path, local := config.LocalPath(given)
	if !local {
		return given, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", usageError("", "resolve %s: %w", given, err)
	}
	return path, nil
}

// storeURI resolves what --store says against the current folder.
func storeURI(given string) (string, error) { return absolute(given) }

// requestFlags are the flags that say what to do about what is there already.
type requestFlags struct {
	config.Request
	resume bool
}

func (f *requestFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&f.resume, "resume", true, "reuse complete folds; --resume=false is --fresh")
	flags.BoolVar(&f.Fresh, "fresh", false, "start from nothing: refused while the run has artifacts, unless --run ID names a new run")
	flags.StringArrayVar(&f.Force, "force", nil, "fit MODEL or MODEL:FOLD again though complete (repeatable)")
	flags.BoolVar(&f.OnlyFailed, "only-failed", false, "fit only folds that were planned before and are incomplete")
	flags.BoolVar(&f.RetrainChanged, "retrain-changed", false, "fit complete folds again whose data or settings changed; without it such a run is refused")
}

// request checks the flags against each other and against the spec.
func (f *requestFlags) request(command *cobra.Command, spec *config.Spec) (config.Request, error) {
	r := f.Request
	if command.Flags().Changed("resume") {
		if f.resume && f.Fresh {
			return r, usageError("", "--resume and --fresh exclude each other")
		}
		r.Fresh = r.Fresh || !f.resume
	}
	if r.Fresh && (len(r.Force) > 0 || r.OnlyFailed || r.RetrainChanged) {
		return r, usageError("", "--fresh excludes --force, --only-failed and --retrain-changed: a fresh run has no folds to choose from")
	}
	var bad *config.Error
	err := r.Check(spec)
	if errors.As(err, &bad) && len(bad.Problems) == 1 && strings.HasPrefix(bad.Problems[0].Path, "request.force") {
		return r, usageError("", "--force: %s", bad.Problems[0].Text)
	}
	return r, err
}
