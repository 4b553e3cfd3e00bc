package cox

import (
	"context"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"everfold/survival/linear"
)

// Test is a χ² test.
type Test struct {
	Statistic float64
	DF        int     // 0: there is nothing to test; the rest is 0 then, and P 1
	P         float64 // the probability of a larger statistic under the hypothesis
}

func newTest(statistic float64, df int) Test {
	if df == 0 {
		return Test{P: 1}
	}
	return Test{Statistic: statistic, DF: df, P: upperTail(statistic, df)}
}

// upperTail is P(χ²_df > statistic).
func upperTail(statistic float64, df int) float64 {
	return distuv.ChiSquared{K: float64(df)}.Survival(max(0, statistic))
}

// Robust is the grouped sandwich (infinitesimal jackknife) covariance of the coefficients,
// P×P, row-major: Σ_g D_g D_gᵀ over groups g, D_g the sum of DFBeta over the group's rows
// (Lin and Wei 1989, JASA 84:1074). groups is nil, every row being its own group, or has one
// label a row; its length must be that of the outcome, else it panics. No small-sample
// factor is applied. Rows and columns of held columns are NaN.
func (d *Diagnostics) Robust(groups []int) []float64 {
	return crossProducts(d.collapse(d.DFBeta(), groups))
}

// crossProducts are Σ_g v_ig·v_jg of the columns v, P×P.
func crossProducts(columns [][]float64) []float64 {
	p := len(columns)
	out := make([]float64, p*p)
	for i := range p {
		for j := i; j < p; j++ {
			sum := 0.0
			for g, v := range columns[i] {
				sum += float64(v * columns[j][g])
			}
			out[i*p+j], out[j*p+i] = sum, sum
		}
	}
	return out
}

// collapse sums rows of one label, labels in order of first appearance; with groups nil it
// leaves the rows as they are.
func (d *Diagnostics) collapse(columns [][]float64, groups []int) [][]float64 {
	if groups == nil {
		return columns
	}
	if len(groups) != d.l.Matrix.N {
		panic("cox: groups and outcome differ in length")
	}
	at := make(map[int]int)
	for _, g := range groups {
		if _, ok := at[g]; !ok {
			at[g] = len(at)
		}
	}
	out := make([][]float64, len(columns))
	for j, column := range columns {
		out[j] = make([]float64, len(at))
		for i, v := range column {
			out[j][at[groups[i]]] += v
		}
	}
	return out
}

// Wald tests β = 0 by βᵀV⁻¹β with V the model-based covariance.
func (d *Diagnostics) Wald() Test { return d.wald(d.Covariance()) }

// RobustWald is Wald with the covariance of Robust.
func (d *Diagnostics) RobustWald(groups []int) Test { return d.wald(d.Robust(groups)) }

func (d *Diagnostics) wald(covariance []float64) Test {
	p := d.l.Matrix.P
	// In units of the model-based standard errors, so that no scale of a column matters.
	scaled, z := make([]float64, p*p), make([]float64, p)
	for _, i := range d.active {
		z[i] = d.model.predictor.Beta[i] / d.standardError(i)
		for _, j := range d.active {
			scaled[i*p+j] = covariance[i*p+j] / d.standardError(i) / d.standardError(j)
		}
	}
	statistic, ok := linear.Quadratic(scaled, p, d.active, z)
	if !ok {
		return newTest(0, 0) // fewer groups than coefficients: no covariance to test with
	}
	return newTest(statistic, len(d.active))
}

func (d *Diagnostics) standardError(j int) float64 {
	return math.Sqrt(d.covariance[j*d.l.Matrix.P+j]) / d.l.Matrix.Scale[j]
}

// ScoreTest tests β = 0 by UᵀI⁻¹U with score and information there: for one dummy
// column the log-rank test (with Efron's rule and ties, Efron's variant of it). It panics for a
// penalised model.
func (d *Diagnostics) ScoreTest() Test {
	d.refusePenalty()
	statistic, ok := linear.Quadratic(d.null, d.l.Matrix.P, d.active, d.score)
	if !ok {
		return newTest(0, 0)
	}
	return newTest(statistic, len(d.active))
}

// RobustScoreTest is ScoreTest with the empirical variance of the score: UᵀB⁻¹U, where
// B = Σ_g U_g U_gᵀ sums the weighted score residuals at β = 0 over groups, see Robust (Lin and
// Wei 1989). It evaluates the likelihood there anew; the error is the context's. It panics for
// a penalised model.
func (d *Diagnostics) RobustScoreTest(ctx context.Context, groups []int) (Test, error) {
	d.refusePenalty()
	p := d.l.Matrix.P
	l, err := NewLikelihood(d.x, d.y, Options{Ties: d.model.ties, Stratified: d.model.stratified, Offset: d.offset})
	if err != nil {
		return Test{}, err
	}
	l.Threads = d.l.Threads
	null := *d.model
	null.predictor.Beta = make([]float64, p)
	at := &Diagnostics{x: d.x, y: d.y, model: &null, l: l, active: d.active}
	if err := at.evaluate(ctx); err != nil {
		return Test{}, err
	}
	residuals := at.standardisedScore()
	for j, column := range residuals {
		for position := range column {
			column[position] *= l.caseWeight(position)
		}
		residuals[j] = at.byRow(column)
	}
	statistic, ok := linear.Quadratic(crossProducts(d.collapse(residuals, groups)), p, d.active, d.score)
	if !ok {
		return newTest(0, 0), nil // fewer groups than coefficients
	}
	return newTest(statistic, len(d.active)), nil
}

// LikelihoodRatio tests β = 0 by twice the gain in log-likelihood. It panics for a
// penalised model.
func (d *Diagnostics) LikelihoodRatio() Test {
	d.refusePenalty()
	ll := d.model.report.LogLik
	return newTest(2*(ll[1]-ll[0]), len(d.active))
}

func (d *Diagnostics) refusePenalty() {
	if d.model.alpha > 0 {
		panic("cox: this test is for models without a penalty")
	}
}
