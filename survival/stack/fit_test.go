package stack_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/cox"
	"everfold/survival/forest"
	"everfold/survival/oracle"
	"everfold/survival/stack"
)

func whas(t *testing.T) (*design, outcome) {
	t.Helper()
	x, y, err := oracle.Load("../..", "whas500")
	require.NoError(t, err)
	y.Entry, y.Weight, x.Strata = nil, nil, nil
	return x, y
}

func fit(t *testing.T, opt survival.FitOptions, of ...stack.Base) *stack.Model {
	t.Helper()
	x, y := whas(t)
	m, err := stack.Fit(t.Context(), x, y, stack.Options{Of: of}, opt)
	require.NoError(t, err)
	return m
}

func weights(m survival.Model) map[string]float64 {
	out := map[string]float64{}
	for _, c := range m.Report().Coefficients {
		out[c.Column] = c.Value
	}
	return out
}

func ExampleFit() {
	x, y, err := oracle.Load("../..", "whas500")
	if err != nil {
		panic(err)
	}
	y.Entry, y.Weight = nil, nil
	linear := coxBase("cox", cox.Options{})
	trees := boostBase("trees", boost.Options{Trees: 50})
	m, err := stack.Fit(context.Background(), x, y, stack.Options{Of: []stack.Base{linear, trees, kaplanMeier()}}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	for _, c := range m.Report().Coefficients {
		fmt.Printf("%s %.2f\n", c.Column, c.Value)
	}
	// Output:
	// cox 0.55
	// km 0.09
	// trees 0.36
}

// The weights are on the simplex, one a base by name, without standard errors; curves are the
// weighted ones of the bases, and risks sum 1 − S over the grid.
func TestCurvesAreWeighted(t *testing.T) {
	x, y := whas(t)
	grid := []float64{30, 200, 700, 1500}
	opt := survival.FitOptions{Grid: grid, Seed: 4}
	m := fit(t, opt, kaplanMeier(), coxBase("cox", cox.Options{}))
	w := weights(m)
	require.Len(t, w, 2)
	require.InDelta(t, 1, w["cox"]+w["km"], 1e-12)
	require.Greater(t, w["cox"], 0.5)
	require.True(t, math.IsNaN(m.Report().Coefficients[0].SE))
	require.True(t, m.Report().Converged)

	linear, err := cox.Fit(t.Context(), x, y, cox.Options{}, opt)
	require.NoError(t, err)
	km, err := kaplanMeier().Fit(t.Context(), x, y, opt)
	require.NoError(t, err)
	want := make([]float64, x.Rows*len(grid))
	for _, base := range []struct {
		survival.Model
		weight float64
	}{{linear, w["cox"]}, {km, w["km"]}} {
		require.NoError(t, base.Survival(t.Context(), x, grid, func(i int, s []float64) error {
			for j, v := range s {
				want[i*len(grid)+j] += base.weight * v
			}
			return nil
		}))
	}
	risk := make([]float64, x.Rows)
	require.NoError(t, m.Risk(t.Context(), x, risk))
	require.NoError(t, m.Survival(t.Context(), x, grid, func(i int, s []float64) error {
		require.InDeltaSlice(t, want[i*len(grid):(i+1)*len(grid)], s, 1e-12)
		sum := 0.0
		for _, v := range s {
			sum += 1 - v
		}
		require.InDelta(t, sum, risk[i], 1e-12)
		return nil
	}))
}

// Without a grid the risk sums over the distinct event times.
func TestRiskWithoutGrid(t *testing.T) {
	x, y := whas(t)
	var times []float64
	for i, e := range y.Event {
		if e {
			times = append(times, y.Time[i])
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	with, without := make([]float64, x.Rows), make([]float64, x.Rows)
	require.NoError(t, fit(t, survival.FitOptions{Grid: times}, coxBase("cox", cox.Options{})).Risk(t.Context(), x, with))
	require.NoError(t, fit(t, survival.FitOptions{}, coxBase("cox", cox.Options{})).Risk(t.Context(), x, without))
	require.Equal(t, with, without)
}

// Copies of one model share their weight equally, a useless base gets little, and the prior
// decides how little.
func TestWeights(t *testing.T) {
	a, b := coxBase("a", cox.Options{}), coxBase("b", cox.Options{})
	require.InDelta(t, 0.5, weights(fit(t, survival.FitOptions{}, a, b))["a"], 1e-9)
	x, y := whas(t)
	share := func(prior float64) float64 {
		m, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{a, kaplanMeier()}, PriorEvents: prior}, survival.FitOptions{})
		require.NoError(t, err)
		return weights(m)["km"]
	}
	require.Less(t, share(-1), share(0))
	require.Less(t, share(0), share(1e4))
	require.Less(t, share(1e4), 0.5)
}

// The order of the bases does not matter, bit by bit: they are seeded by their names.
func TestOrderOfBases(t *testing.T) {
	of := []stack.Base{forestBase("forest", forest.Options{Trees: 5}), boostBase("boost", boost.Options{Trees: 5, Subsample: 0.5}), kaplanMeier()}
	first, err := fit(t, survival.FitOptions{Seed: 9}, of...).MarshalBinary()
	require.NoError(t, err)
	slices.Reverse(of)
	second, err := fit(t, survival.FitOptions{Seed: 9}, of...).MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, first, second)
	of[0].Name = "later"
	require.NotEqual(t, weights(fit(t, survival.FitOptions{Seed: 9}, of...)), weights(fit(t, survival.FitOptions{Seed: 9}, of[1:]...)))
}

// refusing is a base that fails on some of its calls: the first five are inner folds.
func refusing(name string, err error, calls ...int) stack.Base {
	base, n := coxBase(name, cox.Options{}), -1
	whole := base.Fit
	base.Fit = func(ctx context.Context, x *design, y outcome, opt survival.FitOptions) (model, error) {
		if n++; slices.Contains(calls, n) {
			return nil, err
		}
		return whole(ctx, x, y, opt)
	}
	return base
}

// A base that cannot be fitted somewhere gets weight 0 with a warning; where none is left
// the stack has not converged either. Any other error is the stack's.
func TestBasesThatFail(t *testing.T) {
	good := coxBase("good", cox.Options{Alpha: 1})
	for _, call := range []int{0, 3, 5} {
		m := fit(t, survival.FitOptions{}, good, refusing("bad", fmt.Errorf("too bad: %w", survival.ErrNotConverged), call))
		require.Equal(t, map[string]float64{"good": 1, "bad": 0}, weights(m), "call %d", call)
		require.Len(t, m.Report().Warnings, 1)
		require.Equal(t, "convergence", m.Report().Warnings[0].Category)
		require.Contains(t, m.Report().Warnings[0].Message, "base bad has weight 0")
	}
	x, y := whas(t)
	_, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{
		refusing("a", survival.ErrNotConverged, 1), refusing("b", survival.ErrNoEvents, 5)}}, survival.FitOptions{})
	require.ErrorIs(t, err, survival.ErrNotConverged)
	full := errors.New("out of order")
	_, err = stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{good, refusing("bad", full, 2)}}, survival.FitOptions{})
	require.ErrorIs(t, err, full)
	require.ErrorContains(t, err, "fold 2: base bad")
	_, err = stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{good, refusing("bad", &survival.DataError{Row: 1, Column: "age", Problem: "is odd"}, 5)}}, survival.FitOptions{})
	require.EqualError(t, err, "base bad: row 1: age is odd")
}

// Warnings of a base with weight are the stack's, under its name, and so is that it has not
// converged.
func TestReportOfBases(t *testing.T) {
	x, y := whas(t)
	x.Columns = append(x.Columns, survival.Column{Name: "constant", Values: make([]float64, x.Rows)})
	m, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{coxBase("cox", cox.Options{})}}, survival.FitOptions{})
	require.NoError(t, err)
	require.Len(t, m.Report().Warnings, 1)
	require.True(t, strings.HasPrefix(m.Report().Warnings[0].Message, "cox: "), m.Report().Warnings[0].Message)
}

// Where there is nothing to validate with, weights are equal, with a warning; fewer folds
// are one, too.
func TestEqualWeights(t *testing.T) {
	x, y := whas(t)
	of := stack.Options{Of: []stack.Base{kaplanMeier(), coxBase("cox", cox.Options{Alpha: 1})}}
	last := slices.Max(y.Time)
	for says, opt := range map[string]survival.FitOptions{
		"too few rows or events":     {Inner: survival.Inner{Group: make([]int, x.Rows)}},
		"no Brier score is defined":  {Grid: []float64{last + 1, last + 2}},
		"3 inner folds instead of 5": {Inner: survival.Inner{Group: thirds(x.Rows), Stratify: true}},
	} {
		late := y.Take(all(x.Rows))
		late.Time[0], late.Event[0] = last+3, false // alone at risk: Ĝ(last) = 0 without it
		for i := 1; i < 10; i++ {
			late.Time[i], late.Event[i] = last+0.5, false
		}
		m, err := stack.Fit(t.Context(), x, late, of, opt)
		require.NoError(t, err, says)
		require.Contains(t, fmt.Sprint(m.Report().Warnings), says)
		require.Equal(t, opt.Inner.Stratify, weights(m)["km"] != 0.5, says)
	}
}

func thirds(n int) []int {
	groups := make([]int, n)
	for i := range groups {
		groups[i] = i % 3
	}
	return groups
}

func all(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// What the caller could have known panics.
func TestPanics(t *testing.T) {
	x, y := whas(t)
	good := kaplanMeier()
	for says, c := range map[string]struct {
		opt   stack.Options
		spoil func(*outcome)
	}{
		"differ in length": {opt: stack.Options{Of: []stack.Base{good}}, spoil: func(y *outcome) { *y = y.Take([]int{0}) }},
		"left truncation":  {opt: stack.Options{Of: []stack.Base{good}}, spoil: func(y *outcome) { y.Entry = make([]float64, y.Len()) }},
		"needs a base":     {},
		"InnerFolds":       {opt: stack.Options{Of: []stack.Base{good}, InnerFolds: 1}},
		"needs Name":       {opt: stack.Options{Of: []stack.Base{{Name: "a"}}}},
		"are named km":     {opt: stack.Options{Of: []stack.Base{good, good}}},
	} {
		bad := y
		if c.spoil != nil {
			c.spoil(&bad)
		}
		func() {
			defer func() { require.Contains(t, fmt.Sprint(recover()), says) }()
			_, _ = stack.Fit(t.Context(), x, bad, c.opt, survival.FitOptions{})
		}()
	}
}
