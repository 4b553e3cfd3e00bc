package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"everfold/artifact"
	"everfold/config"
	"everfold/internal/app"
)

// This file says, of what somebody has typed, what is wrong, where, and what would be right.

// orList is "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// didYouMean is "did you mean …?" or "".
func didYouMean(got string, words []string) string {
	if w := config.Nearest(got, words); w != "" {
		return "did you mean " + w + "?"
	}
	return ""
}

// hints joins what there is to say, a line each.
func hints(lines ...string) string {
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

// asksJSON says whether a command line that was not understood wants one JSON document.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

// misread is the error of a command line that was not understood.
func misread(root *cobra.Command, args []string, err error) error {
	var coded *codedError
	if errors.As(err, &coded) {
		return err
	}
	hint := "starter --help lists the commands; starter COMMAND --help explains one"
	command, _, findErr := root.Find(args)
	if findErr != nil || command == nil {
		command = root
	}
	if unknown := firstWord(args); command == root && unknown != "" {
		var names []string
		for _, c := range root.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		return usageError(hints(didYouMean(unknown, names), hint), "starter has no command %q", unknown)
	}
	if command != root {
		hint = command.CommandPath() + " --help lists its flags"
	}
	if flag, unknown := strings.CutPrefix(err.Error(), "unknown flag: "); unknown {
		return usageError(hints(didYouMean(flag, flagNames(command)), hint), "%s has no flag %s", command.CommandPath(), flag)
	}
	return usageError(hint, "%s: %w", command.CommandPath(), err)
}

// aCommand is the arguments of a command that has commands below it: one of their names.
func aCommand(command *cobra.Command, args []string) error {
	var names []string
	for _, c := range command.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := command.CommandPath() + " --help explains " + map[bool]string{true: "it", false: "them"}[len(names) == 1]
	if len(args) == 0 {
		return usageError(hint, "%s needs a command: %s", command.CommandPath(), orList(names))
	}
	return usageError(hints(didYouMean(args[0], names), hint), "%s has no command %q: %s", command.CommandPath(), args[0], orList(names))
}

func firstWord(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return a
		}
	}
	return ""
}

// flagLine is a flag in cobra's list of them.
var flagLine = regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z][a-z-]*)`)

func flagNames(command *cobra.Command) []string {
	var names []string
	for _, m := range flagLine.FindAllStringSubmatch(command.Flags().FlagUsages()+command.InheritedFlags().FlagUsages(), -1) {
		names = append(names, m[1])
	}
	return names
}

// missingSpec names the spec files that are where one was looked for.
func missingSpec(file string) error {
	there := specsIn(filepath.Dir(file))
	if len(there) == 0 { // the folder may be what is wrong
		if meant := config.Nearest(file, specsIn("*")); meant != "" {
			there = []string{meant}
		}
	}
	hint := hints(didYouMean(file, there), listed("specs in "+filepath.Dir(file), there))
	if hint == "" {
		hint = "a spec is a YAML file: examples/ has some to start from, starter schema prints every key"
	}
	return usageError(hint, "spec %s does not exist (looked in %s)", file, folderOf(file))
}

func specsIn(folder string) []string {
	var there []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, _ := filepath.Glob(filepath.Join(folder, pattern)) // only a bad pattern is an error
		there = append(there, found...)
	}
	return there
}

// folderOf is the folder of a file, as a person finds it.
func folderOf(file string) string {
	if absolute, err := filepath.Abs(filepath.Dir(file)); err == nil {
		return absolute
	}
	return filepath.Dir(file)
}

// listed is "runs of X: a, b, c and 5 more", or "" of none.
func listed(what string, names []string) string {
	const most = 8
	if len(names) == 0 {
		return ""
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return what + ": " + strings.Join(names, ", ") + more
}

// noServerError says what to do without a server: the command line may add --embedded.
func noServerError(err error) error {
	var none *app.UnreachableError
	if !errors.As(err, &none) || hintOf(err) != "" {
		return refusedError(err)
	}
	if none.MaybeTLS() {
		return fail(exitUnreachable, "if it is Temporal, it may want TLS: TEMPORAL_TLS=true, or TEMPORAL_TLS_SERVER_CA_CERT_PATH",
			"the server at %s (namespace %s) hangs up: %w", none.Address, none.Namespace, none.Err)
	}
	return fail(exitUnreachable, hints("let this machine run one: add --embedded",
		"or start one, with bin/worker on it; TEMPORAL_ADDRESS, or a profile in temporal.toml, says where it is",
		"starter list, results, compare, plan and predict need none"),
		"no Temporal server answers at %s (namespace %s): %w", none.Address, none.Namespace, none.Err)
}

// refusedError says what is wrong between this program and a server that is there.
func refusedError(err error) error {
	var refused *app.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	return fail(exitUnreachable, refused.Do, "no connection to the Temporal server at %s (namespace %s): %s: %w",
		refused.Address, refused.Namespace, refused.What, refused.Err)
}

// storeProblem says of a store that cannot be opened what is wrong with it, in the words of the
// command line rather than of a spec.
func storeProblem(store string, err error) error {
	var bad *config.Error
	if errors.As(err, &bad) && len(bad.Problems) == 1 {
		return usageError("", "%s: %s", store, bad.Problems[0].Text)
	}
	return usageError("", "%s: %w", store, err)
}

// wantRun is parseRun for commands that take nothing but a run: where the words are none, it
// looks for what was meant in a store.
func wantRun(words, store string) (runRef, error) {
	run, err := parseRun(words)
	if err == nil {
		return run, nil
	}
	runs := runsOf(store)
	return run, usageError(hints(meantRun(words, runs), hintOf(err), listed("runs in "+store, runs)), "%w", err)
}

// briefly bounds a look into a store for the sake of a message, or of a completion: neither may
// keep anybody waiting for a store that does not answer.
func briefly() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*time.Second)
}

// hasRun says whether a run has begun in a folder.
func hasRun(folder string) bool { return hasFile(folder, artifact.RunKey) }

// showsRun is hasRun for who sends somebody there: a store that does not tell has none.
func showsRun(folder string) bool {
	there, sure := lookFor(folder, artifact.RunKey)
	return there && sure
}

// hasFile says whether a folder has a file, or may have it.
func hasFile(folder, key string) bool {
	there, _ := lookFor(folder, key)
	return there
}

// lookFor says whether a folder has a file, as far as can be told at once, and whether that is sure.
func lookFor(folder, key string) (there, sure bool) {
	s, err := (&app.Stores{}).Open(context.Background(), config.Store{URI: folder})
	if err != nil {
		return false, false
	}
	ctx, cancel := briefly()
	defer cancel()
	body, _, err := s.Get(ctx, key)
	if err != nil {
		missing := errors.Is(err, app.ErrNotFound)
		return !missing, missing
	}
	body.Close()
	return true, true
}

// noRun is the error of a folder without a run. It says which runs there are beside it, or what
// to do about one that has lost its run.json.
func noRun(folder string) error {
	if hasFile(folder, artifact.MetricsKey) {
		return fail(exitNotFound, hints(remade(folder), "starter results and starter summary work without"), "no %s in %s", artifact.RunKey, folder)
	}
	what := absent(folder)
	if what == "" {
		what = ": it has neither " + artifact.RunKey + " nor " + artifact.MetricsKey
	}
	if runs := runsOf(folder); len(runs) > 0 {
		return fail(exitNotFound, hints("RUN is <type>/<run>", listed("its runs", runs)), "%s is a store of runs, not a run", folder)
	}
	store := above(above(strings.TrimSuffix(folder, "/")))
	runs := runsOf(store)
	if len(runs) == 0 {
		store = defaultStore
		runs = runsOf(store)
	}
	name := path.Base(path.Dir(folder)) + "/" + path.Base(folder)
	hint := hints(meantRun(name, runs), "RUN is <type>/<run> in --store, DIR the run's folder", listed("runs in "+store, runs))
	if len(runs) == 0 {
		hint = "RUN is <type>/<run> in --store, DIR the run's folder; starter run SPEC makes one"
	}
	return fail(exitNotFound, hint, "no run in %s%s", folder, what)
}

// absent is ": there is no such folder" of a local one that is not there, else "".
func absent(folder string) string {
	if local, ok := config.LocalPath(folder); ok {
		if _, err := os.Stat(local); errors.Is(err, fs.ErrNotExist) {
			return ": there is no such folder"
		}
	}
	return ""
}

// finalsOf are the final models that a run's folder has, whole or not.
func finalsOf(folder string) []string {
	s, err := (&app.Stores{}).Open(context.Background(), config.Store{URI: folder})
	if err != nil {
		return nil
	}
	ctx, cancel := briefly()
	defer cancel()
	infos, err := s.List(ctx, "models/")
	if err != nil {
		return nil
	}
	var names []string
	for _, info := range infos {
		if name := path.Base(path.Dir(info.Key)); info.Key == artifact.ModelInfoKey(name) {
			names = append(names, name)
		}
	}
	return names
}

// above is the folder that a path or URI is in. It does not clean: that would take the scheme
// of a URI apart.
func above(folder string) string { return folder[:max(0, strings.LastIndexByte(folder, '/'))] }

// meantRun is the run whose name is like the words, with or without their type.
func meantRun(words string, runs []string) string {
	for _, r := range runs {
		if path.Base(r) == path.Base(words) {
			return "did you mean " + r + "?"
		}
	}
	return didYouMean(words, runs)
}

// runsOf are the runs of a store, or nil: it helps in a message, and its own errors are none.
func runsOf(store string) []string {
	uri, err := storeURI(store)
	if err != nil {
		return nil
	}
	s, err := (&app.Stores{}).Open(context.Background(), config.Store{URI: uri})
	if err != nil {
		return nil
	}
	ctx, cancel := briefly()
	defer cancel()
	infos, err := artifact.List(ctx, s)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range infos {
		names = append(names, string(r.Type)+"/"+r.Run)
	}
	return names
}
