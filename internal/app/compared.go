package app

import (
	"context"

	"everfold/activities"
	"everfold/artifact"
	"everfold/config"
)

// ScoredRun is a run with the scores of its complete folds.
type ScoredRun = activities.ScoredRun

// RunDifference is how a model of one run differs from one of another, by one metric.
type RunDifference = activities.RunDifference

// ReadScores reads the scores of the run in a folder. It needs no server. Errors are
// *config.Error, the store's, or wrap artifact.ErrDamaged.
func ReadScores(ctx context.Context, folder string) (*ScoredRun, error) {
	s, err := (&Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil, err
	}
	return activities.NewScoredRun(ctx, s)
}

// CompareRuns tests the differences of two runs' models on the folds that they share, which it
// returns, too. The errors are *artifact.NotComparableError.
func CompareRuns(a, b *ScoredRun) ([]artifact.FoldInfo, []RunDifference, error) {
	return activities.CompareRuns(a, b)
}
