package riskset

import (
	"math"
	"testing"
)

// One event: both rules agree, h = m/R.
func TestOneEvent(t *testing.T) {
	want := Increment{Hazard: 0.5, Tied: 0.5, Log: 2 * math.Log(4), SS: 2}
	for _, ties := range []Ties{Efron, Breslow} {
		if got := ties.At(4, 1, 2, 1); got != want {
			t.Errorf("%v: %+v", ties, got)
		}
	}
}

// Two of four events at once, weight 1 each, by hand: φ = 4 and 3.
func TestEfronByHand(t *testing.T) {
	got := Efron.At(4, 2, 2, 2)
	c := 4.0 / 3
	want := Increment{Hazard: 1.0/4 + 1.0/3, Tied: 1.0/4 + 1.0/6, Log: math.Log(4) + math.Log(3),
		SS: 1 + c*c, ST: c * c / 2, TT: c * c / 4}
	for _, pair := range [][2]float64{{got.Hazard, want.Hazard}, {got.Tied, want.Tied}, {got.Log, want.Log},
		{got.SS, want.SS}, {got.ST, want.ST}, {got.TT, want.TT}} {
		if math.Abs(pair[0]-pair[1]) > 1e-15 {
			t.Errorf("%+v, want %+v", got, want)
			break
		}
	}
	if b := Breslow.At(4, 2, 2, 2); b != (Increment{Hazard: 0.5, Tied: 0.5, Log: 2 * math.Log(4), SS: 2}) {
		t.Errorf("Breslow: %+v", b)
	}
}

// Sums near the ends of float64 stay finite: nothing is squared unscaled.
func TestScaledMoments(t *testing.T) {
	for _, unit := range []float64{1e-300, 1e300} {
		got := Efron.At(4*unit, 2*unit, 2, 2)
		if math.Abs(got.SS-(1+16.0/9)) > 1e-14 || math.IsInf(got.Log, 0) {
			t.Errorf("unit %g: %+v", unit, got)
		}
	}
}

// Names are read and written alike; others are refused.
func TestTiesNames(t *testing.T) {
	for _, ties := range []Ties{Efron, Breslow} {
		if got, err := ParseTies(ties.String()); err != nil || got != ties {
			t.Errorf("%v reads back as %v, %v", ties, got, err)
		}
	}
	if _, err := ParseTies("exact"); err == nil {
		t.Error("an unknown rule was accepted")
	}
}
