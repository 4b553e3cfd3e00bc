package main

import (
	"cmp"
	"slices"
	"time"

	"everfold/config"
	"everfold/workflows"
)

// foldTally is how a model's folds stand, with its scores so far.
type foldTally struct {
	done, failed, skipped, running, waiting, reused int
	cindex, ibs                                     mean
}

func tallyFolds(m workflows.ModelProgress) foldTally {
	var n foldTally
	for _, f := range m.Folds {
		switch f.State {
		case workflows.DoneState:
			n.done++
			if f.Action == workflows.Reuse {
				n.reused++
			}
			n.cindex.take(f.CIndex)
			n.ibs.take(f.IBS)
		case workflows.Failed:
			n.failed++
		case workflows.Skipped:
			n.skipped++
		case workflows.Running:
			n.running++
		case workflows.Waiting:
			n.waiting++
		}
	}
	return n
}

func (n foldTally) ended() int { return n.done + n.failed + n.skipped }
func (n foldTally) open() int  { return n.running + n.waiting }

// scores are "C 0.8872" and "IBS 0.0293", as far as there are any.
func (n foldTally) scores() []string {
	var parts []string
	if n.cindex.n > 0 {
		parts = append(parts, "C "+score(n.cindex.pointer()))
	}
	if n.ibs.n > 0 {
		parts = append(parts, "IBS "+score(n.ibs.pointer()))
	}
	return parts
}

// ranksSoFar numbers the models by mean C-index as the leaderboard will: only those that have
// all of their folds, and never the baseline.
func ranksSoFar(p *workflows.Progress) map[string]int {
	type standing struct {
		model string
		mean  float64
	}
	var complete []standing
	for _, m := range p.Models {
		if n := tallyFolds(m); m.Model != config.KM && n.done == len(m.Folds) && n.cindex.n > 0 {
			complete = append(complete, standing{m.Model, n.cindex.value()})
		}
	}
	slices.SortStableFunc(complete, func(a, b standing) int { return cmp.Compare(b.mean, a.mean) })
	ranks := map[string]int{}
	for i, s := range complete {
		ranks[s.model] = i + 1
		if i > 0 && s.mean == complete[i-1].mean {
			ranks[s.model] = ranks[complete[i-1].model]
		}
	}
	return ranks
}

// longEnough is how long a fit must have been watched to get a line of its own: lines that
// come and go within a second only disturb.
const longEnough = 3 * time.Second

// pace is how fast a fit has been since it was first seen in its present stage.
type pace struct {
	began time.Time // when the fit was first seen
	since time.Time // when this stage of it was
	stage string
	first float64 // the share done then
	last  float64
}

// paces are those of the fits in hand.
type paces map[cellID]pace

// update takes a snapshot in: fits that are over are forgotten.
func (p paces) update(s *snapshot) {
	for id := range p {
		if _, in := s.beats[id]; !in {
			delete(p, id)
		}
	}
	for id, beat := range s.beats {
		now, known := p[id]
		share := shareOf(beat)
		if !known {
			now.began = s.at
		}
		if !known || now.stage != beat.Stage || share < now.last {
			now.since, now.stage, now.first = s.at, beat.Stage, share
		}
		now.last = share
		p[id] = now
	}
}

// isLong says that a fit has a line of its own.
func (p paces) isLong(beat workflows.FitProgress, s *snapshot) bool {
	seen, known := p[cellID{beat.Model, beat.Fold}]
	return known && s.at.Sub(seen.began) >= longEnough
}

// left is how long a fit will still take at the pace it has had; false where that is not
// known yet.
func (p paces) left(beat workflows.FitProgress, s *snapshot) (time.Duration, bool) {
	seen := p[cellID{beat.Model, beat.Fold}]
	took, gained := s.at.Sub(seen.since), seen.last-seen.first
	if seen.first < 0 || gained <= 0 || took < longEnough {
		return 0, false
	}
	return time.Duration(float64(took) * (1 - seen.last) / gained), true
}

// longest is what the fit in hand that takes longest will still take, as far as that is known.
func (p paces) longest(s *snapshot) time.Duration {
	most := time.Duration(0)
	for _, beat := range s.beats {
		if left, known := p.left(beat, s); known {
			most = max(most, left)
		}
	}
	return most
}

// shareOf is how much of its stage a fit has done, from 0 to 1; negative where it does not tell.
func shareOf(beat workflows.FitProgress) float64 {
	if beat.Total > 0 && (beat.Stage == "fit" || beat.Fold == workflows.FinalFold) {
		return max(0, min(1, beat.Done/beat.Total))
	}
	return -1
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
