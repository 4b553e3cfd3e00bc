package metric

import (
	"context"
	"errors"
	"math"

	"everfold/survival"
)

// Details are the scores of a fold beside those of [Scores]; nil where the data leave a
// value undefined. Reasons then has the reason under the value's name: cindex_harrell_se,
// cindex_ipcw_se, antolini, log_loss, dcal.
type Details struct {
	HarrellSE, UnoSE *float64 // infinitesimal-jackknife standard errors
	Antolini         *float64
	LogLoss          *float64 // integrated over the grid
	DCalibration     *DCalibration
	Horizons         []AtHorizon

	Reasons map[string]string
}

// AtHorizon are the scores at one grid time. Reasons has the names brier, auc, and
// calibration for ICI, E50, E90, EMax and Curve.
type AtHorizon struct {
	Horizon             float64
	Brier, AUC          *float64
	ICI, E50, E90, EMax *float64
	Curve               []CurvePoint // at the 5, 15, …, 95 % quantiles of the predictions

	Reasons map[string]string
}

// CurvePoint is a point of a calibration curve: probabilities of an event by the horizon.
type CurvePoint struct{ Predicted, Observed float64 }

const (
	dcalBuckets = 10 // of the paper
	curvePoints = 10
	fewTimes    = 6 // a grid of at most so many times is taken whole
)

// Describe computes the details of a fold. Horizons are the grid times themselves where
// there are at most six, else those at a quarter, a half, three quarters and the end of the
// grid.
//
// D-calibration needs S(T_i|i): curves are linear between grid points, S(0) = 1, and a row
// that outlives the grid counts as censored at its end.
//
// fit draws the calibration curves, see [Calibrate]. Errors and panics are those of
// [Evaluate], and fit's errors.
func Describe(ctx context.Context, f Fold, cfg Config, fit Smoother) (*Details, error) {
	p, err := Prepare(f, cfg)
	if err != nil {
		return nil, err
	}
	return p.Describe(ctx, fit)
}

// Describe is the function of that name; errors are a cancelled ctx's and those of fit.
func (p *Prepared) Describe(ctx context.Context, fit Smoother) (*Details, error) {
	d := &description{Prepared: p, fit: fit, out: &Details{Reasons: map[string]string{}}}
	stages := []func(context.Context) error{d.discriminate, d.logLoss, d.dcalibration, d.horizons}
	for stage, score := range stages {
		if err := survival.Check(ctx, float64(stage), float64(len(stages))); err != nil {
			return nil, err
		}
		if err := score(ctx); err != nil {
			return nil, err
		}
	}
	return d.out, nil
}

// description is one call of Describe.
type description struct {
	*Prepared
	fit Smoother
	out *Details
}

func (d *description) keep(dst **float64, name string, value float64, err error) error {
	return keep(dst, d.out.Reasons, name, value, err)
}

func (d *description) discriminate(ctx context.Context) error {
	c := d.concordances()
	if err := d.keep(&d.out.HarrellSE, "cindex_harrell_se", c.harrell.SE, c.noHarrell); err != nil {
		return err
	}
	if err := d.keep(&d.out.UnoSE, "cindex_ipcw_se", c.uno.SE, c.noUno); err != nil {
		return err
	}
	pairs, err := antoliniPairs(ctx, d.fold.Test, d.fold.Times, d.surv, d.cfg.Convention)
	if err != nil {
		return err
	}
	index, err := pairs.Index()
	return d.keep(&d.out.Antolini, "antolini", index, err)
}

func (d *description) logLoss(ctx context.Context) error {
	score, err := d.integratedLogLoss(ctx)
	return d.keep(&d.out.LogLoss, "log_loss", score, err)
}

func (d *description) integratedLogLoss(ctx context.Context) (float64, error) {
	if d.noWeights != nil {
		return 0, d.noWeights
	}
	l := &LogLoss{newWeightedLoss(d.g, d.fold.Test, d.fold.Times)}
	if err := d.eachCurve(ctx, func(row int, s []float64) { l.add(row, d.reached[row], s) }); err != nil {
		return 0, err
	}
	curve, err := l.Curve()
	if err != nil {
		return 0, err
	}
	return Integrate(d.fold.Times, curve), nil
}

func (d *description) dcalibration(context.Context) error {
	test, times := d.fold.Test, d.fold.Times
	last := len(times) - 1
	within := test
	within.Time, within.Event = make([]float64, test.Len()), make([]bool, test.Len())
	s := make([]float64, test.Len())
	for i, t := range test.Time {
		within.Time[i], within.Event[i] = min(t, times[last]), test.Event[i] && t <= times[last]
		s[i] = d.interpolate(i, min(d.reached[i], last), within.Time[i])
	}
	out, err := DCalibrate(within, s, dcalBuckets)
	if reason := reasonOf(err); reason != "" {
		d.out.Reasons["dcal"] = reason
		return nil
	}
	d.out.DCalibration = &out
	return err
}

// interpolate is row i's curve at t, between grid times number j − 1 and j: linear there,
// S(0) = 1.
func (d *description) interpolate(i, j int, t float64) float64 {
	times, s := d.fold.Times, d.fold.Surv[i*len(d.fold.Times):]
	if times[j] == t {
		return float64(s[j])
	}
	t0, s0 := 0.0, 1.0
	if j > 0 {
		t0, s0 = times[j-1], float64(s[j-1])
	}
	share := (t - t0) / (times[j] - t0)
	return s0 - float64(share*(s0-float64(s[j])))
}

// Horizons are the grid times at which [Describe] has scores.
func Horizons(times []float64) []float64 {
	var out []float64
	for _, j := range horizonsOf(len(times)) {
		out = append(out, times[j])
	}
	return out
}

// horizonsOf numbers the grid times at which there are details.
func horizonsOf(m int) []int {
	if m <= fewTimes {
		all := make([]int, m)
		for j := range all {
			all[j] = j
		}
		return all
	}
	quarter := func(k int) int { return (k*m+3)/4 - 1 } // ⌈k·m/4⌉ − 1
	return []int{quarter(1), quarter(2), quarter(3), quarter(4)}
}

func (d *description) horizons(ctx context.Context) error {
	for _, j := range horizonsOf(len(d.fold.Times)) {
		h := AtHorizon{Horizon: d.fold.Times[j], Reasons: map[string]string{}}
		brier, err := d.brierAt(ctx, j)
		if err := keep(&h.Brier, h.Reasons, "brier", brier, err); err != nil {
			return err
		}
		auc, err := d.aucAt(j)
		if err == nil && math.IsNaN(auc) {
			err = &Undefined{ReasonNoControl}
		}
		if err := keep(&h.AUC, h.Reasons, "auc", auc, err); err != nil {
			return err
		}
		if err := d.calibrate(ctx, &h, d.surv[j]); err != nil {
			return err
		}
		d.out.Horizons = append(d.out.Horizons, h)
	}
	return nil
}

func (d *description) calibrate(ctx context.Context, h *AtHorizon, s []float32) error {
	predicted := make([]float64, len(s))
	for i, v := range s {
		predicted[i] = 1 - float64(v)
	}
	c, err := Calibrate(ctx, d.fold.Test, predicted, h.Horizon, d.fit)
	var refused *survival.DataError // a weight that vanishes beside the others
	if errors.As(err, &refused) {
		err = &Undefined{ReasonNoSmoother}
	}
	if reason := reasonOf(err); reason != "" {
		h.Reasons["calibration"] = reason
		return nil
	}
	if err != nil {
		return err
	}
	h.ICI, h.E50, h.E90, h.EMax = &c.ICI, &c.E50, &c.E90, &c.EMax
	shares := make([]float64, curvePoints)
	for k := range shares {
		shares[k] = (float64(k) + 0.5) / curvePoints
	}
	at := quantiles(predicted, d.fold.Test, shares...)
	observed, err := c.Curve(ctx, at)
	if err != nil {
		return err
	}
	for k, p := range at {
		if k == 0 || p != at[k-1] {
			h.Curve = append(h.Curve, CurvePoint{p, observed[k]})
		}
	}
	return nil
}
