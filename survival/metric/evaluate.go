package metric

import (
	"context"
	"fmt"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/nonparam"
	"everfold/survival/riskset"
)

// The values of Config.CIndex.
const (
	CIndexIPCW    = "ipcw"
	CIndexHarrell = "harrell"
)

// Config says how a fold is scored.
type Config struct {
	Convention Convention
	CIndex     string  // which C the column cindex repeats: CIndexIPCW or CIndexHarrell
	Tau        float64 // truncation of Uno's C, > 0; +Inf: none
}

// Fold is what one fold's scores are computed from.
type Fold struct {
	Train, Test survival.Outcome
	Times       []float64 // the grid, ascending
	Risk        []float64 // by test row
	Surv        []float32 // row-major n_test × n_times: S(Times[j]|i) at i·n_times + j
}

// Scores are the metrics of one fold; nil where the data leave a value undefined. Reasons
// then has the reason under the CSV column's name: cindex, ibs, cindex_harrell,
// cindex_ipcw, auc_mean, ipa.
type Scores struct {
	CIndex, IBS, CHarrell, CIPCW, AUCMean, IPA *float64

	// The curves over the grid that IBS and AUCMean are means of; nil where there is none. AUC
	// is NaN at times without a case or without a control.
	Brier, AUC []float64

	Reasons map[string]string
}

// checkRows is how many rows are scored between two looks at the context.
const checkRows = 4096

// Evaluate scores the predictions of one fold's test rows.
//
// Errors: a risk that is not finite, a survival value outside [0,1], cancellation of ctx.
// It panics where sizes differ, times do not ascend or cfg has an unknown name.
func Evaluate(ctx context.Context, f Fold, cfg Config) (Scores, error) {
	p, err := Prepare(f, cfg)
	if err != nil {
		return Scores{}, err
	}
	return p.Evaluate(ctx)
}

// Evaluate is the function of that name; the error is that of a cancelled ctx.
func (p *Prepared) Evaluate(ctx context.Context) (Scores, error) {
	e := &evaluation{Prepared: p}
	e.scores.Reasons = map[string]string{}
	for stage, score := range []func(context.Context) error{e.discriminate, e.loss, e.areas} {
		if err := survival.Check(ctx, float64(stage), 3); err != nil {
			return Scores{}, err
		}
		if err := score(ctx); err != nil {
			return Scores{}, err
		}
	}
	return e.scores, nil
}

// checkFold panics where a caller could have known, and looks at the predictions.
func checkFold(f Fold, cfg Config) error {
	cfg.Convention.known()
	mustAscend(f.Times)
	if cfg.CIndex != CIndexIPCW && cfg.CIndex != CIndexHarrell {
		panic("metric: Config.CIndex is neither ipcw nor harrell")
	}
	if len(f.Risk) != f.Test.Len() || len(f.Surv) != f.Test.Len()*len(f.Times) {
		panic("metric: predictions, outcome and grid differ in size")
	}
	if !(cfg.Tau > 0) {
		panic("metric: Config.Tau must be positive")
	}
	return checkPredictions(f.Risk, f.Surv, len(f.Times))
}

func checkPredictions(risk []float64, surv []float32, times int) error {
	for i, r := range risk {
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return fmt.Errorf("test row %d: risk is not finite", i)
		}
	}
	for k, s := range surv {
		if !(s >= 0 && s <= 1) {
			return curveError(k/times, k%times)
		}
	}
	return nil
}

// unitWeights scales case weights by a power of two, which changes no score and rounds
// nothing, so that the largest is about 1: products of weights then neither overflow nor
// vanish, whatever their unit.
func unitWeights(y survival.Outcome) survival.Outcome {
	if len(y.Weight) == 0 {
		return y
	}
	_, exponent := math.Frexp(slices.Max(y.Weight))
	scaled := make([]float64, len(y.Weight))
	for i, w := range y.Weight {
		scaled[i] = math.Ldexp(w, -exponent)
	}
	y.Weight = scaled
	return y
}

// evaluation is one call of Evaluate.
type evaluation struct {
	*Prepared
	scores Scores
}

// record stores a value, or the reason why there is none; other errors are returned.
func (e *evaluation) record(dst **float64, column string, value float64, err error) error {
	return keep(dst, e.scores.Reasons, column, value, err)
}

// keep is record for any values and their reasons.
func keep(dst **float64, reasons map[string]string, name string, value float64, err error) error {
	if reason := reasonOf(err); reason != "" {
		reasons[name] = reason
		return nil
	}
	if err == nil {
		*dst = &value
	}
	return err
}

func (e *evaluation) discriminate(context.Context) error {
	c := e.concordances()
	if err := e.record(&e.scores.CHarrell, "cindex_harrell", c.harrell.Index, c.noHarrell); err != nil {
		return err
	}
	if err := e.record(&e.scores.CIPCW, "cindex_ipcw", c.uno.Index, c.noUno); err != nil {
		return err
	}
	chosen, column := e.scores.CIPCW, "cindex_ipcw"
	if e.cfg.CIndex == CIndexHarrell {
		chosen, column = e.scores.CHarrell, "cindex_harrell"
	}
	e.scores.CIndex = chosen
	if reason, missing := e.scores.Reasons[column]; missing {
		e.scores.Reasons["cindex"] = reason
	}
	return nil
}

// loss scores the curves and the Kaplan–Meier curve of the training rows.
func (e *evaluation) loss(ctx context.Context) error {
	scores, err := e.brierCurve(ctx)
	if err != nil {
		err = e.record(&e.scores.IBS, "ibs", 0, err)
		e.scores.Reasons["ipa"] = e.scores.Reasons["ibs"]
		return err
	}
	ibs := Integrate(e.fold.Times, scores)
	e.scores.IBS, e.scores.Brier = &ibs, scores
	null, err := e.null(ctx)
	if err != nil {
		return err
	}
	ipa, err := IPA(ibs, null)
	return e.record(&e.scores.IPA, "ipa", ipa, err)
}

// null is the integrated Brier score of the Kaplan–Meier curve. It is defined where that of
// other curves is.
func (e *evaluation) null(ctx context.Context) (float64, error) {
	km, err := e.nullCurve()
	if err != nil {
		return 0, err
	}
	alive, dead := make([]float64, len(km)), make([]float64, len(km))
	for j, s := range km {
		d := 1 - s
		alive[j], dead[j] = d*d, s*s
	}
	b := newBrier(e.g, e.fold.Test, e.fold.Times)
	for row, reached := range e.reached {
		if row%checkRows == 0 {
			if err := survival.Check(ctx, 1, 3); err != nil {
				return 0, err
			}
		}
		b.enter(row, reached, alive, dead)
	}
	scores, err := b.Curve()
	if err != nil {
		return 0, err
	}
	return Integrate(e.fold.Times, scores), nil
}

// nullCurve is the Kaplan–Meier curve of the training rows on the grid, rounded to float32
// like every stored curve, so that a Kaplan–Meier model has an IPA of exactly 0.
func (e *evaluation) nullCurve() ([]float64, error) {
	rule := e.cfg.Convention.timeRule()
	y, err := riskset.Merge(e.fold.Train, rule)
	if err != nil {
		return nil, err
	}
	s := nonparam.KaplanMeier(y)
	riskset.CurveTimes(s.Times, rule)
	out := make([]float64, len(e.fold.Times))
	for j, t := range e.fold.Times {
		out[j] = float64(float32(s.At(t)))
	}
	return out, nil
}

func (e *evaluation) areas(context.Context) error {
	mean, err := 0.0, error(nil)
	curve, err := e.aucCurve()
	if err == nil {
		e.scores.AUC = curve
		mean, err = MeanAUC(e.fold.Test, e.fold.Times, curve)
	}
	return e.record(&e.scores.AUCMean, "auc_mean", mean, err)
}
