package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// measure is one of the two published scores.
type measure struct {
	Name   string
	column string // of the published means
	better int    // 1: higher is better, -1: lower
	of     func(result) *float64
}

var (
	harrell = measure{"Harrell's C", "harrell_mean", 1, func(r result) *float64 { return r.Harrell }}
	ibs     = measure{"Integrated Brier score", "ibs_mean", -1, func(r result) *float64 { return r.IBS }}
)

// scores are means over a set's folds, by set and learner.
type scores map[string]map[string]float64

// readPublished reads a measure of the published means. Learners without it on some set
// (some predict no survival curves) are left out on all: mean ranks need every set.
func readPublished(path string, m measure) (scores, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	at := slices.Index(records[0], m.column)
	out, missing := scores{}, map[string]bool{}
	for _, record := range records[1:] {
		set, learner := record[0], record[1]
		v, err := parseOptional(record[at])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if v == nil {
			missing[learner] = true
			continue
		}
		if out[set] == nil {
			out[set] = map[string]float64{}
		}
		out[set][learner] = *v
	}
	for _, learners := range out {
		maps.DeleteFunc(learners, func(learner string, _ float64) bool { return missing[learner] })
	}
	return out, nil
}

// The published baselines; they are not fallbacks.
var baselines = []string{"KM", "NEL"}

// fallback says whether a value is at or near Kaplan–Meier's, within 0.1 %: the benchmark
// put that in where a learner failed or ran out of time.
func (s scores) fallback(set, learner string) bool {
	km := s[set]["KM"]
	return !slices.Contains(baselines, learner) && math.Abs(s[set][learner]-km) <= 1e-3*km
}

// ours are a model's means over each set's folds, rounded to the published five decimals.
// A fold that could not be fitted has Kaplan–Meier's score, as in the benchmark; failed
// counts them. Sets of which some fold is not scored yet are absent.
func ours(results map[task]result, model string, folds map[string]int, m measure) (means map[string]float64, failed int) {
	means = map[string]float64{}
	for set, n := range folds {
		sum, scored := 0.0, 0
		for fold := range n {
			r, done := results[task{set, model, fold}]
			if done && m.of(r) == nil {
				failed++
				r, done = results[task{set, "km", fold}]
			}
			if v := m.of(r); done && v != nil {
				sum += *v
				scored++
			}
		}
		if scored == n {
			means[set] = math.Round(sum/float64(n)*1e5) / 1e5
		}
	}
	return means, failed
}

// with adds one learner.
func (s scores) with(learner string, means map[string]float64) scores {
	out := scores{}
	for set, learners := range s {
		out[set] = maps.Clone(learners)
		if v, ok := means[set]; ok {
			out[set][learner] = v
		}
	}
	return out
}

// ranks of one set's learners: 1 is best, equal values share the average of their ranks.
func ranks(values map[string]float64, better int) map[string]float64 {
	out := map[string]float64{}
	for a, va := range values {
		rank := 0.5
		for _, vb := range values {
			switch d := float64(better) * (vb - va); {
			case d > 0:
				rank++
			case d == 0:
				rank += 0.5
			}
		}
		out[a] = rank
	}
	return out
}

// standing is one learner's line of a ranking.
type standing struct {
	Learner    string
	Mean       float64 // rank over all sets
	Own        float64 // rank over the sets where the value is no fallback; NaN without any
	Fallbacks  int
	Better     int // sets on which the entry is better
	Equal      int // sets on which both are equal
	Difference float64
}

// ranking ranks entry among the learners of s; every set must have all of them.
func ranking(s scores, m measure, entry string) []standing {
	type sum struct{ all, own, sets float64 }
	sums, lines := map[string]*sum{}, map[string]*standing{}
	for set, values := range s {
		for learner, rank := range ranks(values, m.better) {
			if sums[learner] == nil {
				sums[learner], lines[learner] = &sum{}, &standing{Learner: learner}
			}
			a, line := sums[learner], lines[learner]
			a.all += rank
			if learner != entry && s.fallback(set, learner) {
				line.Fallbacks++
			} else {
				a.own += rank
				a.sets++
			}
			switch d := float64(m.better) * (values[entry] - values[learner]); {
			case d > 0:
				line.Better++
			case d == 0:
				line.Equal++
			}
		}
	}
	out := make([]standing, 0, len(lines))
	for learner, line := range lines {
		line.Mean, line.Own = sums[learner].all/float64(len(s)), sums[learner].own/sums[learner].sets
		line.Difference = (sums[learner].all - sums[entry].all) / float64(len(s))
		out = append(out, *line)
	}
	slices.SortFunc(out, func(a, b standing) int {
		if a.Mean != b.Mean {
			return int(math.Copysign(1, a.Mean-b.Mean))
		}
		return strings.Compare(a.Learner, b.Learner)
	})
	return out
}

// place is the position of a learner by mean rank, 1 the best; ties share the best place.
func place(lines []standing, learner string) int {
	at := slices.IndexFunc(lines, func(l standing) bool { return l.Learner == learner })
	return 1 + slices.IndexFunc(lines, func(l standing) bool { return l.Mean >= lines[at].Mean })
}
