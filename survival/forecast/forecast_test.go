package forecast

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// law is a model of which S(t|x) is a function; its other methods are not called.
type law struct {
	survival.Model
	s func(t, x float64) float64
}

func (m law) Survival(_ context.Context, x *survival.Design, times []float64, visit func(int, []float64) error) error {
	s := make([]float64, len(times))
	for i, v := range x.Columns[0].Values {
		for j, t := range times {
			s[j] = m.s(t, v)
		}
		if err := visit(i, s); err != nil {
			return err
		}
	}
	return nil
}

func design(values ...float64) *survival.Design {
	return &survival.Design{Rows: len(values), Columns: []survival.Column{{Name: "x", Term: "x", Values: values}}}
}

// rows are what a forecaster says of every row.
func rows(t *testing.T, opt Options, m survival.Model, x *survival.Design) []Row {
	t.Helper()
	var out []Row
	require.NoError(t, New(opt).Rows(t.Context(), m, x, func(i int, r Row) error {
		require.Equal(t, len(out), i)
		out = append(out, Row{Survival: slices.Clone(r.Survival), RMST: r.RMST})
		return nil
	}))
	return out
}

// staircase falls by a quarter at 1, 2 and 4, x times as late.
func staircase(t, x float64) float64 {
	s := 1.0
	for _, step := range []float64{1, 2, 4} {
		if t >= x*step {
			s -= 0.25
		}
	}
	return s
}

// The integral of a step curve is exact where its steps are known: 1 + ¾ + 2·½ + ¼ up to 5;
// horizons are asked for in any order, and repeatedly.
func TestStepCurve(t *testing.T) {
	opt := Options{Horizons: []float64{4, 1, 0.5, 4}, Restriction: 5, Steps: []float64{1, 2, 4}, Last: 6}
	got := rows(t, opt, law{s: staircase}, design(1))
	require.Equal(t, []float64{0.25, 0.75, 1, 0.25}, got[0].Survival)
	require.InDelta(t, 3, got[0].RMST, 1e-12)
}

// The integral of a smooth curve is that of calculus to 1e-5·τ, also where steps are many
// and early, and the restriction lies far behind them.
func TestSmoothCurve(t *testing.T) {
	exponential := law{s: func(t, x float64) float64 { return math.Exp(-x * t) }}
	early := make([]float64, 4*Cells)
	for k := range early {
		early[k] = float64(k+1) / float64(len(early))
	}
	for name, steps := range map[string][]float64{"none": nil, "few": {0.3, 2}, "many, early": early} {
		const tau = 20
		got := rows(t, Options{Restriction: tau, Steps: steps, Last: 1, Extrapolate: true}, exponential, design(0.1, 1))
		for i, rate := range []float64{0.1, 1} {
			require.InDelta(t, (1-math.Exp(-rate*tau))/rate, got[i].RMST, 1e-5*tau, "%s, rate %g", name, rate)
		}
	}
}

// Beyond the last observed time values are NaN, unless the model is a law of all times.
func TestBeyondTheLastTime(t *testing.T) {
	opt := Options{Horizons: []float64{2, 3}, Restriction: 3, Steps: []float64{1, 2}, Last: 2}
	got := rows(t, opt, law{s: staircase}, design(1))[0]
	require.Equal(t, 0.5, got.Survival[0])
	require.True(t, math.IsNaN(got.Survival[1]) && math.IsNaN(got.RMST))
	opt.Extrapolate = true
	got = rows(t, opt, law{s: staircase}, design(1))[0]
	require.Equal(t, []float64{0.5, 0.5}, got.Survival)
	require.InDelta(t, 2.25, got.RMST, 1e-12)
}

// Horizons and restriction that are no positive finite numbers panic.
func TestRefuses(t *testing.T) {
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		require.Panics(t, func() { New(Options{Horizons: []float64{bad}, Restriction: 1}) }, "horizon %g", bad)
		require.Panics(t, func() { New(Options{Restriction: bad}) }, "restriction %g", bad)
	}
}

// What visit returns ends the rows.
func TestVisitFails(t *testing.T) {
	stop := errors.New("stop")
	err := New(Options{Restriction: 1, Last: 1}).Rows(t.Context(), law{s: staircase}, design(1, 1), func(int, Row) error { return stop })
	require.ErrorIs(t, err, stop)
}

// Few times stay; of many, MostSteps are kept, the first and the last among them.
func TestThin(t *testing.T) {
	few := []float64{1, 2, 3}
	require.Equal(t, few, Thin(few))
	many := make([]float64, 3*MostSteps)
	for k := range many {
		many[k] = float64(k)
	}
	got := Thin(many)
	require.Len(t, got, MostSteps)
	require.Equal(t, []float64{many[0], many[len(many)-1]}, []float64{got[0], got[MostSteps-1]})
	require.True(t, slices.IsSorted(got))
}
