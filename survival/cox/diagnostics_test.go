package cox

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/riskset"
)

func mustDiagnose(t *testing.T, x *survival.Design, y survival.Outcome, opt Options) *Diagnostics {
	t.Helper()
	d, err := Diagnose(context.Background(), x, y, mustFit(t, x, y, opt), DiagnosticOptions{Offset: opt.Offset})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ExampleTestProportional() {
	x, y := worked()
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	tests, err := TestProportional(context.Background(), x, y, m, DiagnosticOptions{})
	if err != nil {
		panic(err)
	}
	for _, test := range tests {
		fmt.Printf("%s: χ² = %.4f on %d df, p = %.4f\n", test.Term, test.Chisq, test.DF, test.P)
	}
	// Output:
	// x: χ² = 0.6689 on 1 df, p = 0.4135
	// GLOBAL: χ² = 0.6689 on 1 df, p = 0.4135
}

func ExampleDiagnose() {
	x, y := worked()
	m, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	d, err := Diagnose(context.Background(), x, y, m, DiagnosticOptions{})
	if err != nil {
		panic(err)
	}
	clusters := []int{1, 1, 2, 2, 3, 3}
	fmt.Printf("SE %.4f, robust %.4f\n", math.Sqrt(d.Covariance()[0]), math.Sqrt(d.Robust(clusters)[0]))
	fmt.Printf("likelihood ratio: p = %.4f\n", d.LikelihoodRatio().P)
	// Output:
	// SE 0.5784, robust 0.4094
	// likelihood ratio: p = 0.5748
}

// By hand, at β = log(1/√2) of TestByHand: risk sums 2u+1 and 1+u give the exposures and
// means of every residual.
func TestResidualsByHand(t *testing.T) {
	x := design(column("x", 1, 0, 1))
	y := survival.Outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, false}}
	d := mustDiagnose(t, x, y, Options{Ties: riskset.Breslow})
	u := 1 / math.Sqrt2
	first, second := 1/(2*u+1), 1/(1+u)
	want := []float64{1 - u*first, 1 - first - second, -u * (first + second)}
	for i, m := range d.Martingale() {
		within(t, "martingale", m, want[i], 1e-14)
		delta := 1.0
		if i == 2 {
			delta = 0
		}
		deviance := math.Sqrt(-2 * (want[i] + delta*math.Log(max(delta-want[i], 1e-300))))
		within(t, "deviance", d.Deviance()[i], math.Copysign(deviance, want[i]), 1e-7)
	}
	a, b := 2*u*first, u*second // means of x in the two risk sets
	schoenfeld := d.Schoenfeld()
	within(t, "first Schoenfeld", schoenfeld.Values[0][0], 1-a, 1e-14)
	within(t, "second Schoenfeld", schoenfeld.Values[0][1], -b, 1e-14)
	if schoenfeld.Row[1] != 1 || schoenfeld.Time[1] != 2 {
		t.Errorf("events %v at %v", schoenfeld.Row, schoenfeld.Time)
	}
	score := d.Score()[0]
	within(t, "score of row 0", score[0], (1-a)-u*(1-a)*first, 1e-14)
	within(t, "score of row 1", score[1], -b+a*first+b*second, 1e-14)
	within(t, "score of row 2", score[2], -u*((1-a)*first+(1-b)*second), 1e-14)
}

// Whatever the ties, weights, entry times, strata, offset: weighted martingale residuals sum to 0,
// weighted score and Schoenfeld residuals to the score, and dfbeta is the score by the covariance.
func TestResidualSums(t *testing.T) {
	every(60, func(name string, x *survival.Design, y survival.Outcome, opt Options) {
		t.Run(name, func(t *testing.T) {
			d := mustDiagnose(t, x, y, opt)
			total := 0.0
			for i, m := range d.Martingale() {
				total += y.W(i) * m
			}
			within(t, "Σ w·martingale", total, 0, 1e-10)
			score, schoenfeld := d.Score(), d.Schoenfeld()
			for j, column := range score {
				penalty := opt.Alpha * d.model.predictor.Beta[j] // the score of the likelihood alone
				bySubject, byEvent := -penalty, -penalty
				for i, v := range column {
					bySubject += y.W(i) * v
				}
				for e, i := range schoenfeld.Row {
					byEvent += y.W(i) * schoenfeld.Values[j][e]
				}
				unit := d.l.Matrix.Scale[j]
				within(t, "Σ w·score", bySubject/unit, 0, 1e-9)
				within(t, "Σ w·Schoenfeld", byEvent/unit, 0, 1e-9)
			}
		})
	})
}

// Without tied times the log-rank test is the score test of one dummy; its χ² by the
// textbook's observed, expected and hypergeometric variance.
func TestScoreTestIsLogRank(t *testing.T) {
	x, y := simulated(60)
	y.Weight, y.Entry = nil, nil
	for i := range y.Time {
		y.Time[i] += float64(i) * 1e-6
	}
	dummy := x.Columns[2].Values
	observed, expected, variance := 0.0, 0.0, 0.0
	for i, at := range y.Time {
		if !y.Event[i] {
			continue
		}
		n, ones := 0.0, 0.0
		for j, v := range dummy {
			if y.Time[j] >= at {
				n++
				ones += v
			}
		}
		observed += dummy[i]
		expected += ones / n
		variance += ones / n * (1 - ones/n)
	}
	got := mustDiagnose(t, design(x.Columns[2]), y, Options{}).ScoreTest()
	within(t, "χ²", got.Statistic, (observed-expected)*(observed-expected)/variance, 1e-10)
	within(t, "p", got.P, math.Erfc(math.Sqrt(got.Statistic/2)), 1e-12)
}

// Score and information of the time-varying coefficients are finite differences of the
// likelihood with β_j + θ_j·g(t), summed naively.
func TestTimeVaryingDerivatives(t *testing.T) {
	every(40, func(name string, x *survival.Design, y survival.Outcome, opt Options) {
		if opt.Alpha > 0 {
			return
		}
		t.Run(name, func(t *testing.T) {
			d := mustDiagnose(t, x, y, opt)
			g := d.centredTimes()
			score, info, err := d.timeVarying(context.Background(), g)
			if err != nil {
				t.Fatal(err)
			}
			at := map[float64]float64{}
			for k, group := range d.l.Order.Groups {
				at[group.Time] = g[k]
			}
			f := func(theta []float64) float64 { return naiveVarying(d, x, opt, at, theta) }
			start := make([]float64, 6)
			for j, b := range d.model.predictor.Beta {
				start[j] = b * d.l.Matrix.Scale[j]
			}
			const h = 1e-4
			move := func(i int, a float64, j int, b float64) float64 {
				theta := append([]float64(nil), start...)
				theta[i] += a
				theta[j] += b
				return f(theta)
			}
			for i := range 6 {
				if i >= 3 {
					within(t, fmt.Sprintf("score %d", i-3), score[i-3], (move(i, h, i, 0)-move(i, -h, i, 0))/(2*h), 1e-5*(1+math.Abs(score[i-3])))
				}
				for j := i; j < 6; j++ {
					want := -(move(i, h, j, h) - move(i, h, j, -h) - move(i, -h, j, h) + move(i, -h, j, -h)) / (4 * h * h)
					within(t, fmt.Sprintf("information %d,%d", i, j), info[i*6+j], want, 1e-5*(1+math.Abs(want)))
				}
			}
		})
	})
}

// naiveVarying is the log-likelihood with coefficients theta[:3] + theta[3:]·g(t) of the
// standardised columns, from the definition.
func naiveVarying(d *Diagnostics, x *survival.Design, opt Options, g map[float64]float64, theta []float64) float64 {
	y, total := d.y, 0.0
	eta := func(i int, at float64) float64 {
		sum := 0.0
		if opt.Offset != nil {
			sum = opt.Offset[i]
		}
		for j, c := range x.Columns {
			sum += (theta[j] + theta[3+j]*g[at]) * (c.Values[i] - d.l.Matrix.Mean[j]) / d.l.Matrix.Scale[j]
		}
		return sum
	}
	for i, at := range y.Time {
		if !y.Event[i] {
			continue
		}
		risk, tied, weight, deaths, before := 0.0, 0.0, 0.0, 0.0, 0.0
		for j := range y.Time {
			if (opt.Stratified && x.Strata[i] != x.Strata[j]) || y.Time[j] < at || (y.Entry != nil && y.Entry[j] >= at) {
				continue
			}
			r := y.W(j) * math.Exp(eta(j, at))
			risk += r
			if y.Time[j] == at && y.Event[j] {
				tied += r
				weight += y.W(j)
				if deaths++; j < i && opt.Ties == riskset.Efron {
					before++
				}
			}
		}
		total += y.W(i)*eta(i, at) - weight/deaths*math.Log(risk-before/deaths*tied)
	}
	return total
}

// Held columns: NaN in what they have no part in, left out of tests, and the others as
// without them. The unit of a column changes no test.
func TestDiagnosticsOfHeldColumns(t *testing.T) {
	x, y := simulated(80)
	alone := mustDiagnose(t, x, y, Options{})
	double, grams := make([]float64, 80), make([]float64, 80)
	for i, v := range x.Columns[0].Values {
		double[i], grams[i] = 1-2*v, 1e6*v
	}
	wide := &survival.Design{Rows: 80, Columns: []survival.Column{column("grams", grams...), x.Columns[1], column("double", double...), x.Columns[2]}}
	d := mustDiagnose(t, wide, y, Options{})
	for name, pair := range map[string][2]Test{
		"Wald": {d.Wald(), alone.Wald()}, "robust Wald": {d.RobustWald(nil), alone.RobustWald(nil)},
		"score": {d.ScoreTest(), alone.ScoreTest()}, "likelihood ratio": {d.LikelihoodRatio(), alone.LikelihoodRatio()},
	} {
		if pair[0].DF != 3 {
			t.Errorf("%s has %d degrees of freedom", name, pair[0].DF)
		}
		within(t, name, pair[0].Statistic, pair[1].Statistic, 1e-8)
	}
	if !math.IsNaN(d.DFBeta()[2][0]) || !math.IsNaN(d.Covariance()[2*4+2]) || !math.IsNaN(d.Robust(nil)[2]) || !math.IsNaN(d.ScaledSchoenfeld().Values[2][0]) {
		t.Error("a held column has an influence")
	}
	tests, err := d.TestProportional(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want, err := alone.TestProportional(context.Background())
	if err != nil || len(tests) != 4 || len(want) != 4 {
		t.Fatalf("%v, %v, %v", tests, want, err)
	}
	for k := range tests {
		within(t, tests[k].Term, tests[k].Chisq, want[k].Chisq, 1e-8)
	}
}

// Data that do not determine a test say so: one event time, no column, fewer groups than
// columns.
func TestUndeterminedTests(t *testing.T) {
	x, y := simulated(60)
	for i := range y.Event {
		y.Event[i] = i%30 == 0
		y.Time[i] = 3
		y.Entry[i] = 0
	}
	tests, err := mustDiagnose(t, design(x.Columns[0]), y, Options{}).TestProportional(context.Background())
	if err != nil || len(tests) != 2 || tests[0].Reason == "" || !math.IsNaN(tests[0].Chisq) || !math.IsNaN(tests[1].P) {
		t.Errorf("one event time: %+v, %v", tests, err)
	}
	null := mustDiagnose(t, &survival.Design{Rows: 60}, y, Options{})
	if tests, err := null.TestProportional(context.Background()); err != nil || len(tests) != 0 || null.Wald() != (Test{P: 1}) || null.LikelihoodRatio().P != 1 {
		t.Errorf("no columns: %v, %v", tests, err)
	}
	x, y = simulated(60)
	d := mustDiagnose(t, x, y, Options{})
	if got := d.RobustWald(make([]int, 60)); got != (Test{P: 1}) {
		t.Errorf("three coefficients, one group: %+v", got)
	}
	if got, err := d.RobustScoreTest(context.Background(), make([]int, 60)); err != nil || got != (Test{P: 1}) {
		t.Errorf("score of three coefficients, one group: %+v, %v", got, err)
	}
}

// Errors are those of Fit, a missing column's and the context's; what a caller could have
// known panics.
func TestDiagnoseErrors(t *testing.T) {
	x, y := worked()
	m, ctx := mustFit(t, x, y, Options{}), context.Background()
	censored := y
	censored.Event = make([]bool, 6)
	if _, err := Diagnose(ctx, x, censored, m, DiagnosticOptions{}); !errors.Is(err, survival.ErrNoEvents) {
		t.Errorf("no events: %v", err)
	}
	var missing *survival.ColumnError
	if _, err := TestProportional(ctx, &survival.Design{Rows: 6}, y, m, DiagnosticOptions{}); !errors.As(err, &missing) {
		t.Errorf("missing column: %v", err)
	}
	var data *survival.DataError
	if _, err := Diagnose(ctx, design(column("x", 1, 2, math.NaN(), 1, 0, 2)), y, m, DiagnosticOptions{}); !errors.As(err, &data) {
		t.Errorf("gap: %v", err)
	}
	bad := y
	bad.Time = make([]float64, 6)
	if _, err := Diagnose(ctx, x, bad, m, DiagnosticOptions{}); !errors.As(err, &data) {
		t.Errorf("zero time: %v", err)
	}
	late := y
	late.Entry = []float64{0, 0, 3 - 1e-12, 0, 0, 0}
	if _, err := Diagnose(ctx, x, late, m, DiagnosticOptions{Times: survival.TimesMlr3proba}); !errors.As(err, &data) {
		t.Errorf("entry merged with its time: %v", err)
	}
	far := design(column("x", 1e9, 2, 1, 1, 0, 2))
	if _, err := Diagnose(ctx, far, y, m, DiagnosticOptions{}); !errors.Is(err, survival.ErrNotConverged) {
		t.Errorf("other data than the fit's: %v", err)
	}
	stop := errors.New("stop")
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(stop)
	if _, err := Diagnose(cancelled, x, y, m, DiagnosticOptions{}); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
	d := mustDiagnose(t, x, y, Options{})
	if _, err := d.TestProportional(cancelled); !errors.Is(err, stop) {
		t.Errorf("test cancelled: %v", err)
	}
	if _, err := d.RobustScoreTest(cancelled, nil); !errors.Is(err, stop) {
		t.Errorf("robust score test cancelled: %v", err)
	}
	ridge := mustDiagnose(t, x, y, Options{Alpha: 1})
	for name, f := range map[string]func(){
		"groups":           func() { d.Robust([]int{1}) },
		"robust score":     func() { _, _ = ridge.RobustScoreTest(ctx, nil) },
		"likelihood ratio": func() { ridge.LikelihoodRatio() },
		"proportional":     func() { _, _ = ridge.TestProportional(ctx) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "cox: ") {
					t.Errorf("%s: %s", name, p)
				}
			}()
			f()
		}()
	}
}

// The test's g(t) is the Kaplan–Meier curve of all rows just before each
// time, case weights left out.
func TestTransformIsKaplanMeier(t *testing.T) {
	x, y := simulated(60)
	d := mustDiagnose(t, x, y, Options{Stratified: true})
	g := d.centredTimes()
	plain := y
	plain.Weight = nil
	s := nonparam.KaplanMeier(plain)
	for k, group := range d.l.Order.Groups {
		within(t, "g", g[k]-g[0], s.Left(d.l.Order.Groups[0].Time)-s.Left(group.Time), 1e-15)
	}
}
