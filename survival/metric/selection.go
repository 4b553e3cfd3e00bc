package metric

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
)

// Selection describes the choice of the best of several models by their out-of-fold
// predictions of the same rows.
type Selection struct {
	Models int // ≥ 1
	Rows   int // ≥ 1 units that are drawn: rows, or groups of rows that belong together
	// Score scores a model's out-of-fold predictions of the given rows, which may repeat.
	// *Undefined is allowed: there the model is not eligible.
	Score         func(model int, rows []int) (float64, error)
	LowerIsBetter bool // as of the IBS
	Replicates    int  // ≥ 1; the paper: 500
	// Draw fills rows with a bootstrap sample, the same one whenever it is called for a
	// replicate: resample.Bootstrap on the stream (seed, purpose, replicate).
	Draw func(replicate int, rows []int)
}

// BestOf is the result of [CorrectBestOf].
type BestOf struct {
	Best      int     // the model with the best score on all rows, ties to the lowest number
	Apparent  float64 // its score there: optimistic, since it was chosen by it
	Corrected float64 // the expected score of a model that is chosen so
	Optimism  float64 // how much better Apparent is than Corrected; seldom below 0
	Low, High float64 // the 2.5 and 97.5 % quantiles of the replicates' scores
	Used      int     // replicates with a score
	Chosen    []int   // by model: replicates that chose it
}

// CorrectBestOf corrects the score of the best of M models for having been chosen by that
// score (BBC-CV): each replicate chooses the best model on a bootstrap sample of the rows
// and scores it on the rows left out of the sample; Corrected is the mean over replicates.
// No model is fitted again, so what tuning within folds adds is not in it.
//
// A replicate without row left out, or where no model can be scored on the sample or the
// chosen one not on the rest, is not used. *Undefined: no model has a score on all rows, or
// no replicate one. Other errors of Score and cancellation are returned. It panics where
// a field breaks its limits or a score is not finite.
//
// Tsamardinos, Greasidou and Borboudakis (2018), Mach Learn 107:1895.
func CorrectBestOf(ctx context.Context, s Selection) (BestOf, error) {
	if s.Models < 1 || s.Rows < 1 || s.Replicates < 1 || s.Score == nil || s.Draw == nil {
		panic("metric: Selection is incomplete")
	}
	all := make([]int, s.Rows)
	for i := range all {
		all[i] = i
	}
	out := BestOf{Chosen: make([]int, s.Models)}
	var err error
	if out.Best, out.Apparent, err = s.best(all); err != nil {
		return BestOf{}, err
	}
	if out.Best < 0 {
		return BestOf{}, &Undefined{ReasonNoScore}
	}
	scores, err := s.resample(ctx, out.Chosen)
	if err != nil {
		return BestOf{}, err
	}
	if len(scores) == 0 {
		return BestOf{}, &Undefined{ReasonNoReplicate}
	}
	out.summarise(scores, s.LowerIsBetter)
	return out, nil
}

// resample lists the scores of the replicates that have one and counts whom they chose.
func (s Selection) resample(ctx context.Context, chosen []int) ([]float64, error) {
	var scores []float64
	rows := make([]int, s.Rows)
	for b := range s.Replicates {
		if err := survival.Check(ctx, float64(b), float64(s.Replicates)); err != nil {
			return nil, err
		}
		s.Draw(b, rows)
		model, score, err := s.replicate(rows)
		if err != nil {
			return nil, err
		}
		if model >= 0 {
			scores = append(scores, score)
			chosen[model]++
		}
	}
	return scores, nil
}

// replicate chooses on the drawn rows and scores on the others; model is −1 where that
// cannot be done.
func (s Selection) replicate(drawn []int) (model int, score float64, err error) {
	rest := leftOut(drawn, s.Rows)
	if len(rest) == 0 {
		return -1, 0, nil
	}
	model, _, err = s.best(drawn)
	if err != nil || model < 0 {
		return -1, 0, err
	}
	score, ok, err := s.score(model, rest)
	if err != nil || !ok {
		return -1, 0, err
	}
	return model, score, nil
}

func leftOut(drawn []int, n int) []int {
	in := make([]bool, n)
	for _, i := range drawn {
		in[i] = true
	}
	var rest []int
	for i, taken := range in {
		if !taken {
			rest = append(rest, i)
		}
	}
	return rest
}

// best is the model with the best score on the rows, −1 where none has a score.
func (s Selection) best(rows []int) (model int, score float64, err error) {
	model = -1
	for m := range s.Models {
		v, ok, err := s.score(m, rows)
		if err != nil {
			return -1, 0, err
		}
		if ok && (model < 0 || s.LowerIsBetter && v < score || !s.LowerIsBetter && v > score) {
			model, score = m, v
		}
	}
	return model, score, nil
}

// score is one call of Score; ok is false where the score is undefined.
func (s Selection) score(model int, rows []int) (v float64, ok bool, err error) {
	v, err = s.Score(model, rows)
	switch {
	case reasonOf(err) != "":
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("score of model %d: %w", model, err)
	case math.IsNaN(v) || math.IsInf(v, 0):
		panic("metric: Selection.Score gave a number that is not finite")
	}
	return v, true, nil
}

func (b *BestOf) summarise(scores []float64, lowerIsBetter bool) {
	b.Used = len(scores)
	for _, v := range scores {
		b.Corrected += v
	}
	b.Corrected /= float64(b.Used)
	b.Optimism = b.Apparent - b.Corrected
	if lowerIsBetter {
		b.Optimism = -b.Optimism
	}
	q := quantiles(scores, survival.Outcome{}, 0.025, 0.975)
	b.Low, b.High = q[0], q[1]
}
