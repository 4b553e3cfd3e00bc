package forecast

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// given are what Given says of every row.
func given(t *testing.T, opt Options, m survival.Model, x *survival.Design, at ...float64) []Row {
	t.Helper()
	var out []Row
	require.NoError(t, Given(t.Context(), opt, m, x, at, func(_ int, r Row) error {
		out = append(out, Row{Survival: slices.Clone(r.Survival), RMST: r.RMST})
		return nil
	}))
	return out
}

// Of a step curve the conditional values are exact: at 1.5 three quarters are left, of which two
// thirds pass 2; within the next 2 that is ½·1 + 1½·⅔ of the time.
func TestGivenStepCurve(t *testing.T) {
	opt := Options{Horizons: []float64{1, 0.25}, Restriction: 2, Steps: []float64{1, 2, 4}, Last: 6}
	got := given(t, opt, law{s: staircase}, design(1), 1.5)[0]
	require.Equal(t, []float64{0.5 / 0.75, 1}, got.Survival)
	require.InDelta(t, 1.5, got.RMST, 1e-12)
}

// At 0 the values are those of Rows, bit by bit; and a row's do not depend on the others'.
func TestGivenZeroAndOthers(t *testing.T) {
	m := law{s: func(t, x float64) float64 { return math.Exp(-x * math.Sqrt(max(0, t))) }}
	opt := Options{Horizons: []float64{0.3, 7, 2}, Restriction: 7, Steps: []float64{0.001, 1.1, 3, 6.999}, Last: 30}
	x := design(0.2, 0.5, 0.9, 0.4)
	plain := rows(t, opt, m, x)
	require.Equal(t, plain, given(t, opt, m, x, 0, 0, 0, 0))
	at := []float64{0, 3.3, 0.01, 20}
	together := given(t, opt, m, x, at...)
	require.Equal(t, plain[0], together[0])
	for i, c := range at {
		require.Equal(t, together[i], given(t, opt, m, design(x.Columns[0].Values[i]), c)[0])
	}
}

// An exponential law forgets: conditional values are those from 0, to 1e-5·τ.
func TestGivenExponential(t *testing.T) {
	m := law{s: func(t, x float64) float64 { return math.Exp(-x * t) }}
	opt := Options{Horizons: []float64{3}, Restriction: 10, Last: 1, Extrapolate: true}
	for _, r := range given(t, opt, m, design(0.1, 0.1, 0.1), 0.777, 55, 2000) {
		require.InDelta(t, math.Exp(-0.3), r.Survival[0], 1e-12)
		require.InDelta(t, (1-math.Exp(-1))/0.1, r.RMST, 1e-4)
	}
}

// Where nothing is known there is NaN: beyond the last time, after a time given beyond it, and
// where nobody is left.
func TestGivenUnknown(t *testing.T) {
	opt := Options{Horizons: []float64{1, 2}, Restriction: 2, Steps: []float64{1, 2, 4}, Last: 6}
	m := law{s: func(t, x float64) float64 { return max(0, staircase(t, x)-0.25) }}
	got := given(t, opt, m, design(1, 1, 1, 1), 3, 4.5, 5, 6.5)
	require.Equal(t, []float64{0, 0}, got[0].Survival)
	require.InDelta(t, 1, got[0].RMST, 1e-12)
	for _, r := range got[1:] {
		require.True(t, math.IsNaN(r.Survival[0]) && math.IsNaN(r.RMST), r)
	}
	got = given(t, opt, law{s: staircase}, design(1, 1), 4.5, 1e12)
	require.Equal(t, 1.0, got[0].Survival[0])
	require.True(t, math.IsNaN(got[0].Survival[1]) && math.IsNaN(got[0].RMST))
	opt.Extrapolate = true
	require.True(t, math.IsNaN(given(t, opt, law{s: staircase}, design(1), 1e12)[0].RMST), "cells have no width there")
}

// Times given that are negative, not numbers or not one a row panic, as bad horizons do.
func TestGivenRefuses(t *testing.T) {
	opt := Options{Restriction: 1, Last: 1}
	for _, bad := range [][]float64{{-1}, {math.NaN()}, {}, {1, 1}} {
		require.Panics(t, func() { given(t, opt, law{s: staircase}, design(1), bad...) }, bad)
	}
	require.Panics(t, func() { given(t, Options{}, law{s: staircase}, design(1), 0) })
}
