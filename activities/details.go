package activities

import (
	"context"
	"fmt"

	"everfold/artifact"
	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/metric"
)

// details computes the scores of stored predictions beside those of the leaderboard.
func (j *job) details(ctx context.Context, risk []float64, surv []float32) (*artifact.Details, error) {
	d, err := metric.Describe(ctx, j.scored(risk, surv), j.metricConfig(), smoother)
	if err != nil {
		return nil, fmt.Errorf("score details: %w", err)
	}
	out := &artifact.Details{HarrellSE: d.HarrellSE, IPCWSE: d.UnoSE, Antolini: d.Antolini, LogLoss: d.LogLoss, Reasons: d.Reasons}
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

// smoother draws calibration curves, see metric.Smoother.
func smoother(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error) {
	return cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
}

// metricConfig is the spec's way of scoring.
func (j *job) metricConfig() metric.Config {
	return metric.Config{Convention: metric.Convention(j.spec.Metrics.Convention), CIndex: j.spec.Metrics.CIndex, Tau: j.tau}
}
