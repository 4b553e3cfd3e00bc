package aft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
)

var distributions = []Distribution{Weibull, LogNormal, LogLogistic, Exponential}

func ExampleFit_distribution() {
	x := design(column("treated", 0, 0, 0, 1, 1, 1))
	y := survival.Outcome{Time: []float64{1, 2, 4, 3, 6, 9}, Event: []bool{true, true, true, true, true, false}}
	for _, d := range distributions {
		m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{})
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: β = %.4f, ℓ = %.4f\n", d, m.Report().Coefficients[0].Value, m.Report().LogLik[1])
	}
	// Output:
	// weibull: β = 1.1062, ℓ = -10.6858
	// log-normal: β = 1.1221, ℓ = -10.3971
	// log-logistic: β = 1.1043, ℓ = -10.6325
	// exponential: β = 1.3499, ℓ = -11.9363
}

// Score and information equal finite differences to 1e-6: every distribution, with weights
// and truncation.
func TestDerivatives(t *testing.T) {
	for k := range 16 {
		x, y := lung(t)
		if k&1 == 0 {
			y.Weight = nil
		}
		if k&2 == 0 {
			y.Entry = nil
		}
		l, err := NewLikelihood(x, y, distributions[k/4])
		if err != nil {
			t.Fatal(err)
		}
		theta := []float64{6, 0.1, -0.2, 0.3, -0.4}
		if l.fixed {
			theta = theta[:4]
		}
		size := len(theta)
		_, grad, info := eval(t, l, theta)
		const h = 1e-5
		for i := range theta {
			up, down := append([]float64(nil), theta...), append([]float64(nil), theta...)
			up[i] += h
			down[i] -= h
			vu, gu, _ := eval(t, l, up)
			vd, gd, _ := eval(t, l, down)
			if want := (vu - vd) / (2 * h); math.Abs(grad[i]-want) > 1e-6*(1+math.Abs(want)) {
				t.Errorf("case %d: score %d is %g, want %g", k, i, grad[i], want)
			}
			for j := i; j < size; j++ {
				if want := -(gu[j] - gd[j]) / (2 * h); math.Abs(info[i*size+j]-want) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("case %d: information %d,%d is %g, want %g", k, i, j, info[i*size+j], want)
				}
			}
		}
	}
}

// Of each law: the derivatives are differences of the values, from one tail to the other
// and across the joint of two formulas; density is minus the slope of S; mean 0 and spread 1
// of the standardised variable.
func TestLaws(t *testing.T) {
	for _, d := range distributions {
		law := d.traits().law
		for _, z := range []float64{-30, -3, -0.5, 0, 0.7, 2, 4.999, 5, 5.001} {
			const h = 1e-5
			for name, f := range map[string]func(float64) (float64, float64, float64){"log f": law.density, "log S": law.survival} {
				value, first, second := f(z)
				up, firstUp, _ := f(z + h)
				down, firstDown, _ := f(z - h)
				closeTo(t, fmt.Sprintf("%v: %s' at %g", d, name, z), first, (up-down)/(2*h), 1e-8*(1+math.Abs(value)/h*1e-3))
				closeTo(t, fmt.Sprintf("%v: %s'' at %g", d, name, z), second, (firstUp-firstDown)/(2*h), 1e-8*(1+math.Abs(first)))
			}
			density, _, _ := law.density(z)
			tail, slope, _ := law.survival(z)
			closeTo(t, fmt.Sprintf("%v: f/S at %g", d, z), math.Exp(density-tail), -slope, 1e-12*(1-slope))
			closeTo(t, fmt.Sprintf("%v: S at %g", d, z), law.curve(z), math.Exp(tail), 1e-14)
		}
		if law.curve(math.Inf(-1)) != 1 || law.curve(math.Inf(1)) != 0 {
			t.Errorf("%v: S at the ends is %g and %g", d, law.curve(math.Inf(-1)), law.curve(math.Inf(1)))
		}
		mean, square := 0.0, 0.0
		for z := -60.0; z < 60; z += 1e-3 {
			density, _, _ := law.density(z)
			mean += z * math.Exp(density) * 1e-3
			square += z * z * math.Exp(density) * 1e-3
		}
		closeTo(t, d.String()+" mean", law.center(), mean, 1e-9)
		closeTo(t, d.String()+" spread", law.spread(), math.Sqrt(square-mean*mean), 1e-9)
	}
}

func closeTo(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.15g, want %.15g within %.1g", what, got, want, tolerance)
	}
}

// The normal tail to 15 digits, far beyond where S underflows: log S(z) and the hazard f/S
// from mpmath's erfc at 40 digits.
func TestNormalTail(t *testing.T) {
	for _, c := range []struct{ z, logS, hazard float64 }{
		{-3, -0.0013508099647481938, 0.0044378390421256638},
		{0, -0.69314718055994531, 0.79788456080286536},
		{1, -1.8410216450092635, 1.5251352761609812},
		{4.9, -14.551182689355313, 5.0898286001298836},
		{5, -15.064998393988726, 5.1865039671258421},
		{6, -20.736768949974706, 6.1584826045445989},
		{10, -53.231285150512471, 10.098093233962512},
		{37, -689.03058557689059, 37.02698768612699},
		{100, -5005.5242086942051, 100.00999800099926},
		{1e4, -50000010.129278915, 10000.0001},
	} {
		logS, first, _ := normal{}.survival(c.z)
		closeTo(t, fmt.Sprintf("log S(%g)", c.z), logS, c.logS, 2e-15*(1+math.Abs(c.logS)))
		closeTo(t, fmt.Sprintf("hazard at %g", c.z), -first, c.hazard, 1e-14*c.hazard)
	}
}

// By hand: without columns the exponential rate is events over time at risk, its log has
// standard error 1/√events, and the scale is no parameter.
func TestExponentialByHand(t *testing.T) {
	_, y := lung(t)
	y.Weight = nil
	atRisk, events := 0.0, float64(y.Events())
	for i, at := range y.Time {
		atRisk += at - y.Entry[i]
	}
	m, err := Fit(context.Background(), &survival.Design{Rows: y.Len()}, y, Options{Distribution: Exponential}, survival.FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mu, se := m.Intercept()
	closeTo(t, "β₀", mu, math.Log(atRisk/events), 1e-12)
	closeTo(t, "its SE", se, 1/math.Sqrt(events), 1e-12)
	closeTo(t, "ℓ", m.Report().LogLik[1], -events*mu-events, 1e-9)
	if sigma, se := m.Scale(); sigma != 1 || se != 0 {
		t.Errorf("scale %g, SE %g", sigma, se)
	}
}

// Names are read back; a model file keeps its distribution and is refused by the others.
func TestDistributionNames(t *testing.T) {
	x, y := lung(t)
	for _, d := range distributions {
		if back, err := ParseDistribution(d.String()); back != d || err != nil {
			t.Errorf("%v is read as %v, %v", d, back, err)
		}
		m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		file, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range distributions {
			back, err := other.Decode(file)
			if other != d {
				if !errors.Is(err, survival.ErrBadModelFile) {
					t.Errorf("a %v file read as %v: %v", d, other, err)
				}
				continue
			}
			if again, _ := back.MarshalBinary(); !bytes.Equal(again, file) || back.Distribution() != d {
				t.Errorf("%v is decoded as %v", d, back.Distribution())
			}
		}
	}
	if _, err := ParseDistribution("gamma"); err == nil {
		t.Error("gamma is accepted")
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown distribution did not panic")
		}
	}()
	_ = Distribution(9).String()
}

// With left truncation the log-normal likelihood need not be concave at the start: no
// column is taken for collinear, and those that are, are found.
func TestAliasesWhereNotConcave(t *testing.T) {
	for _, d := range distributions {
		x, y := lung(t)
		for i := range y.Entry {
			y.Entry[i] = y.Time[i] * (0.5 + 0.49*float64(i%2))
		}
		double := make([]float64, x.Rows)
		for i, v := range x.Columns[0].Values {
			double[i] = 3 - v
		}
		x.Columns = append(x.Columns, column("double", double...))
		m, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for j, c := range m.Report().Coefficients {
			if held := c.Value == 0; held != (j == 3) {
				t.Errorf("%v: %+v", d, c)
			}
		}
	}
}
