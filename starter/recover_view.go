package main

import (
	"fmt"
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

// lines is a line per damaged file; folds that were never fitted, or are gone whole, share one
// a model.
func (d *recovered) lines(s screen) []string {
	var lines []string
	missing := map[string][]int{}
	var models []string
	for _, f := range d.Folds {
		if f.Missing && missing[f.Model] == nil {
			models = append(models, f.Model)
		}
		if f.Missing {
			missing[f.Model] = append(missing[f.Model], f.Fold)
		}
	}
	for _, model := range models {
		lines = append(lines, s.paint("missing ", text.FgYellow)+fmt.Sprintf(" %s, fold %s: to be fitted", model, ranges(missing[model])))
	}
	for _, damage := range d.Damage {
		_, _, fold := artifact.ManifestOf(damage.File)
		if fold && damage.Missing {
			continue
		}
		word := s.paint("damaged ", text.FgRed)
		if damage.Missing {
			word = s.paint("missing ", text.FgYellow)
		}
		lines = append(lines, word+" "+d.line(damage))
	}
	return lines
}

// line is what was found of a file, and what was or is to be done.
func (d *recovered) line(damage app.Damage) string {
	what := damage.Found
	if !strings.Contains(what, damage.File) {
		what = damage.File + ": " + what
	}
	switch {
	case damage.Cannot != "":
		return what + "; not made again: " + damage.Cannot
	case damage.Done != "" && d.DryRun:
		return what + "; to be " + damage.Done
	case damage.Done != "":
		return what + "; " + damage.Done
	case strings.HasPrefix(damage.File, "predictions/"):
		return what + "; to be predicted"
	}
	return what + "; to be fitted again"
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
		parts = append(parts, "the final models that these lead to")
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
		s.printf("%s %s to be fitted\n", label(s, "Left"), d.left())
		s.printf("%s starter recover %s\n", label(s, "Next"), d.Folder)
	case f.dryRun && len(d.Written) > 0:
		s.printf("%s starter recover %s\n", label(s, "Next"), d.Folder)
	default:
		s.printf("%s starter results %s\n", label(s, "Next"), d.Folder)
	}
	return nil
}

// firstFew shortens a list of files.
func firstFew(files []string) []string {
	const few = 5
	if len(files) <= few {
		return files
	}
	return append(files[:few:few], fmt.Sprintf("and %d more", len(files)-few))
}
