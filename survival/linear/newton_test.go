package linear

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

// quadratic is ℓ = −½(θ−c)ᵀA(θ−c).
func quadratic(a, center []float64) Objective {
	return func(_ context.Context, theta, grad, info []float64) (float64, error) {
		copy(info, a)
		n, value := len(theta), 0.0
		for i := range n {
			grad[i] = 0
			for j := range n {
				c := a[min(i, j)*n+max(i, j)]
				grad[i] -= c * (theta[j] - center[j])
				value -= c * (theta[i] - center[i]) * (theta[j] - center[j]) / 2
			}
		}
		return value, nil
	}
}

// A quadratic is solved in one step; the covariance is the inverse of the information.
func TestQuadratic(t *testing.T) {
	p := Problem{Objective: quadratic([]float64{4, 1, 0, 2}, []float64{3, -1}), Start: []float64{0, 0}, Constant: make([]bool, 2), Range: []float64{1, 1}}
	s, err := Maximise(context.Background(), p)
	if err != nil || !s.Converged || s.Iterations > 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	near(t, "θ₀", s.Theta[0], 3, 1e-14)
	near(t, "θ₁", s.Theta[1], -1, 1e-14)
	for i, want := range []float64{2.0 / 7, -1.0 / 7, -1.0 / 7, 4.0 / 7} {
		near(t, "covariance", s.Covariance[i], want, 1e-15)
	}
	near(t, "ℓ at the start", s.LogLik[0], -16, 1e-14)
	near(t, "ℓ at the end", s.LogLik[1], 0, 1e-14)
}

// Constant and collinear columns stay at the start with covariance NaN; a ridge keeps
// collinear ones.
func TestHeldColumns(t *testing.T) {
	a := []float64{0, 0, 0, 0, 2, 2, 0, 0, 2}
	p := Problem{Objective: quadratic(a, []float64{0, 1, 1}), Start: make([]float64, 3), Constant: []bool{true, false, false}, Range: make([]float64, 3)}
	s, err := Maximise(context.Background(), p)
	if err != nil || !s.Converged || !slices.Equal(s.Aliased, []int{2}) {
		t.Fatalf("%+v, %v", s, err)
	}
	if s.Theta[0] != 0 || s.Theta[2] != 0 || !math.IsNaN(s.Covariance[0]) || !math.IsNaN(s.Covariance[8]) {
		t.Errorf("θ %v, covariance %v", s.Theta, s.Covariance)
	}
	near(t, "θ₁", s.Theta[1], 2, 1e-14)
	a[4], a[8] = 3, 3
	p.Objective, p.Dependent = quadratic(a, []float64{0, 1, 1}), true
	if s, err = Maximise(context.Background(), p); err != nil || len(s.Aliased) != 0 {
		t.Fatalf("with a ridge %+v, %v", s, err)
	}
	near(t, "θ₂ with a ridge", s.Theta[2], 1, 1e-14)
}

// Where the information at the start is not positive definite, Gram decides which columns are
// collinear; it is not asked otherwise, and its error comes through.
func TestGram(t *testing.T) {
	wells := func(_ context.Context, theta, grad, info []float64) (float64, error) {
		clear(info)
		value := 0.0
		for i, x := range theta { // two double wells, convex at the start
			value += x*x - x*x*x*x/4
			grad[i], info[i*2+i] = 2*x-x*x*x, 3*x*x-2
		}
		return value, nil
	}
	asked := 0
	p := Problem{Objective: wells, Start: []float64{0.1, 0.1}, Constant: make([]bool, 2), Range: make([]float64, 2),
		Gram: func(context.Context) ([]float64, error) { asked++; return []float64{2, 1, 0, 2}, nil }}
	s, err := Maximise(context.Background(), p)
	if err != nil || !s.Converged || len(s.Aliased) != 0 || asked != 1 {
		t.Errorf("%+v, %v, asked %d times", s, err, asked)
	}
	p.Gram = func(context.Context) ([]float64, error) { return []float64{2, 2, 0, 2}, nil }
	if s, err = Maximise(context.Background(), p); err != nil || !slices.Equal(s.Aliased, []int{1}) {
		t.Errorf("collinear: %+v, %v", s, err)
	}
	stop := errors.New("stop")
	p.Gram = func(context.Context) ([]float64, error) { return nil, stop }
	if _, err = Maximise(context.Background(), p); !errors.Is(err, stop) {
		t.Errorf("the error became %v", err)
	}
	p.Start = []float64{1, 1} // concave: not asked
	if _, err = Maximise(context.Background(), p); err != nil {
		t.Error(err)
	}
}

// scalar makes an Objective of one parameter from its derivatives.
func scalar(f func(x float64) (value, first, second float64)) Objective {
	return func(_ context.Context, theta, grad, info []float64) (float64, error) {
		v, d1, d2 := f(theta[0])
		grad[0], info[0] = d1, -d2
		return v, nil
	}
}

// Newton's step overshoots on −log cosh from 1.5; halving it brings it back.
func TestHalving(t *testing.T) {
	f := scalar(func(x float64) (float64, float64, float64) {
		c := math.Cosh(x)
		return -math.Log(c), -math.Tanh(x), -1 / (c * c)
	})
	s, err := Maximise(context.Background(), Problem{Objective: f, Start: []float64{1.5}, First: 1})
	if err != nil || !s.Converged {
		t.Fatalf("%+v, %v", s, err)
	}
	near(t, "θ", s.Theta[0], 0, 1e-9)
}

// Where the information is not positive the damped step still climbs: a double well's top.
func TestNotConcaveAtStart(t *testing.T) {
	f := scalar(func(x float64) (float64, float64, float64) { return x*x - x*x*x*x/4, 2*x - x*x*x, 2 - 3*x*x })
	s, err := Maximise(context.Background(), Problem{Objective: f, Start: []float64{0.1}, First: 1})
	if err != nil || !s.Converged {
		t.Fatalf("%+v, %v", s, err)
	}
	near(t, "θ", s.Theta[0], math.Sqrt2, 1e-9)
}

// A likelihood that rises for ever along a column is noticed long before its information
// is rounding noise; one that rises without bound ends unconverged, too.
func TestNoMaximum(t *testing.T) {
	logistic := scalar(func(x float64) (float64, float64, float64) {
		e := math.Exp(-x)
		return -math.Log1p(e), e / (1 + e), -e / (1 + e) / (1 + e)
	})
	p := Problem{Objective: logistic, Start: []float64{0}, Constant: []bool{false}, Range: []float64{1}}
	s, err := Maximise(context.Background(), p)
	if err != nil || s.Converged || !slices.Equal(s.Drifting, []int{0}) || !(s.Theta[0] > 10 && s.Theta[0] < 40) {
		t.Errorf("separation: %+v, %v", s, err)
	}
	p.Objective = scalar(func(x float64) (float64, float64, float64) { return x * x, 2 * x, 2 })
	convex := Problem{Objective: p.Objective, Start: []float64{1}, First: 1}
	if s, err = Maximise(context.Background(), convex); err != nil || s.Converged || !math.IsNaN(s.Covariance[0]) {
		t.Errorf("convex: %+v, %v", s, err)
	}
	p.Objective = scalar(func(x float64) (float64, float64, float64) { return x, 1, -1e-3 })
	if s, err = Maximise(context.Background(), p); err != nil || s.Converged || math.IsInf(s.Theta[0], 0) {
		t.Errorf("no bound: %+v, %v", s, err)
	}
}

// No finite start is ErrNotConverged; the context's cause comes through from start,
// step and search.
func TestMaximiseErrors(t *testing.T) {
	bad := scalar(func(float64) (float64, float64, float64) { return math.NaN(), 0, 0 })
	if _, err := Maximise(context.Background(), Problem{Objective: bad, Start: []float64{0}, First: 1}); !errors.Is(err, survival.ErrNotConverged) {
		t.Errorf("NaN at the start: %v", err)
	}
	stop := errors.New("stop")
	for after := range 2 {
		calls := 0
		f := func(_ context.Context, _, grad, info []float64) (float64, error) {
			if calls++; calls > after {
				return 0, stop
			}
			grad[0], info[0] = 1, 1
			return 0, nil
		}
		if _, err := Maximise(context.Background(), Problem{Objective: f, Start: []float64{0}, First: 1}); !errors.Is(err, stop) {
			t.Errorf("after %d calls: %v", after, err)
		}
	}
}

// Trial points without finite value or information are refused by halving the step.
func TestNonFiniteTrial(t *testing.T) {
	f := scalar(func(x float64) (float64, float64, float64) {
		if x > 2 {
			return math.Inf(1), 0, math.NaN()
		}
		return x - math.Exp(x)/math.E, 1 - math.Exp(x-1), -math.Exp(x - 1)
	})
	s, err := Maximise(context.Background(), Problem{Objective: f, Start: []float64{-2}, First: 1})
	if err != nil || !s.Converged {
		t.Fatalf("%+v, %v", s, err)
	}
	near(t, "θ", s.Theta[0], 1, 1e-9)
}

// The report says per column what happened, in words that name it.
func TestWarnings(t *testing.T) {
	m := &Columns{P: 3, Names: []string{"a", "b", "c"}, Constant: []bool{true, false, false}}
	got := m.Warnings(Solution{Aliased: []int{1}, Drifting: []int{2}}, 29)
	want := []string{"data", "data", "data", "convergence"}
	if len(got) != len(want) {
		t.Fatalf("warnings %v", got)
	}
	for i, w := range got {
		if w.Category != want[i] || w.Message == "" {
			t.Errorf("warning %d is %+v", i, w)
		}
	}
	if got = m.Warnings(Solution{Converged: true}, 30); len(got) != 1 {
		t.Errorf("warnings of a good fit %v", got)
	}
	if got = m.Warnings(Solution{}, 30); len(got) != 2 || got[1].Category != "convergence" {
		t.Errorf("warnings of an unfinished fit %v", got)
	}
}
