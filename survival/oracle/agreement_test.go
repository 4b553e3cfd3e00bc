package oracle

import (
	"math"
	"strconv"
	"testing"
)

// Deviations are rounded up to one digit, so that what is stated always holds.
func TestRoundUp(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1e-12: "1e-12", 1.01e-12: "2e-12", 9.5e-9: "1e-8", 3.4e-16: "4e-16", 0.0021: "3e-3"} {
		if got := RoundUp(v); got != want {
			t.Errorf("%g is rounded to %s, want %s", v, got, want)
		}
	}
	for i := range 2000 {
		v := math.Exp(float64(i)/50 - 35)
		if up, err := strconv.ParseFloat(RoundUp(v), 64); err != nil || up < v*(1-1e-15) || up > 2.0001*v {
			t.Fatalf("%g is rounded to %g: %v", v, up, err)
		}
	}
}

// spy is a test that notes that it failed, and what is to be done at its end.
type spy struct {
	testing.TB
	failed bool
	end    func()
}

func (s *spy) Helper()               {}
func (s *spy) Errorf(string, ...any) { s.failed = true }
func (s *spy) Error(...any)          { s.failed = true }
func (s *spy) Cleanup(end func())    { s.end = end }

// A line fails its test beyond the tolerance, where lengths differ, where nothing is
// compared, and where the README does not state it.
func TestAgree(t *testing.T) {
	for name, act := range map[string]func(a *Agreement){
		"too far":        func(a *Agreement) { a.Near("x", 1, 1.1, 1) },
		"too far, large": func(a *Agreement) { a.Near("x", 100, 111, 100) },
		"not a number":   func(a *Agreement) { a.Near("x", math.NaN(), 1, 1) },
		"lengths":        func(a *Agreement) { a.NearAll("x", []float64{1}, nil) },
	} {
		s := &spy{TB: t}
		act(Agree(s, Line{Subject: name, Tolerance: 0.05}))
		if !s.failed {
			t.Errorf("%s: passed", name)
		}
	}
	s := &spy{TB: t}
	a := Agree(s, Line{Subject: "no such subject", Tolerance: 0.05})
	a.Near("x", 100, 101, 100)
	a.NearAll("x", []float64{1}, []float64{1.01})
	if s.failed || a.worst > 0.0101 || a.worst < 0.0099 {
		t.Errorf("failed %v, worst %g", s.failed, a.worst)
	}
	if s.end(); !s.failed && !*measuring {
		t.Error("a line that README does not have passed")
	}
	s = &spy{TB: t}
	Agree(s, Line{Subject: "empty"})
	if s.end(); !s.failed {
		t.Error("nothing compared passed")
	}
}
