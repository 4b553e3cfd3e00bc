package riskset

import (
	"errors"
	"slices"
	"testing"

	"everfold/survival"
)

func outcome(times ...float64) survival.Outcome {
	return survival.Outcome{Time: times, Event: make([]bool, len(times))}
}

// Near-equal times become the first of their chain: absolutely, relative to the mean of
// the distinct times, and along the chain; TimesExact changes nothing.
func TestMerge(t *testing.T) {
	const e = 1.0 / (1 << 26)
	for name, c := range map[string]struct{ in, want []float64 }{
		"absolute":     {[]float64{1, 1 + e, 3}, []float64{1, 1, 3}},
		"apart":        {[]float64{.5, .5 + 1.5*e, .6}, []float64{.5, .5 + 1.5*e, .6}},
		"relative":     {[]float64{1000, 1000 + 900*e, 1500}, []float64{1000, 1000, 1500}},
		"chain":        {[]float64{1 + 2*e, 1, 1 + e, 2}, []float64{1, 1, 1, 2}},
		"order of row": {[]float64{0.30000000000000004, 7, 0.3}, []float64{0.3, 7, 0.3}},
	} {
		y := outcome(c.in...)
		in := slices.Clone(c.in)
		merged, err := Merge(y, survival.TimesMlr3proba)
		if err != nil || !slices.Equal(merged.Time, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, merged.Time, err, c.want)
		}
		if exact, _ := Merge(y, survival.TimesExact); !slices.Equal(exact.Time, in) || !slices.Equal(y.Time, in) {
			t.Errorf("%s: the input changed to %v, exact gives %v", name, y.Time, exact.Time)
		}
	}
}

// Entry times are merged with the times; a row whose interval vanishes is named.
func TestMergeEntry(t *testing.T) {
	y := outcome(1, 2, 3)
	y.Entry = []float64{0, 1 + 1e-10, 2.5}
	merged, err := Merge(y, survival.TimesMlr3proba)
	if err != nil || merged.Entry[1] != 1 {
		t.Errorf("entries %v, %v", merged.Entry, err)
	}
	y.Entry[2] = 3 - 1e-10
	var data *survival.DataError
	if _, err := Merge(y, survival.TimesMlr3proba); !errors.As(err, &data) || data.Row != 2 || data.Column != "entry" {
		t.Errorf("vanished interval: %v", err)
	}
	if _, err := Merge(survival.Outcome{}, survival.TimesMlr3proba); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

// A curve's times pass through 15 significant digits under mlr3proba's rule only.
func TestCurveTimes(t *testing.T) {
	times := []float64{0.30000000000000004, 1.0 / 3, 12}
	CurveTimes(times, survival.TimesExact)
	if times[0] != 0.30000000000000004 {
		t.Errorf("exact times changed to %v", times)
	}
	CurveTimes(times, survival.TimesMlr3proba)
	if !slices.Equal(times, []float64{0.3, 0.333333333333333, 12}) {
		t.Errorf("rounded to %v", times)
	}
}
