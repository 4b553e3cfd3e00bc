package coxnet

import (
	"context"
	"math"

	"everfold/survival"
	"everfold/survival/linear"
)

// heldOut evaluates ℓ of all rows at a point where that of the rows it was fitted to has just
// been evaluated: only the rows held out are looked at.
type heldOut struct {
	trained *likelihood
	like    *likelihood // of the rows held out
	x       *part
	scale   []float64 // a standardised column held out is so many times ours, …
	shift   []float64 // … and this much of ours beyond it
	times   []bothTimes
}

// bothTimes is an event time: its case weight of events of both kinds, and the first groups of
// either at or after it; the number of groups where there is none.
type bothTimes struct {
	events        float64
	trained, held int
}

// holdOut prepares the rows of a design that were not fitted. trained has the columns m.
func holdOut(all *survival.Design, y survival.Outcome, rows []int, trained *likelihood, m *linear.Columns) (*heldOut, error) {
	like := newLikelihood(y.Take(rows), trained.threads)
	compact, err := linear.NewCompact(all.Take(rows), like.order.Rows, trained.threads)
	if err != nil {
		return nil, err
	}
	h := &heldOut{trained: trained, like: like, x: like.part(compact),
		scale: make([]float64, m.P), shift: make([]float64, m.P)}
	for j := range h.scale {
		h.scale[j] = compact.Scale[j] / m.Scale[j]
		h.shift[j] = (compact.Mean[j] - m.Mean[j]) / m.Scale[j]
	}
	h.merge()
	return h, nil
}

// merge finds the event times.
func (h *heldOut) merge() {
	a, b := h.trained.order.Groups, h.like.order.Groups
	for i, j := 0, 0; i < len(a) || j < len(b); {
		t := bothTimes{trained: i, held: j}
		first := j == len(b) || i < len(a) && a[i].Time <= b[j].Time
		second := i == len(a) || j < len(b) && b[j].Time <= a[i].Time
		if first {
			t.events += h.trained.eventWeight[i]
			i++
		}
		if second {
			t.events += h.like.eventWeight[j]
			j++
		}
		if t.events > 0 {
			h.times = append(h.times, t)
		}
	}
}

// gain is ℓ of all rows less value, that of the fitted ones, at their coefficients gamma. Beyond
// the range of float64 it is −Inf. The error is that of survival.Check.
func (h *heldOut) gain(ctx context.Context, gamma []float64, value float64) (float64, error) {
	if err := survival.Check(ctx, 0, 1); err != nil {
		return 0, err
	}
	own, shift := make([]float64, len(gamma)), 0.0
	for j, g := range gamma {
		own[j] = g * h.scale[j]
		shift += float64(g * h.shift[j])
	}
	if !h.like.risks(h.x, own) {
		return math.Inf(-1), nil
	}
	// Both sums over the risk set are in units of e^unit, the larger of theirs.
	unit := max(h.trained.shift, h.like.shift+shift)
	trained, held := math.Exp(h.trained.shift-unit), math.Exp(h.like.shift+shift-unit)
	logs := make([]float64, (len(h.times)+block-1)/block)
	linear.Blocks(len(h.times), block, h.like.threads, func(b, start, end int) {
		for _, t := range h.times[start:end] {
			atRisk := 0.0
			if t.trained < len(h.trained.atRisk) {
				atRisk += float64(trained * h.trained.atRisk[t.trained])
			}
			if t.held < len(h.like.atRisk) {
				atRisk += float64(held * h.like.atRisk[t.held])
			}
			logs[b] += float64(t.events * (math.Log(atRisk) + unit))
		}
	})
	events := (h.trained.eventEta - value) + (h.like.eventEta + float64(shift*h.like.events))
	for _, v := range logs {
		events -= v
	}
	if !(events < math.Inf(1)) { // rows so far apart that one side's risk sums have vanished
		return math.Inf(-1), nil
	}
	return events, nil
}
