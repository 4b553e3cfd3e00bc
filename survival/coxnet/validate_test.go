package coxnet

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"everfold/survival"
)

// Of two folds with 1 and 3 events and deviances (10, 8) and (18, 24): the sums are 28 and
// 32; per event the folds have 10, 6 and 8, 8, with weighted means 7 and 8, so the variances
// are (1·3² + 3·1²)/4 = 3 and 0, and the standard errors 4·√(3/1) and 0.
func TestSummaryByHand(t *testing.T) {
	sum, se := summarise([][]float64{{10, 8}, {18, 24}}, []float64{1, 3})
	if !slices.Equal(sum, []float64{28, 32}) {
		t.Errorf("sums %v", sum)
	}
	within(t, "standard error", se[0], 4*math.Sqrt(3), 1e-14)
	within(t, "standard error", se[1], 0, 1e-14)
	// A fold without events adds to the sum, but has no mean per event.
	sum, se = summarise([][]float64{{5}, {6}, {1}}, []float64{1, 1, 0})
	within(t, "sum", sum[0], 12, 0)
	within(t, "standard error", se[0], 2*math.Sqrt((1+0)/2.0/2), 1e-14)
}

// min takes the least deviance, of equal ones the largest α; 1se the largest α within one
// standard error of the least.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		deviance, se []float64
		rule         Rule
		want         int
	}{
		{[]float64{5, 3, 2, 4}, []float64{1, 1, 1, 1}, RuleMin, 2},
		{[]float64{5, 2, 2, 4}, []float64{0, 0, 0, 0}, RuleMin, 1},
		{[]float64{5, 3, 2, 4}, []float64{9, 9, 1, 9}, RuleOneSE, 1},
		{[]float64{5, 3, 2, 4}, []float64{0, 0, 3, 0}, RuleOneSE, 0},
		{[]float64{5, 3, 2, 4}, []float64{9, 9, 0, 9}, RuleOneSE, 2},
	} {
		if got := choose(c.deviance, c.se, c.rule); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// Inner folds keep groups together, and each inner design is asked for the rows it trains
// on; designs whose other columns differ are taken as they are.
func TestInnerDesigns(t *testing.T) {
	x, y := made(60, 4)
	group := make([]int, 60)
	for i := range group {
		group[i] = i / 4
	}
	held := map[int]int{}
	calls := 0
	fit := survival.FitOptions{Inner: survival.Inner{Group: group, Stratify: true}}
	fit.Inner.Design = func(_ context.Context, rows []int) (*survival.Design, error) {
		calls++
		trains := map[int]bool{}
		for _, i := range rows {
			trains[i] = true
		}
		for g := range 15 {
			if trains[4*g] != trains[4*g+1] || trains[4*g] != trains[4*g+2] || trains[4*g] != trains[4*g+3] {
				t.Errorf("group %d is split", g)
			}
			if !trains[4*g] {
				held[g]++
			}
		}
		part := *x // one column fewer, another new
		part.Columns = slices.Clone(x.Columns[:3])
		part.Columns = append(part.Columns, survival.Column{Name: "new", Values: x.Columns[0].Values})
		return &part, nil
	}
	m, err := Fit(context.Background(), x, y, Options{Alphas: 10, PenaltyFactor: []float64{1, 2, 0.5, 1}}, fit)
	if err != nil {
		t.Fatal(err)
	}
	if calls != 5 || len(held) != 15 {
		t.Errorf("%d designs, %d groups held out", calls, len(held))
	}
	for g, times := range held {
		if times != 1 {
			t.Errorf("group %d is held out %d times", g, times)
		}
	}
	if path := m.Path(); len(path.Deviance) != len(path.Alphas) || len(path.DevianceSE) != len(path.Alphas) {
		t.Errorf("%d αs, %d deviances", len(path.Alphas), len(path.Deviance))
	}
}

// Preprocessing that has seen the held-out rows would be caught: with a column that only
// the held-out rows reveal, the callback changes the deviance.
func TestInnerDesignMatters(t *testing.T) {
	x, y := made(80, 3)
	plain, err := Fit(context.Background(), x, y, Options{Alphas: 10}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same := survival.FitOptions{Inner: survival.Inner{Design: func(context.Context, []int) (*survival.Design, error) { return x, nil }}}
	again, err := Fit(context.Background(), x, y, Options{Alphas: 10}, same)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(plain.Path().Deviance, again.Path().Deviance) {
		t.Error("the same design gives another deviance")
	}
	scaled := same
	scaled.Inner.Design = func(_ context.Context, rows []int) (*survival.Design, error) {
		out := &survival.Design{Rows: x.Rows, Columns: slices.Clone(x.Columns)}
		largest := 0.0
		for _, i := range rows {
			largest = max(largest, math.Abs(x.Columns[0].Values[i]))
		}
		out.Columns[0].Values = slices.Clone(x.Columns[0].Values)
		for i := range out.Columns[0].Values {
			out.Columns[0].Values[i] /= largest
		}
		return out, nil
	}
	if again, err = Fit(context.Background(), x, y, Options{Alphas: 10}, scaled); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(plain.Path().Deviance, again.Path().Deviance) {
		t.Error("another design gives the same deviance")
	}
}

// Errors of inner designs come through with the fold, once wrapped: the callback's own and
// those of what it returns.
func TestInnerErrors(t *testing.T) {
	x, y := made(40, 2)
	stop := errors.New("stop")
	bad := &survival.Design{Rows: 40, Columns: []survival.Column{{Name: "gap", Values: slices.Repeat([]float64{math.NaN()}, 40)}}}
	for _, c := range []struct {
		design *survival.Design
		err    error
	}{{nil, stop}, {bad, nil}} {
		inner := survival.Inner{Design: func(context.Context, []int) (*survival.Design, error) { return c.design, c.err }}
		_, err := Fit(context.Background(), x, y, Options{Alphas: 5}, survival.FitOptions{Inner: inner})
		if err == nil || !strings.HasPrefix(err.Error(), "inner cross-validation: fold 0: ") {
			t.Errorf("error %v", err)
		}
		var data *survival.DataError
		if c.err != nil && !errors.Is(err, stop) || c.err == nil && !errors.As(err, &data) {
			t.Errorf("error %v", err)
		}
	}
}

// Rows that do not suffice for the folds asked for give fewer folds and say so; where not
// two can be formed, the largest α is selected: the null model.
func TestTooFewRows(t *testing.T) {
	x, y := made(40, 2)
	for _, c := range []struct {
		events, selected int
		says             string
	}{{3, -1, "3 inner folds instead of 5"}, {1, 0, "too few rows or events"}} {
		few := y
		few.Event = make([]bool, 40)
		for i := range c.events {
			few.Event[11*i] = true
		}
		m, err := Fit(context.Background(), x, few, Options{Alphas: 5}, survival.FitOptions{Inner: survival.Inner{Stratify: true}})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(m.Report().Warnings, func(w survival.Warning) bool {
			return w.Category == "data" && strings.Contains(w.Message, c.says)
		})
		if !found || (c.selected == 0 && m.Path().Selected != 0) {
			t.Errorf("%d events: α %d, warnings %v", c.events, m.Path().Selected, m.Report().Warnings)
		}
	}
	// Not stratified, all events may be in one fold: what trains without it has none.
	few := y
	few.Event = make([]bool, 40)
	few.Event[7] = true
	m, err := Fit(context.Background(), x, few, Options{Alphas: 5}, survival.FitOptions{})
	if err != nil || m.Path().Deviance == nil {
		t.Errorf("one event: %v", err)
	}
}
