// Package survtest is the conformance suite of survival.Model: what every model of the
// module must do, whatever its mathematics. A model's package runs it from one test:
//
//	func TestConformance(t T) {
//		survtest.Run(t, survtest.Subject{Name: "km", Fit: fit, Decode: decode, RowOrder: true, Weights: true})
//	}
//
// The suite checks, on small made-up data: equal bytes for every thread count; inputs left
// alone; invariance to the unit of time, a constant column, the order of rows, weights
// given as copies, entry before the first time; resumption; answers of a fit without its model; the shape of curves; the model file; column
// matching; cancellation; degenerate data. The flags of Subject say which of these a model
// promises.
//
// Accuracy is not checked here: oracles do that in each package.
package survtest

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// Subject is one model with its settings.
type Subject struct {
	Name   string
	Fit    func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (survival.Model, error)
	Decode func(data []byte) (survival.Model, error)
	// Predict fits as Fit does and answers FitOptions.Query at once; nil: there is none.
	Predict func(ctx context.Context, x *survival.Design, y survival.Outcome, opt survival.FitOptions) (*survival.Predictions, error)

	Deterministic bool // equal seeds give equal bytes on 1, 2 and 8 threads
	Proportional  bool // −log S of two rows stays in one ratio: e to the difference of risks
	RowOrder      bool // the order of rows does not matter: no bootstrap, no batches
	Constant      bool // a constant column does not matter: no random choice of columns
	Weights       bool // a case weight of 2 is the same as a copy of the row
	Entry         bool // left truncation is supported
	Gaps          bool // missing covariate values are supported
	NoColumns     bool // the model reads no column
	Resumes       bool // a long fit goes on from the states in FitOptions.Checkpoints
	WholeParts    bool // it offers each part when it has ended, and no part again: a stop has no last word about them

	Tolerance float64 // of risks and curves that should agree; 0 means 1e-8
}

func (s Subject) tolerance() float64 {
	if s.Tolerance == 0 {
		return 1e-8
	}
	return s.Tolerance
}

// Run runs the whole suite as subtests of t.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for _, c := range checks {
		if c.applies(s) {
			t.Run(s.Name+"/"+c.name, func(t *testing.T) { c.check(t, s) })
		}
	}
}

// T is what a check needs of *testing.T.
type T interface {
	require.TestingT
	Helper()
}

func always(Subject) bool { return true }

// checks is the suite. A check without a promise of its own applies to every subject.
var checks = []struct {
	name    string
	applies func(Subject) bool
	check   func(T, Subject)
}{
	{"threads", func(s Subject) bool { return s.Deterministic }, checkThreads},
	{"resume", func(s Subject) bool { return s.Resumes }, checkResume},
	{"query", func(s Subject) bool { return s.Predict != nil }, checkQuery},
	{"inputs", always, checkInputs},
	{"time unit", always, checkTimeUnit},
	{"constant column", func(s Subject) bool { return s.Constant }, checkConstant},
	{"row order", func(s Subject) bool { return s.RowOrder }, checkRowOrder},
	{"weights", func(s Subject) bool { return s.Weights }, checkWeights},
	{"entry", func(s Subject) bool { return s.Entry }, checkEntry},
	{"curves", always, checkCurves},
	{"proportional", func(s Subject) bool { return s.Proportional }, checkProportional},
	{"equal rows", always, checkEqualRows},
	{"visit", always, checkVisit},
	{"round trip", always, checkRoundTrip},
	{"damaged file", always, checkDamaged},
	{"columns", always, checkColumns},
	{"cancelled", always, checkCancelled},
	{"cancelled at work", always, checkCancelledAtWork},
	{"degenerate", always, checkDegenerate},
	{"no events", always, checkNoEvents},
	{"bad values", always, checkBadValues},
	{"gaps", func(s Subject) bool { return s.Gaps }, checkGaps},
	{"no gaps", func(s Subject) bool { return !s.Gaps && !s.NoColumns }, checkNoGaps},
}

// seed is that of all fits; the suite asserts nothing that depends on it.
const seed = 20_11

// data makes n rows with p covariates, of which the first has an effect, about a third
// censored, whole-number times with ties. Equal arguments give equal data.
func data(n, p int) (*survival.Design, survival.Outcome) {
	x := &survival.Design{Rows: n, Columns: make([]survival.Column, p)}
	for j := range x.Columns {
		name := "x" + string(rune('a'+j%26)) + string(rune('a'+j/26))
		x.Columns[j] = survival.Column{Name: name, Term: name, Values: make([]float64, n)}
		for i := range n {
			x.Columns[j].Values[i] = math.Sqrt2 * math.Erfinv(2*uniform(i, j)-1)
		}
	}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for i := range n {
		effect := 0.0
		if p > 0 {
			effect = 0.7 * x.Columns[0].Values[i]
		}
		t := math.Pow(-math.Log(uniform(i, p))*math.Exp(-effect), 0.8) * 30
		censored := -math.Log(uniform(i, p+1)) * 60
		y.Time[i], y.Event[i] = math.Ceil(min(t, censored)), t <= censored
	}
	return x, y
}

// uniform is a number in (0, 1) that belongs to cell (i, j): the mixing function of
// SplitMix64 (Steele, Lea and Flood 2014), so that the suite draws nothing.
func uniform(i, j int) float64 {
	z := uint64(i)<<20 + uint64(j) + 1
	z *= 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return (float64(z>>12) + 0.5) / (1 << 52)
}

// predictions are a model's answers for a design.
type predictions struct {
	risk []float64
	surv [][]float64
}

func predict(t T, m survival.Model, x *survival.Design, times []float64) predictions {
	t.Helper()
	p := predictions{risk: make([]float64, x.Rows)}
	require.NoError(t, m.Risk(context.Background(), x, p.risk))
	require.NoError(t, m.Survival(context.Background(), x, times, func(row int, s []float64) error {
		require.Equal(t, len(p.surv), row, "rows come in ascending order")
		p.surv = append(p.surv, append([]float64(nil), s...))
		return nil
	}))
	require.Len(t, p.surv, x.Rows)
	return p
}

func (s Subject) fit(t T, x *survival.Design, y survival.Outcome) survival.Model {
	t.Helper()
	m, err := s.Fit(context.Background(), x, y, survival.FitOptions{Seed: seed, Threads: 2})
	require.NoError(t, err)
	return m
}

// requireClose compares curves, and risks up to a common constant.
func requireClose(t T, want, got predictions, tolerance float64) {
	t.Helper()
	require.Len(t, got.risk, len(want.risk))
	for i := range want.risk {
		require.InDelta(t, want.risk[i]-want.risk[0], got.risk[i]-got.risk[0], tolerance, "risk of row %d", i)
		require.InDeltaSlice(t, want.surv[i], got.surv[i], tolerance, "curve of row %d", i)
	}
}

// requireEqual compares bit by bit.
func requireEqual(t T, want, got predictions) {
	t.Helper()
	require.Equal(t, want.risk, got.risk)
	require.Equal(t, want.surv, got.surv)
}

// grid is from before the first time to beyond the last.
func grid(y survival.Outcome) []float64 {
	last := 0.0
	for _, t := range y.Time {
		last = max(last, t)
	}
	times := []float64{0}
	for k := 1; k <= 12; k++ {
		times = append(times, last*float64(k)/10)
	}
	return times
}
