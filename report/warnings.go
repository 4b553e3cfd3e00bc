package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"everfold/artifact"
)

// maxWarnings bounds the different warnings that are told apart.
const maxWarnings = 60

// categories of warnings and what they are about, in the order of the page.
var categories = []struct{ name, about string }{
	{"data", "rows dropped, unseen levels, merged columns"},
	{"convergence", "an estimate exists, its criterion was missed"},
	{"resource", "memory, disk, time"},
	{"storage", "the store was slow, refused, or returned damage"},
	{"retry", "a call failed and was repeated"},
	{"mlflow_error", "the tracking server did not take something"},
	{"config", "a setting is accepted but has no effect"},
}

// warned is a warning with how often, and of what, it was given.
type warned struct {
	category, message string
	count             int
	of                []string // models and folds
	example           string   // of the cause
}

// warnings are what the run was warned of: by its logs, and by the artifacts where logs are gone.
func (b *builder) warnings(ctx context.Context) (section, error) {
	s := section{ID: "warnings", Title: "Warnings"}
	found, more := map[[2]string]*warned{}, 0
	add := func(category, message, of, example string) {
		key := [2]string{category, message}
		w := found[key]
		if w == nil {
			if len(found) == maxWarnings {
				more++
				return
			}
			w = &warned{category: category, message: message, example: example}
			found[key] = w
		}
		w.count++
		if of != "" && !slices.Contains(w.of, of) {
			w.of = append(w.of, of)
		}
	}
	err := b.logLines(ctx, "warnings", func(l *logLine) {
		of := ""
		if l.Model != "" {
			of = artifact.Task{Model: l.Model, Fold: artifact.FinalFold}.String()
			if l.Fold != nil {
				of = artifact.Task{Model: l.Model, Fold: *l.Fold}.String()
			}
		}
		add(cmp.Or(l.Category, "other"), l.Msg, of, l.why())
	})
	if err != nil {
		return s, err
	}
	b.storedWarnings(func(w artifact.Warning, of string) {
		if found[[2]string{w.Category, w.Message}] == nil {
			add(w.Category, w.Message, of, "")
		}
	})
	s.Blocks = warningBlocks(found)
	if s.Blocks == nil {
		s.Blocks = append(s.Blocks, block{Text: "There were none."})
	}
	if more > 0 {
		s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("%s more: logs/warnings_*.log.", counted(more, "warning"))})
	}
	return s, nil
}

// storedWarnings are those that the artifacts hold.
func (b *builder) storedWarnings(use func(w artifact.Warning, of string)) {
	if p := b.profile; p != nil {
		for _, w := range p.Warnings {
			use(w, "")
		}
	}
	for _, m := range b.Folds {
		for _, w := range m.Warnings {
			use(w, artifact.Task{Model: m.Model, Fold: m.Fold}.String())
		}
	}
	for _, m := range b.Finals {
		for _, w := range m.Warnings {
			use(w, artifact.Task{Model: m.Model, Fold: artifact.FinalFold}.String())
		}
	}
	if b.Predictions != nil {
		for _, w := range b.Predictions.Warnings {
			use(w, "predictions")
		}
	}
}

// warningBlocks are a table a category.
func warningBlocks(found map[[2]string]*warned) []block {
	var blocks []block
	of := func(name, about string) {
		t := &table{Head: columns("Warning", "Times", "Of")}
		t.Head[1].Numbers = true
		var list []*warned
		total := 0
		for _, w := range found {
			if w.category == name {
				list, total = append(list, w), total+w.count
			}
		}
		if total == 0 {
			return
		}
		slices.SortFunc(list, func(a, c *warned) int {
			return cmp.Or(cmp.Compare(c.count, a.count), strings.Compare(a.message, c.message))
		})
		for _, w := range list {
			text := short(w.message, 300)
			if w.example != "" {
				text += " (" + short(w.example, 200) + ")"
			}
			t.add(text, amount(w.count), someOf(w.of))
		}
		t.Caption = fmt.Sprintf("%s: %s", name, about)
		blocks = append(blocks, block{Table: t})
	}
	known := map[string]bool{}
	for _, c := range categories {
		known[c.name] = true
		of(c.name, c.about)
	}
	var others []string
	for _, w := range found {
		if !known[w.category] && !slices.Contains(others, w.category) {
			others = append(others, w.category)
		}
	}
	slices.Sort(others)
	for _, name := range others {
		of(name, "of no known category")
	}
	return blocks
}

// someOf names the first few.
func someOf(list []string) string {
	const most = 4
	slices.Sort(list)
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
