package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"everfold/bench/page"
)

// results are what the JSON file holds.
type results struct {
	page.Machine
	Quick       bool         `json:"quick"`
	Runs        int          `json:"runs"`
	Comparisons []comparison `json:"comparisons"`
	Threads     []threadLine `json:"threads"`
	Growth      []growthLine `json:"growth"`
}

func describe(o options) *results {
	return &results{Machine: page.Here(), Quick: o.quick, Runs: o.runs}
}

// keep puts the lines of the file that were not measured now where they were, new ones after them.
// Where runs join, a comparison of the file has those of both.
func (r *results) keep(file string, join bool) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var old results
	if err := json.Unmarshal(content, &old); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if old.Quick != r.Quick {
		return fmt.Errorf("%s: quick lines and those of the whole table do not go together", file)
	}
	if len(r.Comparisons)+len(r.Threads)+len(r.Growth) == 0 {
		r.Machine = old.Machine
	}
	if join {
		for i := range r.Comparisons {
			for _, o := range old.Comparisons {
				if o.Name == r.Comparisons[i].Name {
					r.Comparisons[i] = o.join(r.Comparisons[i])
				}
			}
		}
	}
	r.Comparisons = merge(old.Comparisons, r.Comparisons, func(c comparison) any { return c.Name })
	r.Threads = merge(old.Threads, r.Threads, func(t threadLine) any { return t.Name })
	r.Growth = merge(old.Growth, r.Growth, func(g growthLine) any { return [2]any{g.Name, g.Continuous} })
	return nil
}

// join adds runs on folds that the comparison has not had.
func (c comparison) join(more comparison) comparison {
	c.Ours, c.Peer = c.Ours.join(more.Ours), c.Peer.join(more.Peer)
	c.Ratio = c.Peer.Median / c.Ours.Median
	return c
}

func (s side) join(more side) side {
	before, now := float64(len(s.Seconds)), float64(len(more.Seconds))
	mean := func(a, b *float64) *float64 {
		if a == nil || b == nil {
			return nil
		}
		m := (before**a + now**b) / (before + now)
		return &m
	}
	s.C, s.IBS = mean(s.C, more.C), mean(s.IBS, more.IBS)
	s.Seconds = slices.Concat(s.Seconds, more.Seconds)
	s.Median, s.MemoryMB = median(s.Seconds), max(s.MemoryMB, more.MemoryMB)
	return s
}

// merge replaces old lines by new ones of the same name.
func merge[T any](old, new []T, name func(T) any) []T {
	out := slices.Clone(old)
	for _, line := range new {
		at := slices.IndexFunc(out, func(o T) bool { return name(o) == name(line) })
		if at < 0 {
			out = append(out, line)
			continue
		}
		out[at] = line
	}
	return out
}

// tables are the page's: how it was measured, the comparison, the growth.
func (r *results) tables() string {
	var b strings.Builder
	size := "the whole table"
	if r.Quick {
		size = "small tables (`make bench-quick`)"
	}
	fmt.Fprintf(&b, "\n%s, %s. %s.\n", r.Date, size, r.Machine)
	if len(r.Comparisons) > 0 {
		b.WriteString("\n| what | rows | runs | everfold s | peer s | peer | times faster | target | C | peer's C | IBS | peer's IBS | MB | peer's MB |\n")
		b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	}
	for _, c := range r.Comparisons {
		fmt.Fprintf(&b, "| %s | %d | %d | %.3g | %.3g | %s | %.1f | %s | %s | %s | %s | %s | %.0f | %.0f |\n", c.Name, c.Rows, len(c.Ours.Seconds), c.Ours.Median, c.Peer.Median,
			c.Peer.Program, c.Ratio, wanted("≥ %g", c.Target), score(c.Ours.C), score(c.Peer.C), score(c.Ours.IBS), score(c.Peer.IBS), c.Ours.MemoryMB, c.Peer.MemoryMB)
	}
	if len(r.Threads) > 0 {
		b.WriteString("\n| everfold alone | rows | 1 thread s | 2 threads s | times faster | two copies side by side | target |\n|---|---|---|---|---|---|---|\n")
	}
	for _, t := range r.Threads {
		fmt.Fprintf(&b, "| %s | %d | %.3g | %.3g | %.2f | %s | %s |\n", t.Name, t.Rows, t.One, t.Two, t.Ratio, wanted("%.2f", t.Ceiling), wanted("≥ %g", t.Target))
	}
	if len(r.Growth) > 0 {
		fmt.Fprintf(&b, "\n| everfold alone | times | %s | exponent | target |\n|---|---|%s---|---|\n", heading(r.Growth[0].Rows), strings.Repeat("---|", len(r.Growth[0].Rows)))
	}
	for _, g := range r.Growth {
		times := "days"
		if g.Continuous {
			times = "continuous"
		}
		fmt.Fprintf(&b, "| %s | %s |", g.Name, times)
		for _, s := range g.Seconds {
			fmt.Fprintf(&b, " %.3g s |", s)
		}
		fmt.Fprintf(&b, " %.2f | %s |\n", g.Exponent, wanted("≤ %g", g.Target))
	}
	b.WriteString("\n")
	return b.String()
}

func heading(rows []int) string {
	words := make([]string, len(rows))
	for i, n := range rows {
		words[i] = fmt.Sprintf("%d rows", n)
	}
	return strings.Join(words, " | ")
}

// score is a score with the digits that folds differ in; empty where there is none.
func score(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.4f", *v)
}

// wanted is a target; empty where there is none.
func wanted(format string, target float64) string {
	if target == 0 {
		return ""
	}
	return fmt.Sprintf(format, target)
}

// line says what a comparison gave, as it goes.
func (c comparison) line() string {
	return fmt.Sprintf("%s: %.3g s, %s %.3g s: %.1f times faster; C %s and %s", c.Name, c.Ours.Median, c.Peer.Program, c.Peer.Median, c.Ratio, score(c.Ours.C), score(c.Peer.C))
}
