package riskset

import (
	"fmt"
	"math"
)

// Ties is the approximation of the partial likelihood where events share a time.
type Ties int

const (
	// Efron (1977): the l-th of d tied events, l from 0, sees l/d of the ties' risk removed.
	Efron Ties = iota
	// Breslow (1974): every tied event sees the whole risk set.
	Breslow
)

// ParseTies reads "efron" or "breslow".
func ParseTies(name string) (Ties, error) {
	switch name {
	case "efron":
		return Efron, nil
	case "breslow":
		return Breslow, nil
	}
	return 0, fmt.Errorf("ties is %q: allowed are efron and breslow", name)
}

// String is the name that ParseTies reads.
func (t Ties) String() string {
	if t == Breslow {
		return "breslow"
	}
	return "efron"
}

// Increment is what one event time adds under a tie rule. With R the risk sum of the
// time, E that of its d events, m their mean case weight, a_l = l/d and
// φ_l = R − a_l·E, l = 0…d−1 (Breslow: a_l = 0):
type Increment struct {
	Hazard float64 // Σ_l m/φ_l: the step of the cumulative hazard
	Tied   float64 // Σ_l (1−a_l)·m/φ_l: the step that the tied events themselves are exposed to
	Log    float64 // Σ_l m·log φ_l: what the log partial likelihood loses
	// Second moments, scaled by R² so that they neither overflow nor vanish:
	// Σ_l m(R/φ_l)², Σ_l m·a_l(R/φ_l)², Σ_l m·a_l²(R/φ_l)².
	SS, ST, TT float64
}

// At is the increment of one time with risk sum atRisk > 0, of which tied belongs to its
// events ≥ 1 events of total case weight.
func (t Ties) At(atRisk, tied, weight float64, events int) Increment {
	if t == Breslow || events == 1 {
		h := weight / atRisk
		return Increment{Hazard: h, Tied: h, Log: weight * math.Log(atRisk), SS: weight}
	}
	var inc Increment
	d := float64(events)
	m := weight / d
	product, log := 1.0, 0.0 // Π R/φ_l ≥ 1, and its logarithm so far
	for l := range events {
		a := float64(l) / d
		phi := atRisk - float64(a*tied)
		share := atRisk / phi
		h, c := float64(m*share), float64(m*share*share)
		inc.Hazard += h
		inc.Tied += float64((1 - a) * h)
		if product *= share; product > maxProduct {
			log += math.Log(product)
			product = 1
		}
		inc.SS += c
		inc.ST += float64(a * c)
		inc.TT += float64(a * a * c)
	}
	inc.Hazard /= atRisk
	inc.Tied /= atRisk
	inc.Log = float64(weight*math.Log(atRisk)) - float64(m*(log+math.Log(product)))
	return inc
}

// maxProduct times one more R/φ_l ≤ d stays within float64.
const maxProduct = 1e200
