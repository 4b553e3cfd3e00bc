package activities

import (
	"context"
	"fmt"
	"math"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/metric"
)

// details computes the scores of a fold beside those of the leaderboard, which are given.
func (j *job) details(ctx context.Context, fold *metric.Prepared, scores metric.Scores) (*artifact.Details, error) {
	d, err := fold.Describe(ctx, smoother)
	if err != nil {
		return nil, fmt.Errorf("score details: %w", err)
	}
	out := &artifact.Details{HarrellSE: d.HarrellSE, IPCWSE: d.UnoSE, Antolini: d.Antolini, LogLoss: d.LogLoss, Reasons: d.Reasons,
		Curves: curvesOf(j.fold.Times, scores)}
	if c := d.DCalibration; c != nil {
		out.DCal = &artifact.DCal{Chisq: c.Statistic, P: c.P, Counts: c.Counts}
	}
	for _, h := range d.Horizons {
		at := artifact.AtHorizon{Horizon: h.Horizon, Brier: h.Brier, AUC: h.AUC,
			ICI: h.ICI, E50: h.E50, E90: h.E90, EMax: h.EMax, Reasons: h.Reasons}
		for _, p := range h.Curve {
			at.Curve = append(at.Curve, artifact.CurvePoint(p))
		}
		out.Horizons = append(out.Horizons, at)
	}
	return out, nil
}

// curvesOf are the scores over the grid, at most artifact.MaxCurve times of it with the last
// among them; nil where there is none.
func curvesOf(times []float64, s metric.Scores) *artifact.Curves {
	if s.Brier == nil && s.AUC == nil {
		return nil
	}
	out := &artifact.Curves{}
	points := min(len(times), artifact.MaxCurve)
	for k := range points {
		j := (k+1)*len(times)/points - 1
		out.Times = append(out.Times, times[j])
		if s.Brier != nil {
			out.Brier = append(out.Brier, float32(s.Brier[j]))
		}
		if s.AUC != nil {
			out.AUC = append(out.AUC, nil)
			if v := float32(s.AUC[j]); !math.IsNaN(s.AUC[j]) {
				out.AUC[k] = &v
			}
		}
	}
	return out
}

// smoother draws calibration curves, see metric.Smoother.
func smoother(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
}

// metricConfig is the spec's way of scoring.
func (j *job) metricConfig() metric.Config {
	return metric.Config{Convention: metric.Convention(j.spec.Metrics.Convention), CIndex: j.spec.Metrics.CIndex, Tau: j.tau}
}
