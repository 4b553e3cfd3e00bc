package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot/vg"

	"everfold/artifact"
)

// fit is one fit that ended well, in seconds since the run was planned.
type fit struct {
	artifact.Task
	from, to float64
	attempt  int
	worker   string
	lane     int
}

// happened is what the logs say of a task, in the order of time.
type happened struct {
	starts  []time.Time                 // of the run
	ends    map[artifact.Task][]logLine // attempts that ended without a result
	resumed map[artifact.Task]bool      // went on from a checkpoint
	reused  int                         // found complete by the last start
}

// timeline is how the run went: every fit with its time, attempts that came to nothing, and
// what later starts found complete.
func (b *builder) timeline(ctx context.Context) (section, error) {
	s := section{ID: "timeline", Title: "How the run went"}
	log, err := b.history(ctx)
	if err != nil {
		return s, err
	}
	fits := b.fits()
	if len(fits) == 0 {
		s.Blocks = append(s.Blocks, block{Text: "Nothing has been fitted yet."})
		return s, nil
	}
	s.Blocks = append(s.Blocks, block{Facts: b.timeFacts(fits, log)})
	drawn, err := b.draw(ctx, b.gantt(fits))
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks, block{Pictures: []*picture{drawn}},
		block{Note: "A bar a fit with its predictions, by the clock of the worker that made it. Pauses in which nothing was fitted are cut out where they are long."})
	if t := attempts(fits, log); t != nil {
		s.Blocks = append(s.Blocks, block{Heading: "What did not go smoothly"}, block{Table: t},
			block{Note: "An attempt of which the logs say nothing lost its worker: the machine, the process or its memory was gone. What was complete by then was kept."})
	} else {
		s.Blocks = append(s.Blocks, block{Text: "Every fit ended well at its first attempt."})
	}
	return s, nil
}

// history reads the main logs.
func (b *builder) history(ctx context.Context) (*happened, error) {
	h := &happened{ends: map[artifact.Task][]logLine{}, resumed: map[artifact.Task]bool{}}
	err := b.logLines(ctx, "main", func(l *logLine) {
		task := artifact.Task{Model: l.Model, Fold: artifact.FinalFold}
		if l.Fold != nil {
			task.Fold = *l.Fold
		}
		switch {
		case l.Msg == "run accepted":
			h.starts = append(h.starts, l.Time)
		case l.Msg == "folds planned":
			h.reused = l.Reuse
		case l.Model == "":
		case l.Msg == "going on from a checkpoint":
			h.resumed[task] = true
		case strings.HasSuffix(l.Msg, " interrupted, another attempt goes on"), strings.HasSuffix(l.Msg, " is tried again"), strings.HasSuffix(l.Msg, " failed"):
			h.ends[task] = append(h.ends[task], *l)
		}
	})
	for _, ends := range h.ends {
		slices.SortStableFunc(ends, func(a, c logLine) int { return a.Time.Compare(c.Time) })
	}
	slices.SortFunc(h.starts, time.Time.Compare)
	return h, err
}

// fits are the complete fits by their beginning.
func (b *builder) fits() []fit {
	var out []fit
	add := func(task artifact.Task, finished int64, seconds float64, attempt int, worker string) {
		end := float64(finished) / 1000
		out = append(out, fit{Task: task, from: end - seconds, to: end, attempt: attempt, worker: worker})
	}
	for _, m := range b.Folds {
		add(artifact.Task{Model: m.Model, Fold: m.Fold}, m.FinishedAt, m.FitSeconds+m.PredictSeconds, m.Attempt, m.Worker)
	}
	for _, m := range b.Finals {
		add(artifact.Task{Model: m.Model, Fold: artifact.FinalFold}, m.FinishedAt, m.FitSeconds, m.Attempt, m.Worker)
	}
	slices.SortStableFunc(out, func(x, y fit) int { return cmp.Compare(x.from, y.from) })
	return out
}

func (b *builder) timeFacts(fits []fit, log *happened) []fact {
	work, first, last := 0.0, fits[0].from, 0.0
	workers := map[string]bool{}
	for _, f := range fits {
		work, last = work+f.to-f.from, max(last, f.to)
		workers[f.worker] = true
	}
	facts := []fact{
		{lasting(last - first), "from the first fit to the last", ""},
		{lasting(work), "of fitting in all", ""},
		{amount(len(fits)), "fits", counted(len(workers), "worker")},
	}
	if n := len(log.starts); n > 0 {
		facts = append(facts, fact{amount(n), "starts of the run", ""})
	}
	if log.reused > 0 {
		facts = append(facts, fact{amount(log.reused), "found complete by the last start", ""})
	}
	if n := len(log.resumed); n > 0 {
		facts = append(facts, fact{amount(n), "went on from a checkpoint", ""})
	}
	return facts
}

// attempts has the fits that needed more than one attempt or have not ended well; nil where
// there is none.
func attempts(fits []fit, log *happened) *table {
	t := &table{Caption: "Fits with more than one attempt, or without an end", Head: columns("Fit", "Attempts", "What happened")}
	t.Head[1].Numbers = true
	seen := map[artifact.Task]bool{}
	add := func(task artifact.Task, needed int) {
		seen[task] = true
		var said []string
		heard := map[int]bool{}
		for _, l := range log.ends[task] {
			heard[l.Attempt] = true
			text := strings.TrimPrefix(l.Msg, task.String()+" ")
			if why := l.why(); why != "" {
				text += " (" + short(why, 160) + ")"
			}
			said = append(said, fmt.Sprintf("attempt %d: %s", l.Attempt, text))
		}
		for k := 1; k < needed; k++ {
			if !heard[k] {
				said = append(said, fmt.Sprintf("attempt %d: no word, its worker was lost", k))
			}
		}
		if log.resumed[task] {
			said = append(said, "went on from a checkpoint")
		}
		if len(said) > 0 {
			t.add(task.String(), strconv.Itoa(needed), strings.Join(said, "; "))
		}
	}
	for _, f := range fits {
		if f.attempt > 1 || len(log.ends[f.Task]) > 0 {
			add(f.Task, f.attempt)
		}
	}
	var rest []artifact.Task
	for task := range log.ends {
		if !seen[task] {
			rest = append(rest, task)
		}
	}
	slices.SortFunc(rest, func(x, y artifact.Task) int {
		return cmp.Or(strings.Compare(x.Model, y.Model), cmp.Compare(x.Fold, y.Fold))
	})
	for _, task := range rest {
		add(task, log.ends[task][len(log.ends[task])-1].Attempt)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

// gantt packs the fits into as few lanes as ran beside each other.
func (b *builder) gantt(fits []fit) *figure {
	clock := newClock(fits)
	var free []float64 // when each lane is
	for i := range fits {
		f := &fits[i]
		lane := slices.IndexFunc(free, func(at float64) bool { return at <= f.from+1e-3 })
		if lane < 0 {
			lane, free = len(free), append(free, 0)
		}
		f.lane, free[lane] = lane, f.to
	}
	p := newPlot(clock.axis, "")
	height := max(vg.Length(6), min(14, 200/vg.Length(len(free))))
	var present []string
	for _, f := range fits {
		p.Add(box(clock.at(f.from), clock.at(f.to), float64(-f.lane), height, b.color(f.Model).light))
		if f.attempt > 1 {
			p.Add(dots([]float64{clock.at(f.from)}, []float64{float64(-f.lane)}, alarm.light, 3, false))
		}
		if !slices.Contains(present, f.Model) {
			present = append(present, f.Model)
		}
	}
	for _, cut := range clock.cuts {
		p.Add(span(cut, -float64(len(free))+0.4, cut, 0.6, pen(muted.light, 1, dashes...)))
	}
	f := &figure{name: "timeline", title: "Fits over time", width: wide, plot: p, height: vg.Length(64) + (height+4)*vg.Length(len(free)),
		alt: fmt.Sprintf("%s in %s beside each other, %s from first to last.", counted(len(fits), "fit"), counted(len(free), "lane"), lasting(clock.whole))}
	for _, model := range b.models {
		if slices.Contains(present, model) {
			f.legend = append(f.legend, entry{text: short(model, 40), color: b.color(model).light})
		}
	}
	if slices.ContainsFunc(fits, func(f fit) bool { return f.attempt > 1 }) {
		f.legend = append(f.legend, entry{text: "dot: more than one attempt", color: alarm.light})
	}
	p.Y.Min, p.Y.Max = -float64(len(free))+0.4, 0.6
	p.Y.Tick.Marker, p.Y.LineStyle.Width = names(nil), 0
	return f
}

// clock turns seconds into places on the axis: from the first fit on, in a readable unit, long
// pauses cut out.
type clock struct {
	axis   string
	unit   float64
	pieces [][2]float64 // times in which something was fitted
	starts []float64    // of the pieces, on the axis
	cuts   []float64
	whole  float64
}

// pause is the share of all fitting that a pause must have to be cut out.
const pause = 0.1

func newClock(fits []fit) *clock {
	c := &clock{}
	for _, f := range fits {
		if n := len(c.pieces); n > 0 && f.from <= c.pieces[n-1][1] {
			c.pieces[n-1][1] = max(c.pieces[n-1][1], f.to)
			continue
		}
		c.pieces = append(c.pieces, [2]float64{f.from, f.to})
	}
	busy := 0.0
	for _, p := range c.pieces {
		busy += p[1] - p[0]
	}
	merged := c.pieces[:1]
	for _, p := range c.pieces[1:] {
		if last := &merged[len(merged)-1]; p[0]-last[1] <= max(1, pause*busy) {
			last[1] = p[1]
			continue
		}
		merged = append(merged, p)
	}
	c.pieces = merged
	c.whole = c.pieces[len(c.pieces)-1][1] - c.pieces[0][0]
	length := 0.0
	for _, p := range c.pieces {
		length += p[1] - p[0]
	}
	c.unit, c.axis = 1, "seconds"
	switch {
	case length > 3*3600:
		c.unit, c.axis = 3600, "hours"
	case length > 3*60:
		c.unit, c.axis = 60, "minutes"
	}
	c.axis += " since the first fit began"
	if len(c.pieces) > 1 {
		c.axis += ", without pauses"
	}
	gap, at := 0.02*length, 0.0
	for k, p := range c.pieces {
		if k > 0 {
			c.cuts = append(c.cuts, (at+gap/2)/c.unit)
			at += gap
		}
		c.starts = append(c.starts, at)
		at += p[1] - p[0]
	}
	return c
}

func (c *clock) at(t float64) float64 {
	k := len(c.pieces) - 1
	for k > 0 && t < c.pieces[k][0] {
		k--
	}
	return (c.starts[k] + t - c.pieces[k][0]) / c.unit
}
