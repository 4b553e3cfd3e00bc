package main

import (
	"fmt"
	"strings"
	"time"

	"everfold/workflows"
)

// view shows a run's progress as it changes.
type view interface {
	show(s *snapshot)
	note(line string) // something that happened outside the run, such as a lost connection
	close()           // nothing is shown any more
}

// newView is bars on a live screen, lines on any other.
func newView(s screen, run runRef) view {
	if s.live {
		if s.block == nil {
			s.block = &block{}
		}
		return &bars{screen: s, run: run}
	}
	return &lines{screen: s, run: run}
}

// lines writes one line per change and never goes back: for pipes, CI and logs.
type lines struct {
	screen
	run     runRef
	said    bool      // something, since the last snapshot
	last    time.Time // when something was said last
	stage   string
	reused  bool
	shown   map[cellID]workflows.FoldState
	retried map[string]int // activity or fold → attempt last shown
	tracker workflows.TrackingState
}

func (v *lines) note(line string) { v.say("%s\n", line) }
func (v *lines) close()           {}

func (v *lines) say(format string, args ...any) {
	v.said = true
	v.printf(format, args...)
}

// quietFor is how long nothing is said of a run that goes on, so that a log of hours shows
// that somebody is alive.
const quietFor = time.Minute

func (v *lines) show(s *snapshot) {
	v.showChanges(s)
	if !v.said && s.progress != nil && s.at.Sub(v.last) >= quietFor {
		parts := heading(v.run, s, 0)[1:]
		for _, m := range s.progress.Models {
			for _, f := range m.Folds {
				if beat, ok := s.beats[cellID{m.Model, f.Fold}]; ok && f.State == workflows.Running {
					parts = append(parts, m.Model+" "+doingNow(beat))
				}
			}
		}
		v.say("%s\n", strings.Join(parts, " · "))
	}
	if v.said {
		v.said, v.last = false, s.at
	}
}

func (v *lines) showChanges(s *snapshot) {
	v.showRetries(s)
	if s.progress == nil {
		return
	}
	p := s.progress
	if p.Stage != v.stage && p.Stage != stageFinished {
		v.stage = p.Stage
		v.say("%s\n", stageLine(p))
	}
	if n := completeBefore(p); n > 0 && !v.reused {
		v.reused = true
		v.say("%s complete already: reused\n", countOf(n, "fold"))
	}
	for _, m := range p.Models {
		for _, f := range m.Folds {
			v.showFold(p, m.Model, f)
		}
	}
	for _, f := range p.Finals {
		v.showFinal(f)
	}
	v.showTracker(p.Tracker)
}

// showTracker says how the tracker is, at first and when that changes.
func (v *lines) showTracker(t *workflows.Tracking) {
	if t == nil || t.State == workflows.TrackingStarting || t.State == v.tracker {
		return
	}
	v.tracker = t.State
	v.say("tracker: %s\n", t)
}

// showFinal writes the line of a final model that has ended since the last snapshot.
func (v *lines) showFinal(f workflows.Final) {
	id := cellID{f.Model, workflows.FinalFold}
	if v.shown == nil {
		v.shown = map[cellID]workflows.FoldState{}
	}
	if v.shown[id] == f.State {
		return
	}
	v.shown[id] = f.State
	switch f.State {
	case workflows.DoneState, workflows.Failed, workflows.Skipped:
		v.say("%s final fit: %s\n", f.Model, finalState(f))
	}
}

// finalState is what is said of a final model.
func finalState(f workflows.Final) string {
	switch {
	case f.State == workflows.Failed:
		return "FAILED: " + f.Error
	case f.State == workflows.DoneState && f.Action == workflows.Reuse:
		return "complete already: reused"
	case f.State == workflows.DoneState && f.Attempt > 1:
		return fmt.Sprintf("%s, attempt %d", seconds(f.Seconds), f.Attempt)
	case f.State == workflows.DoneState:
		return seconds(f.Seconds)
	}
	return string(f.State)
}

// stageFinished is the last stage of workflows.Progress; what follows it is the result.
const stageFinished = "finished"

func stageLine(p *workflows.Progress) string {
	if p.Planned == 0 {
		return p.Stage
	}
	if len(p.Finals) > 0 {
		return p.Stage
	}
	return fmt.Sprintf("%s: %d of %s done", p.Stage, p.Done, countOf(p.Planned, "fold"))
}

// completeBefore counts the folds that were complete when the run was planned.
func completeBefore(p *workflows.Progress) int {
	n := 0
	for _, m := range p.Models {
		for _, f := range m.Folds {
			if planned(f) {
				n++
			}
		}
	}
	return n
}

// planned says that a fold was reused by the plan, rather than found complete by an attempt
// that followed a lost one.
func planned(f workflows.FoldProgress) bool {
	return f.State == workflows.DoneState && f.Action == workflows.Reuse && f.Attempt == 0
}

// showFold writes the line of a fold that has ended since the last snapshot.
func (v *lines) showFold(p *workflows.Progress, model string, f workflows.FoldProgress) {
	id := cellID{model, f.Fold}
	if v.shown == nil {
		v.shown = map[cellID]workflows.FoldState{}
	}
	if v.shown[id] == f.State {
		return
	}
	v.shown[id] = f.State
	if line := foldLine(model, f); line != "" {
		v.say("%s (%d of %d)\n", line, p.Done+p.Failed+p.Skipped, p.Planned)
	}
}

// foldLine is what is said of a fold that has ended here, else "".
func foldLine(model string, f workflows.FoldProgress) string {
	switch {
	case f.State == workflows.Failed:
		return fmt.Sprintf("%s fold %d: FAILED: %s", model, f.Fold, f.Error)
	case f.State == workflows.Skipped:
		return fmt.Sprintf("%s fold %d: skipped", model, f.Fold)
	case f.State != workflows.DoneState || planned(f):
		return ""
	}
	line := fmt.Sprintf("%s fold %d: C-index %s, IBS %s", model, f.Fold, score(f.CIndex), score(f.IBS))
	switch f.Action {
	case workflows.Reuse:
		line += ", found complete"
	case workflows.Rescore:
		line += ", rescored"
	default:
		line += ", " + seconds(f.Seconds)
	}
	if f.Attempt > 1 {
		line += fmt.Sprintf(", attempt %d", f.Attempt)
	}
	return line
}

func (v *lines) showRetries(s *snapshot) {
	if v.retried == nil {
		v.retried = map[string]int{}
	}
	for _, r := range s.retries {
		if v.retried[r.name()] < r.attempt {
			v.retried[r.name()] = r.attempt
			v.say("%s\n", r)
		}
	}
}

func (r retry) name() string {
	if r.cell == nil {
		return r.activity
	}
	if r.cell.fold == workflows.FinalFold {
		return r.activity + " " + r.cell.model
	}
	return fmt.Sprintf("%s fold %d", r.cell.model, r.cell.fold)
}

func (r retry) String() string {
	reason := strings.Join(strings.Fields(r.reason), " ") // one line, whatever the error
	return fmt.Sprintf("%s: attempt %d, after: %s", r.name(), r.attempt, reason)
}
