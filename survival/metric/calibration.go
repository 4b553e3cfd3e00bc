package metric

import (
	"context"
	"errors"
	"fmt"
	"math"

	"everfold/survival"
)

// Smoother fits the proportional-hazards model that draws a calibration curve: cox.Fit
// with the zero options and fit options. It is an argument because metrics judge models
// and import none.
type Smoother func(ctx context.Context, x *survival.Design, y survival.Outcome) (survival.Model, error)

// Calibration is the result of [Calibrate].
type Calibration struct {
	Horizon float64
	// Observed is by row the smoothed probability of an event by the horizon among rows
	// predicted alike.
	Observed []float64
	// ICI is the weighted mean of |predicted − observed|; E50, E90 and EMax are its median,
	// 90 % quantile and maximum.
	ICI, E50, E90, EMax float64

	spline spline
	model  survival.Model
}

// Calibrate compares the predicted probabilities p_i = 1 − S(horizon|i) of an event by the
// horizon with those observed. The observed ones are smoothed: a Cox model of the test
// rows on the restricted cubic spline of log(−log(1 − p_i)) with three knots, at the 10, 50
// and 90 % quantiles, gives the probability by the horizon. Where the quantiles are not
// distinct the spline is a line. p is held within [10⁻⁷, 1 − 10⁻⁷] for the spline only.
// Follow-up beyond the horizon shapes the smoother; case weights and left truncation enter
// it as in every Cox model. Quantiles have weights as numbers of rows.
//
// *Undefined: no event by the horizon, no row observed up to it, or a smoother without
// finite fit (the predictions separate the events). A probability outside [0,1] is an
// error, as are those of fit. It panics where predicted and outcome differ in length or the
// horizon is not positive and finite.
//
// Austin, Harrell and van Klaveren (2020), Stat Med 39:2714.
func Calibrate(ctx context.Context, test survival.Outcome, predicted []float64, horizon float64, fit Smoother) (*Calibration, error) {
	if len(predicted) != test.Len() {
		panic("metric: predictions and outcome differ in length")
	}
	if !(horizon > 0) || math.IsInf(horizon, 1) {
		panic("metric: the horizon must be positive and finite")
	}
	if err := checkProbabilities(predicted); err != nil {
		return nil, err
	}
	if err := observable(test, horizon); err != nil {
		return nil, err
	}
	v := logLogRisk(predicted)
	c := &Calibration{Horizon: horizon, spline: newSpline(v, test)}
	x := c.spline.design(v)
	var err error
	c.model, err = fit(ctx, x, test)
	switch {
	case errors.Is(err, survival.ErrNotConverged) || err == nil && !c.model.Report().Converged:
		return nil, &Undefined{ReasonNoSmoother}
	case err != nil:
		return nil, fmt.Errorf("fit calibration curve: %w", err)
	}
	if c.Observed, err = c.observed(ctx, x); err != nil {
		return nil, err
	}
	c.summarise(test, predicted)
	return c, nil
}

func checkProbabilities(predicted []float64) error {
	for i, p := range predicted {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("row %d: the predicted probability is outside [0, 1]", i)
		}
	}
	return nil
}

// observable says why the probability of an event by the horizon cannot be seen.
func observable(test survival.Outcome, horizon float64) error {
	events, reached := false, false
	for i, t := range test.Time {
		events = events || test.Event[i] && t <= horizon
		reached = reached || t >= horizon
	}
	switch {
	case !events:
		return &Undefined{ReasonNoEventYet}
	case !reached:
		return &Undefined{ReasonNotReached}
	}
	return nil
}

// Curve is the calibration curve at any predicted probabilities: those observed. Outside
// the range of the rows it extrapolates. A probability outside [0,1] is an error.
func (c *Calibration) Curve(ctx context.Context, predicted []float64) ([]float64, error) {
	if err := checkProbabilities(predicted); err != nil {
		return nil, err
	}
	return c.observed(ctx, c.spline.design(logLogRisk(predicted)))
}

func (c *Calibration) observed(ctx context.Context, x *survival.Design) ([]float64, error) {
	out := make([]float64, x.Rows)
	err := c.model.Survival(ctx, x, []float64{c.Horizon}, func(row int, s []float64) error {
		out[row] = 1 - s[0]
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("calibration curve: %w", err)
	}
	return out, nil
}

func (c *Calibration) summarise(test survival.Outcome, predicted []float64) {
	away := make([]float64, len(predicted))
	sum, total := 0.0, 0.0
	for i, p := range predicted {
		away[i] = math.Abs(p - c.Observed[i])
		sum += float64(test.W(i) * away[i])
		total += test.W(i)
		c.EMax = max(c.EMax, away[i])
	}
	c.ICI = sum / total
	q := quantiles(away, test, 0.5, 0.9)
	c.E50, c.E90 = q[0], q[1]
}
