package app

import (
	"context"

	"everfold/activities"
	"everfold/config"
)

// ScoreInput asks for predictions of new rows by a final model.
type ScoreInput = activities.ScoreInput

// Scoring is what there is to say of new rows, before their predictions are written.
type Scoring = activities.Scoring

// Score reads a final model and the rows that it is to predict; Scoring.Write then predicts.
// folder is the run's, in.Data an absolute path. It needs no server. Errors are *config.Error,
// ErrNotFound where run or model are missing, *PreparationError or ctx's.
func Score(ctx context.Context, folder string, in ScoreInput) (*Scoring, error) {
	ctx, err := limited(ctx)
	if err != nil {
		return nil, err
	}
	s, err := (&Stores{}).Open(ctx, config.Store{URI: folder})
	if err != nil {
		return nil, err
	}
	out, err := activities.NewScoring(ctx, s, Data{}.Open, in)
	if err != nil {
		return nil, preparationError(ctx, err)
	}
	return out, nil
}

// ScoreError classifies what Scoring.Write returns, as Score does.
func ScoreError(ctx context.Context, err error) error { return preparationError(ctx, err) }
