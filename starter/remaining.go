package main

import (
	"fmt"
	"time"

	"everfold/config"
	"everfold/workflows"
)

// estimate is how long a run will still take.
type estimate struct {
	left time.Duration
	// bound: left is a lower bound, because nothing is known of the cost of some model.
	bound bool
}

// String is "about 5m left", or "" where there is nothing worth saying.
func (e estimate) String() string {
	switch {
	case e.left < time.Second:
		return ""
	case e.bound:
		return "over " + about(e.left) + " left"
	}
	return "about " + about(e.left) + " left"
}

// about shows an estimate no more finely than it is known: "40s", "3m", "1h 20m", "3 days".
func about(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%ds", max(1, int(d.Round(time.Second).Seconds())))
	case d < 57*time.Second+500*time.Millisecond:
		return fmt.Sprintf("%ds", int(d.Round(5*time.Second).Seconds()))
	case d < 59*time.Minute+30*time.Second:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(10 * time.Minute)
		return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}

// remaining estimates how long the open fits will take. A fold is expected to take as long as
// its model's folds trained here, of which one in hand is a part; before any of them is, what the plan
// said, corrected by how the folds of other models compare with it; the sum is spread over the fits
// that workers have in hand. Of a plan that said nothing, a model without a trained fold
// counts nothing and makes the estimate a bound; the baseline is then taken for average. It
// is false where nothing is known.
func remaining(p *workflows.Progress, s *snapshot) (estimate, bool) {
	beats := s.beats
	c := newForecast(p, s)
	if !c.known {
		return estimate{}, false
	}
	var e estimate
	work := finalsLeft(p, beats) * c.scale
	for _, m := range p.Models {
		seconds, known, open := c.fold(m), true, 0.0
		for _, f := range m.Folds {
			open += openShare(f, beats[cellID{m.Model, f.Fold}])
		}
		if seconds < 0 {
			seconds, known = 0, open == 0
		}
		work += seconds * open
		e.bound = e.bound || !known
	}
	e.left = inSeconds(work / float64(max(1, len(beats))))
	return e, true
}

// forecast is what folds are expected to take.
type forecast struct {
	own     map[string]mean // of the folds of a model, trained here or in hand
	overall mean            // of all folds trained here
	scale   float64         // how these, and those in hand, compare with what the plan said
	known   bool            // anything is
}

func newForecast(p *workflows.Progress, s *snapshot) forecast {
	c := forecast{own: map[string]mean{}, scale: 1, known: p.FinalSeconds > 0}
	var compared mean // with what the plan said
	expected := 0.0
	for _, m := range p.Models {
		own := mean{}
		for _, f := range m.Folds {
			own.add(f)
			c.overall.add(f)
			own.begun(s, cellID{m.Model, f.Fold})
		}
		c.own[m.Model] = own
		compared.n, compared.sum = compared.n+own.n, compared.sum+own.sum
		expected += own.n * m.Seconds
		c.known = c.known || m.Seconds > 0
	}
	c.known = c.known || c.overall.n > 0
	if compared.n > 0 && expected > 0 {
		c.scale = compared.sum / expected
	}
	return c
}

// fold is what a fold of a model is expected to take, negative where nothing is known.
func (c forecast) fold(m workflows.ModelProgress) float64 {
	switch own := c.own[m.Model]; {
	case own.n > 0:
		return own.value()
	case m.Seconds > 0:
		return m.Seconds * c.scale
	case m.Model == config.KM && c.overall.n > 0:
		return c.overall.value()
	}
	return -1
}

// final is what one final fit is expected to take, 0 where nothing is known.
func (c forecast) final(p *workflows.Progress) float64 {
	return p.FinalSeconds * c.scale / float64(max(1, len(p.Finals)))
}

// finalsLeft is what the plan said of the final fits that are open, equal parts each.
func finalsLeft(p *workflows.Progress, beats map[cellID]workflows.FitProgress) float64 {
	if p.Stage == stageFinished {
		return 0
	}
	if len(p.Finals) == 0 {
		return p.FinalSeconds
	}
	open := 0.0
	for _, f := range p.Finals {
		open += openShare(workflows.FoldProgress{State: f.State}, beats[cellID{f.Model, workflows.FinalFold}])
	}
	return p.FinalSeconds * open / float64(len(p.Finals))
}

// mean is a mean, such as that of the durations of the folds trained in this execution.
type mean struct {
	n   float64 // a fit in hand counts as the part of it that is done
	sum float64
}

// enough is the part of a fit from which on its time so far tells how long it will take.
const enough = 0.05

// begun counts what is done of a fit in hand, where the server knows since when it has been going on.
func (m *mean) begun(s *snapshot, id cellID) {
	took, known := s.since[id]
	if share := shareOf(s.beats[id]); known && share >= enough && took >= longEnough {
		m.n += share
		m.sum += took.Seconds()
	}
}

// add says whether it has counted the fold.
func (m *mean) add(f workflows.FoldProgress) bool {
	trained := f.State == workflows.DoneState && f.Action != workflows.Reuse && f.Seconds > 0
	if trained {
		m.n++
		m.sum += f.Seconds
	}
	return trained
}

// take counts a value, where there is one.
func (m *mean) take(v *float64) {
	if v != nil {
		m.n++
		m.sum += *v
	}
}

func (m *mean) value() float64 { return m.sum / m.n }

// pointer is the mean, nil of nothing.
func (m *mean) pointer() *float64 {
	if m.n == 0 {
		return nil
	}
	v := m.value()
	return &v
}

// openShare is the part of a fold that is still to do.
func openShare(f workflows.FoldProgress, beat workflows.FitProgress) float64 {
	switch {
	case f.State == workflows.Waiting:
		return 1
	case f.State == workflows.Running && beat.Stage == "fit" && beat.Total > 0:
		return 1 - min(1, beat.Done/beat.Total)
	case f.State == workflows.Running:
		return 1
	}
	return 0
}
