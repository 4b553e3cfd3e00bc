package logging

import (
	"context"
	"log/slog"
	"math"
	"time"
)

// Performance is the content of one performance record. A run logs one per fold (Folds 1)
// and, when a model's folds are complete, one per model.
type Performance struct {
	Duration  time.Duration // wall time of the fit and its scoring; the sum over folds for a model
	AvgCIndex float64       // mean over Folds of the column cindex; NaN: undefined
	AvgIBS    float64       // mean over Folds of the column ibs; NaN: undefined
	Folds     int           // how many folds the averages are over
}

// Log writes the record through the logger of ctx, which names run, model and fold. An
// undefined average is null: JSON has no NaN.
func (p Performance) Log(ctx context.Context, msg string) {
	From(ctx).LogAttrs(ctx, slog.LevelInfo, msg,
		CategoryPerformance.Attr(),
		slog.Float64("duration_seconds", p.Duration.Seconds()),
		number("avg_cindex", p.AvgCIndex),
		number("avg_ibs", p.AvgIBS),
		slog.Int("n_folds", p.Folds),
	)
}

func number(key string, v float64) slog.Attr {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return slog.Any(key, nil)
	}
	return slog.Float64(key, v)
}
