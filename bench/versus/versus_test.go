package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/bench/fold"
	"everfold/bench/page"
	"everfold/survival/registry"
)

// Claim: the fitted exponent is that of an exact power law, and the slope of least squares
// where points scatter: logarithms (1, 1), (2, 2), (3, 4) have slope 3/2.
func TestExponent(t *testing.T) {
	rows := []int{20_000, 287_013, 1_000_000}
	var seconds []float64
	for _, n := range rows {
		seconds = append(seconds, 3e-7*math.Pow(float64(n), 1.13))
	}
	require.InDelta(t, 1.13, exponent(rows, seconds), 1e-12)
	require.InDelta(t, 1.5, exponent([]int{10, 100, 1000}, []float64{10, 100, 10_000}), 1e-12)
	require.PanicsWithValue(t, "versus: exponent needs two different sizes", func() { exponent([]int{5, 5}, []float64{1, 2}) })
}

// Claim: the median of an even number is the mean of the middle two; the values stay in place.
func TestMedian(t *testing.T) {
	values := []float64{9, 1, 4, 2}
	require.Equal(t, 3.0, median(values))
	require.Equal(t, 4.0, median(values[:3]))
	require.Equal(t, []float64{9, 1, 4, 2}, values)
}

// Claim: scenarios name model types that exist (or a score) and programs that are there, and
// the quick ones are the same comparisons.
func TestScenarios(t *testing.T) {
	full, quick := scenarios(false), scenarios(true)
	require.Len(t, quick, len(full))
	for i, s := range full {
		require.Equal(t, s.name, quick[i].name)
		require.LessOrEqual(t, quick[i].rows, s.rows)
		require.FileExists(t, filepath.Join("..", "peers", s.peer))
		if s.model != "concordance" && s.model != "brier" {
			_, ok := registry.Lookup(s.model)
			require.True(t, ok, s.model)
		}
	}
	for _, th := range threadings() {
		_, ok := registry.Lookup(th.model)
		require.True(t, ok, th.model)
	}
	for _, g := range growths() {
		_, ok := registry.Lookup(g.model)
		require.True(t, ok, g.model)
	}
	require.Len(t, sizes(false), 3)
}

var half, third = 0.5, 1.0 / 3

func sample() *results {
	return &results{
		Machine: page.Machine{Date: "2026-01-02", Go: "go1.26", Processor: "Abacus", Cores: 2, Load: "0.01"}, Runs: 3,
		Comparisons: []comparison{{Name: "cox_ph", Rows: 800, Ratio: 12.3456, Target: 10,
			Ours: side{Program: "everfold", Seconds: []float64{0.1, 0.1}, Median: 0.1, MemoryMB: 50.4, C: &half, IBS: &third},
			Peer: side{Program: "survival 3.5", Median: 1.23456, MemoryMB: 760, C: &half}}},
		Threads: []threadLine{{Name: "gbsa", Rows: 800, One: 9.5, Two: 5, Ratio: 1.9, Ceiling: 1.95, Target: 1.8}},
		Growth:  []growthLine{{Name: "rsf", Continuous: true, Rows: []int{800, 8000}, Seconds: []float64{0.5, 7}, Exponent: 1.146, Target: 1.2}},
	}
}

// Claim: the tables show medians, ratio, targets, scores where there are any, and exponents.
func TestTables(t *testing.T) {
	tables := sample().tables()
	require.Contains(t, tables, "2026-01-02, the whole table. Abacus, 2 cores, go1.26; load average at the start 0.01.")
	require.Contains(t, tables, "| cox_ph | 800 | 2 | 0.1 | 1.23 | survival 3.5 | 12.3 | ≥ 10 | 0.5000 | 0.5000 | 0.3333 |  | 50 | 760 |\n")
	require.Contains(t, tables, "| gbsa | 800 | 9.5 | 5 | 1.90 | 1.95 | ≥ 1.8 |\n")
	require.Contains(t, tables, "| everfold alone | times | 800 rows | 8000 rows | exponent | target |\n|---|---|---|---|---|---|\n")
	require.Contains(t, tables, "| rsf | continuous | 0.5 s | 7 s | 1.15 | ≤ 1.2 |\n")
	require.Contains(t, sample().Comparisons[0].line(), "12.3 times faster; C 0.5000 and 0.5000")
	require.Equal(t, []string{"", ""}, []string{score(nil), wanted("≥ %g", 0)})
	quick := results{Quick: true}
	require.Contains(t, quick.tables(), "make bench-quick")
	require.NotContains(t, quick.tables(), "|")
}

// Claim: the results file holds everything that the tables show.
func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "peers.json")
	require.NoError(t, page.Save(path, sample()))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var back results
	require.NoError(t, json.Unmarshal(content, &back))
	require.Equal(t, sample().tables(), back.tables())
}

// Claim: lines that are kept stay where they were, those measured now replace theirs, new ones
// follow, and runs that join are added; when nothing was measured the tables are the old ones. Quick lines and others, and a
// file that is none, are refused.
func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers.json")
	old := sample()
	old.Comparisons = append(old.Comparisons, comparison{Name: "rsf", Rows: 1})
	require.NoError(t, page.Save(file, old))
	nothing := &results{Machine: page.Here()}
	require.NoError(t, nothing.keep(file, false))
	require.Equal(t, old.tables(), nothing.tables())

	r := &results{Machine: page.Here(), Comparisons: []comparison{{Name: "new"}, {Name: "cox_ph", Rows: 900}}, Growth: []growthLine{{Name: "rsf", Rows: []int{8}}}}
	machine := r.Machine
	require.NoError(t, r.keep(file, false))
	require.Equal(t, machine, r.Machine)
	require.Equal(t, []comparison{{Name: "cox_ph", Rows: 900}, {Name: "rsf", Rows: 1}, {Name: "new"}}, r.Comparisons)
	require.Equal(t, old.Threads, r.Threads)
	require.Len(t, r.Growth, 2, "whole days beside continuous times")

	one, two := 0.7, 0.6
	joined := &results{Comparisons: []comparison{{Name: "cox_ph", Ours: side{Seconds: []float64{0.4}, MemoryMB: 60, C: &one}, Peer: side{Seconds: []float64{2}, Median: 2, C: &two}}}}
	require.NoError(t, joined.keep(file, true))
	require.Equal(t, []float64{0.1, 0.1, 0.4}, joined.Comparisons[0].Ours.Seconds)
	require.Equal(t, 0.1, joined.Comparisons[0].Ours.Median)
	require.Equal(t, 60.0, joined.Comparisons[0].Ours.MemoryMB)
	require.InDelta(t, 1.7/3, *joined.Comparisons[0].Ours.C, 1e-12, "means over the runs")
	require.Nil(t, joined.Comparisons[0].Peer.IBS)
	require.InDelta(t, 20, joined.Comparisons[0].Ratio, 1e-12)

	require.ErrorContains(t, (&results{Quick: true}).keep(file, false), "do not go together")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	require.ErrorContains(t, r.keep(file, false), "peers.json")
	require.ErrorIs(t, r.keep(file+".gone", false), os.ErrNotExist)
}

// Claim: one comparison runs both sides in turns, judges what they predict, and reports a side
// that fails with what it said; so does a fit on one thread, on two, and twice at once. The sides here are shell scripts.
func TestCompare(t *testing.T) {
	l := &lab{dir: t.TempDir(), threads: 1, runs: 2}
	f, err := fold.Make(t.Context(), fold.Options{Rows: 300})
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, f.Write(folder))
	require.NoError(t, fold.WriteNumbers(filepath.Join(folder, fold.RiskFile), f.Test.Y.Time))
	script := func(body string) command {
		path := filepath.Join(t.TempDir(), "side")
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700))
		return command{[]string{path}, folder, settings{"threads": 1}}
	}
	var s side
	good := script(`cp "$1/risk.f64" "$2"; echo hello; echo '{"seconds":0.25,"version":"x 1","value":null}'; echo`)
	for range 2 {
		require.NoError(t, l.turn(t.Context(), &s, good, f))
	}
	require.Equal(t, []float64{0.25, 0.25}, s.Seconds)
	require.Len(t, s.c, 2)
	require.Zero(t, *s.C, "the time as risk is wrong for every pair")
	require.Nil(t, s.IBS)

	l.runs = 1
	line := threadLine{}
	require.NoError(t, l.thread(t.Context(), &line, good))
	require.Equal(t, threadLine{One: 0.25, Two: 0.25, Ratio: 1, Ceiling: 2}, line, "two copies, each as fast as one alone")
	differs := script(`echo "$3" > "$2/risk.f64"; echo '{"seconds":1,"version":"x 1","value":null}'`)
	require.ErrorIs(t, l.thread(t.Context(), &line, differs), errThreads)
	tires := script(`echo >> "$1/calls"; [ $(wc -l < "$1/calls") -le 2 ] || { echo no third >&2; exit 3; }; echo '{"seconds":1,"version":"x 1","value":null}'`)
	require.ErrorContains(t, l.thread(t.Context(), &line, tires), "no third")

	require.ErrorContains(t, l.turn(t.Context(), &side{}, script("echo no such package >&2; exit 3"), f), "no such package")
	require.ErrorContains(t, l.turn(t.Context(), &side{}, script("echo done"), f), "last line")
	require.ErrorContains(t, l.turn(t.Context(), &side{}, script(`echo '{"seconds":1}'`), f), strings.TrimSuffix(fold.RiskFile, ".f64"))
}
