package cox

import (
	"context"
	"fmt"
	"math"
	"slices"

	"everfold/survival"
	"everfold/survival/linear"
	"everfold/survival/modelfile"
	"everfold/survival/riskset"
)

// Registered names of the model with one baseline and with one a stratum.
const (
	Type           = "cox_ph"
	TypeStratified = "cox_stratified"
)

// Version is the algorithm version of both types: raised whenever equal data may give
// another model file.
const Version = 3

// checkEvery is how many curve values are computed between two looks at the context.
const checkEvery = 1 << 20

// Model is a fitted Cox model.
type Model struct {
	stratified bool
	ties       riskset.Ties
	alpha      float64
	predictor  linear.Predictor
	strata     []int                   // ascending; {0} where not stratified
	baseline   []survival.StepFunction // H₀ of each, at predictor 0: a row at the fitted means
	grid       []float64               // stratified: the times that Risk sums over
	cumulated  []float64               // stratified: Σ_grid H₀ of each stratum
	report     survival.Report
}

var _ survival.Model = (*Model)(nil)

// Type is "cox_ph", or "cox_stratified".
func (m *Model) Type() string {
	if m.stratified {
		return TypeStratified
	}
	return Type
}

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.predictor.Names }

// Report has one coefficient a column; LogLik is the log partial likelihood without the
// penalty. With a penalty the standard errors are from the penalised information.
func (m *Model) Report() survival.Report { return m.report }

// Ties is the rule the model was fitted with.
func (m *Model) Ties() riskset.Ties { return m.ties }

// Baseline is the cumulative baseline hazard H₀ of a stratum (0 where not stratified) for a
// row at the means of the fitted columns, and those means: for a row x it is multiplied by
// e^{(x−means)β}. ok is false for a stratum without fitted rows.
func (m *Model) Baseline(stratum int) (h survival.StepFunction, means []float64, ok bool) {
	s, ok := slices.BinarySearch(m.strata, stratum)
	if !ok {
		return h, nil, false
	}
	return m.baseline[s], m.predictor.Center, true
}

// Grid is survival.FitOptions.Grid of a stratified fit, or the distinct event times of its
// rows where that was nil; nil for a model that is not stratified.
func (m *Model) Grid() []float64 { return slices.Clone(m.grid) }

// Risk writes (x − means)β, where means are those of the fitted columns: xβ but for a
// constant. Rows of different strata have no common scale of xβ: a stratified model writes
// Σ_grid −log S(t|x) = e^{(x−means)β}·Σ_grid H₀ₛ(t) over Grid, at most the largest float64;
// it needs Design.Strata (else it panics), and a stratum without fitted rows is a
// *survival.DataError.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	m.needStrata(x)
	if err := m.predictor.Eta(ctx, x, dst); err != nil || !m.stratified {
		return err
	}
	for i, e := range dst {
		s, err := m.stratum(x, i)
		if err != nil {
			return err
		}
		dst[i] = 0
		if h := m.cumulated[s]; h > 0 { // 0·Inf is no risk, not NaN
			dst[i] = min(h*math.Exp(e), math.MaxFloat64)
		}
	}
	return nil
}

// cumulate sums the baselines over the grid.
func (m *Model) cumulate() {
	m.cumulated = make([]float64, len(m.baseline))
	for s, h := range m.baseline {
		for _, t := range m.grid {
			m.cumulated[s] += h.At(t)
		}
	}
}

// stratum is the index of a row's stratum among the fitted ones.
func (m *Model) stratum(x *survival.Design, row int) (int, error) {
	if !m.stratified {
		return 0, nil
	}
	s, ok := slices.BinarySearch(m.strata, x.Strata[row])
	if !ok {
		return 0, &survival.DataError{Row: row, Column: "stratum", Problem: "was not among the fitted rows"}
	}
	return s, nil
}

func (m *Model) needStrata(x *survival.Design) {
	if m.stratified && x.Strata == nil {
		panic("cox: a stratified model needs Design.Strata")
	}
}

// Survival visits every row with S(t|x) = exp(−H₀(t)·e^{(x−means)β}). A stratified model
// needs Design.Strata (else it panics); a stratum without fitted rows is a
// *survival.DataError, one without events has S = 1.
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	m.needStrata(x)
	eta := make([]float64, x.Rows)
	if err := m.predictor.Eta(ctx, x, eta); err != nil {
		return err
	}
	hazard := make([][]float64, len(m.strata))
	for s, h := range m.baseline {
		hazard[s] = make([]float64, len(times))
		for j, t := range times {
			hazard[s][j] = h.At(t)
		}
	}
	curve := make([]float64, len(times))
	rows := checkEvery/(len(times)+1) + 1
	for i, e := range eta {
		if i%rows == 0 {
			if err := survival.Check(ctx, float64(i), float64(x.Rows)); err != nil {
				return err
			}
		}
		s, err := m.stratum(x, i)
		if err != nil {
			return err
		}
		proportional(curve, hazard[s], math.Exp(e))
		if err := visit(i, curve); err != nil {
			return err
		}
	}
	return nil
}

// proportional writes exp(−hazard·risk), never rising even where exp rounds up.
func proportional(dst, hazard []float64, risk float64) {
	last := 1.0
	for j, h := range hazard {
		if h > 0 { // 0·Inf is no hazard, not NaN
			last = min(last, math.Exp(-h*risk))
		}
		dst[j] = last
	}
}

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(m.Type(), Version)
	w.String(m.ties.String())
	w.Float(m.alpha)
	w.Strings(m.predictor.Names)
	w.Floats(m.predictor.Center)
	w.Floats(m.predictor.Beta)
	for s, number := range m.strata {
		w.Bool(true)
		w.Int(number)
		w.Step(m.baseline[s])
	}
	w.Bool(false)
	if m.stratified {
		w.Floats(m.grid)
	}
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file of type "cox_ph"; DecodeStratified one of "cox_stratified".
// Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) { return decode(data, Type) }

// DecodeStratified reads a model file of type "cox_stratified", see Decode.
func DecodeStratified(data []byte) (*Model, error) { return decode(data, TypeStratified) }

func decode(data []byte, typ string) (*Model, error) {
	r, err := modelfile.Open(data, typ, Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", typ, err)
	}
	m := &Model{stratified: typ == TypeStratified}
	if m.ties, err = riskset.ParseTies(r.String()); err != nil {
		r.Fail("the tie rule is unknown")
	}
	m.alpha = r.Float()
	m.predictor = linear.Predictor{Names: r.Strings(), Center: r.Floats(), Beta: r.Floats()}
	if !m.predictor.Valid() {
		r.Fail("the lists of columns and coefficients differ in length")
	}
	for r.Bool() {
		m.strata = append(m.strata, r.Int())
		m.baseline = append(m.baseline, r.Step())
	}
	if !slices.IsSorted(m.strata) || len(m.strata) == 0 || (!m.stratified && len(m.strata) != 1) {
		r.Fail("the strata are not those of the type")
	}
	if m.stratified {
		m.grid = r.Floats()
		m.cumulate()
	}
	m.report = r.Report()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", typ, err)
	}
	return m, nil
}
