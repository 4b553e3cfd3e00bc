package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// study is everything that the tables follow from.
type study struct {
	entry     string
	others    []string // further models, for information
	results   map[task]result
	folds     map[string]int // number of folds of each set
	published map[string]scores
}

// complete says which of the models have every fold of every set scored.
func (s study) complete(model string) bool {
	for set, n := range s.folds {
		for fold := range n {
			for _, needed := range []string{model, "km"} {
				if _, done := s.results[task{set, needed, fold}]; !done {
					return false
				}
			}
		}
	}
	return true
}

// standings ranks one model among the published learners.
func (s study) standings(model string, m measure) (all scores, lines []standing, failed int) {
	means, failed := ours(s.results, model, s.folds, m)
	all = s.published[m.Name].with(model, means)
	return all, ranking(all, m, model), failed
}

// page is docs/RANKING.md.
func (s study) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, s.entry, len(s.folds), s.total())
	s.summary(&b)
	for _, m := range []measure{harrell, ibs} {
		s.section(&b, m)
	}
	s.perSet(&b)
	return b.String()
}

func (s study) total() int {
	n := 0
	for _, folds := range s.folds {
		n += folds
	}
	return n
}

const pageHead = `# Beside the published, tuned learners

Written by ` + "`make rank`" + `; a test compares this page with ` + "`bench/rank/results.csv`" + `, from which it follows.

The benchmark of Burk et al. tuned 21 learners by nested cross-validation on many data sets. On
those in ` + "`testdata/burk`" + ` one model of everfold, **%s** at the fixed settings of
` + "`bench/rank/entry.yaml`" + `, was fitted on the same outer folds (%d sets, %d folds) and scored as published.
[DECISIONS.md](DECISIONS.md) named it before it was scored here. Nothing of it was tuned on these sets, but the defaults of orsf were chosen on sets that share patients with gbsg and perhaps whas (DECISIONS 37).

` + "```sh no-test: takes hours" + `
make rank
` + "```" + `

Each set's mean over its folds, rounded to the published five decimals, is ranked with all
published learners: 1 is best, equal values share the average rank. Published values are those
of the learner tuned for that very measure. *Fallbacks* are values within 0.1 %% of Kaplan–Meier's, which
the benchmark put in where a learner failed or ran out of time; *own* leaves a learner's
fallbacks out of its mean rank. Two learners differ at level 0.05 if their mean ranks differ by the
critical difference (Nemenyi; Demšar 2006). *Better* and *equal* count the sets on which our
model is better than that learner, or has the same value.

`

// summary is one line a model: where it would stand alone among the published learners.
func (s study) summary(b *strings.Builder) {
	b.WriteString("## Our models\n\nEach ranked alone among the published learners; those after the first for information.\n\n" +
		"| model | C: mean rank | place | IBS: mean rank | place | folds without a fit | seconds a fold |\n|---|---|---|---|---|---|---|\n")
	for _, model := range append([]string{s.entry}, s.others...) {
		if !s.complete(model) {
			fmt.Fprintf(b, "| %s | not scored on every fold | | | | | |\n", model)
			continue
		}
		fmt.Fprintf(b, "| %s |", model)
		failed := 0
		for _, m := range []measure{harrell, ibs} {
			_, lines, lost := s.standings(model, m)
			at := slices.IndexFunc(lines, func(l standing) bool { return l.Learner == model })
			fmt.Fprintf(b, " %.2f | %d of %d |", lines[at].Mean, place(lines, model), len(lines))
			failed = max(failed, lost)
		}
		fmt.Fprintf(b, " %d | %.2f |\n", failed, s.seconds(model))
	}
}

// seconds is the mean time of a fold on one thread.
func (s study) seconds(model string) float64 {
	sum := 0.0
	for t, r := range s.results {
		if t.Model == model {
			sum += math.Round(r.Seconds * 1e3) // whole milliseconds: the sum has no order
		}
	}
	return sum / 1e3 / float64(s.total())
}

// section is the ranking by one measure.
func (s study) section(b *strings.Builder, m measure) {
	if !s.complete(s.entry) {
		return
	}
	all, lines, _ := s.standings(s.entry, m)
	cd := criticalDifference(len(lines), len(all))
	fmt.Fprintf(b, "\n## %s\n\nMean rank over %d sets of %d learners; critical difference %.2f.\n\n", m.Name, len(all), len(lines), cd)
	b.WriteString("| | learner | mean rank | own | fallbacks | better | equal | differs |\n|---|---|---|---|---|---|---|---|\n")
	for _, l := range lines {
		name, differs := l.Learner, ""
		if l.Learner == s.entry {
			name = "**" + name + "**"
		}
		if math.Abs(l.Difference) >= cd {
			differs = "yes"
		}
		fmt.Fprintf(b, "| %d | %s | %.2f | %.2f | %d | %d | %d | %s |\n",
			place(lines, l.Learner), name, l.Mean, l.Own, l.Fallbacks, l.Better, l.Equal, differs)
	}
}

// perSet is the entry's value and rank on each set beside the best published one.
func (s study) perSet(b *strings.Builder) {
	if !s.complete(s.entry) {
		return
	}
	b.WriteString("\n## By data set\n\n`*` marks a best published value that is a fallback.\n\n" +
		"| set | folds | C | rank | best published | CPH | IBS | rank | best published | CPH | KM |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	c, _, _ := s.standings(s.entry, harrell)
	brier, _, _ := s.standings(s.entry, ibs)
	for _, set := range slices.Sorted(maps.Keys(s.folds)) {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %.5f |\n", set, s.folds[set],
			cells(c, set, s.entry, harrell), cells(brier, set, s.entry, ibs), brier[set]["KM"])
	}
}

func cells(all scores, set, entry string, m measure) string {
	values := all[set]
	best := ""
	for _, learner := range slices.Sorted(maps.Keys(values)) {
		if learner != entry && (best == "" || float64(m.better)*(values[learner]-values[best]) > 0) {
			best = learner
		}
	}
	mark := ""
	if all.fallback(set, best) {
		mark = "*"
	}
	return fmt.Sprintf("%.5f | %s | %s%s %.5f | %.5f", values[entry],
		strconv.FormatFloat(ranks(values, m.better)[entry], 'f', -1, 64), best, mark, values[best], values["CPH"])
}

// table is ranks.csv: every value that the entry's ranking rests on.
func (s study) table() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"measure", "set", "learner", "mean", "rank", "fallback"}) // a strings.Builder takes everything
	for _, m := range []measure{harrell, ibs} {
		if !s.complete(s.entry) {
			break
		}
		all, _, _ := s.standings(s.entry, m)
		for _, set := range slices.Sorted(maps.Keys(all)) {
			rank := ranks(all[set], m.better)
			for _, learner := range slices.Sorted(maps.Keys(all[set])) {
				_ = w.Write([]string{strings.TrimSuffix(m.column, "_mean"), set, learner,
					strconv.FormatFloat(all[set][learner], 'f', 5, 64), strconv.FormatFloat(rank[learner], 'f', -1, 64),
					strconv.FormatBool(learner != s.entry && all.fallback(set, learner))})
			}
		}
	}
	w.Flush()
	return b.String()
}
