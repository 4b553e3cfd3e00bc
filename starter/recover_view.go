package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"everfold/artifact"
	"everfold/internal/app"
)

// maxShown bounds the list of damage; --json has all of it.
const maxShown = 40

// present says what is intact, what is not, and what was done about it.
func (d *recovered) present(s screen) {
	s.printf("%s %d of %s verified with every file\n", label(s, "Intact"), d.Intact, countOf(d.Planned, "fold"))
	if d.Elsewhere != "" {
		s.printf("%s run.json names the store %s: the folder was moved or copied\n", label(s, "Note"), d.Elsewhere)
	}
	if len(d.Damage) == 0 {
		s.printf("%s every other file too\n", label(s, ""))
	}
	lines := d.lines(s)
	for i, line := range lines {
		if i == maxShown {
			s.printf("%s and %d more; --json lists them\n", label(s, ""), len(lines)-maxShown)
			break
		}
		s.printf("%s\n", line)
	}
	for _, warning := range d.Warnings {
		s.printf("%s %s\n", s.paint("warning ", text.FgYellow), warning)
	}
}

// lines is a line per damaged file. Folds without a manifest share one a model, and so do
// tables that other folds are to stand in.
func (d *recovered) lines(s screen) []string {
	var lines, models, tables []string
	missing := map[string][]int{}
	for _, f := range d.Folds {
		if f.Missing && missing[f.Model] == nil {
			models = append(models, f.Model)
		}
		if f.Missing {
			missing[f.Model] = append(missing[f.Model], f.Fold)
		}
	}
	for _, model := range models {
		lines = append(lines, s.paint("missing ", text.FgYellow)+fmt.Sprintf(" %s fold %s: no manifest; to be fitted", model, ranges(missing[model])))
	}
	for _, damage := range d.Damage {
		_, _, fold := artifact.ManifestOf(damage.File)
		switch {
		case fold && damage.Missing:
		case damage.Missing:
			lines = append(lines, s.paint("missing ", text.FgYellow)+" "+d.line(damage))
		case damage.Of == "" && strings.HasPrefix(damage.File, artifact.ArtifactsPrefix):
			tables = append(tables, damage.File)
		default:
			lines = append(lines, s.paint("damaged ", text.FgRed)+" "+d.line(damage))
		}
	}
	if len(tables) > 0 {
		lines = append(lines, s.paint("differ  ", text.FgYellow)+" "+strings.Join(firstFew(tables), ", ")+": not what the folds that verify say; "+d.will("made anew"))
	}
	return lines
}

// will is what was done, or would be.
func (d *recovered) will(done string) string {
	if d.DryRun {
		return "to be " + done
	}
	return done
}

// line is what was found of a file, and what was or is to be done.
func (d *recovered) line(damage app.Damage) string {
	what := damage.File
	if damage.Found != "missing" {
		what += ": " + damage.Found
	}
	if damage.Of != "" {
		what = damage.Of + ": " + what
	}
	switch {
	case damage.Cannot != "":
		return what + "; not made again: " + damage.Cannot
	case damage.Done != "":
		return what + "; " + d.will(damage.Done)
	case damage.Of == "":
		return what + "; to be predicted"
	case d.rescored(damage.Of):
		return what + "; to be scored again"
	}
	return what + "; to be fitted again"
}

// rescored says that the fit of a fold stands, under other metric settings.
func (d *recovered) rescored(task string) bool {
	return slices.ContainsFunc(d.Folds, func(f artifact.FoldPlan) bool { return f.Action == artifact.Rescore && f.String() == task })
}

// left counts what only fits can mend.
func (d *recovered) left() string {
	var parts []string
	if n := len(d.Folds); n > 0 {
		parts = append(parts, countOf(n, "fold"))
	}
	if n := len(d.Finals); n > 0 {
		parts = append(parts, countOf(n, "final model"))
	} else if len(d.Folds) > 0 {
		parts = append(parts, "the final model")
	}
	return strings.Join(parts, " and ")
}

// presentNext ends a recovery for which no worker was asked: where things stand, what next.
func (d *recovered) presentNext(s screen, f recoverFlags) error {
	if len(d.Leaderboard) > 0 && !f.dryRun {
		s.printf("\n")
		if err := writeLeaderboard(s, formatTable, d.Leaderboard); err != nil {
			return err
		}
		s.printf("\n")
	}
	switch n := len(d.Written); {
	case n == 0:
		s.printf("%s nothing\n", label(s, "Written"))
	case f.dryRun:
		s.printf("%s %s would be written before any fit: %s\n", label(s, "Dry run"), countOf(n, "file"), strings.Join(firstFew(d.Written), ", "))
	default:
		s.printf("%s %s: %s\n", label(s, "Written"), countOf(n, "file"), strings.Join(firstFew(d.Written), ", "))
	}
	switch {
	case d.Unfinished():
		s.printf("%s to fit: %s\n", label(s, "Left"), d.left())
		s.printf("%s %s\n", label(s, "Next"), d.next(f))
	case f.dryRun && len(d.Written) > 0:
		s.printf("%s %s\n", label(s, "Next"), d.next(f))
	default:
		s.printf("%s starter results %s\n", label(s, "Next"), d.Folder)
	}
	return nil
}

// next does what a dry run has told of, or else what these flags have left undone.
func (d *recovered) next(f recoverFlags) string {
	words := []string{"starter", "recover", quoted(d.Folder)}
	if f.dryRun && f.moved {
		words = append(words, "--moved")
	}
	if f.dryRun && f.spec != "" { // else run.json is restored by now
		words = append(words, "--spec", quoted(f.spec))
		for _, set := range f.set {
			words = append(words, "--set", quoted(set))
		}
	}
	if f.model != "" {
		words = append(words, "--model", quoted(f.model))
	}
	wet := f
	wet.dryRun = false
	if f.dryRun && (len(d.Written) > 0 || wet.fits(d.Recovered)) { // else these two leave nothing to do
		for _, stage := range f.only {
			words = append(words, "--only", stage)
		}
		if f.noFit {
			words = append(words, "--no-fit")
		}
	}
	if f.embedded {
		words = append(words, "--embedded")
	}
	return strings.Join(words, " ")
}

// firstFew shortens a list of files.
func firstFew(files []string) []string {
	const few = 5
	if len(files) <= few {
		return files
	}
	return append(files[:few:few], fmt.Sprintf("and %d more", len(files)-few))
}
