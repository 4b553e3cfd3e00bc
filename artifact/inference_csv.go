package artifact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"everfold/store"
)

var (
	phHeader           = []string{"model", "fold", "term", "transform", "chisq", "df", "p"}
	modelTestsHeader   = []string{"model", "fold", "test", "chisq", "df", "p"}
	coefficientsHeader = []string{"model", "fold", "term", "column", "estimate", "se", "robust_se", "lo", "hi",
		"ratio", "ratio_lo", "ratio_hi", "z", "p", "scaled_estimate", "scaled_se"}
)

func (m *Manifest) cells(rest ...string) []string {
	return append([]string{m.Model, strconv.Itoa(m.Fold)}, rest...)
}

// finalCell stands in the column fold of a final model.
const finalCell = "final"

func phRows(model, fold string, tests []PHTest) [][]string {
	var rows [][]string
	for _, t := range tests {
		rows = append(rows, []string{model, fold, t.Term, t.Transform, optional(t.Chisq), strconv.Itoa(t.DF), optional(t.P)})
	}
	return rows
}

// PublishPHTests brings ph_tests.csv in line with the manifests and the final models in
// place. Calls may race: the last one written has seen every model.json that was there.
// cache may be nil.
func PublishPHTests(ctx context.Context, s store.Store, run *Run, cache *Cache) error {
	manifests, err := CompleteFolds(ctx, s, run, cache)
	if err == nil {
		err = writePHTests(ctx, s, run, manifests)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", PHTestsKey, err)
	}
	return nil
}

// writePHTests has the rows of the folds, then those of final models in the order of the
// spec. A final model whose model.json does not verify, or is of other inputs, has none.
func writePHTests(ctx context.Context, s store.Store, run *Run, manifests []*Manifest) error {
	return writeTable(ctx, s, PHTestsKey, phHeader, func() ([][]string, error) {
		var rows [][]string
		for _, m := range manifests {
			rows = append(rows, phRows(m.Model, strconv.Itoa(m.Fold), m.PHTests)...)
		}
		for _, m := range run.Spec.AllModels() {
			in, err := run.FinalInputs(m.Name)
			if err != nil {
				return nil, err
			}
			info := &ModelInfo{}
			_, err = readSealed(ctx, s, ModelInfoKey(m.Name), info)
			switch {
			case errors.Is(err, store.ErrNotFound), errors.Is(err, ErrDamaged):
			case err != nil:
				return nil, err
			case info.check(m.Name) == nil && info.Fingerprint == in.Fingerprint():
				rows = append(rows, phRows(m.Name, finalCell, info.PHTests)...)
			}
		}
		return rows, nil
	})
}

func modelTestRows(m *Manifest) [][]string {
	var rows [][]string
	for _, t := range m.ModelTests {
		rows = append(rows, m.cells(t.Test, number(t.Chisq), strconv.Itoa(t.DF), optional(t.P)))
	}
	return rows
}

// coefficientRows add to each coefficient b what follows from it and its standard error,
// the robust one where there is one: the 95 % interval b ± 1.96·SE, e^b (a hazard ratio; of
// an accelerated failure time model a ratio of times), z = b/SE and the two-sided p.
func coefficientRows(m *Manifest) [][]string {
	var rows [][]string
	for _, c := range m.Coefficients {
		se := c.SE
		if c.RobustSE != nil {
			se = c.RobustSE
		}
		lo, hi, z, p := inference(c.Estimate, se)
		rows = append(rows, m.cells(c.Term, c.Column, number(c.Estimate), optional(c.SE), optional(c.RobustSE),
			optional(lo), optional(hi), exponential(&c.Estimate), exponential(lo), exponential(hi), optional(z), optional(p),
			number(c.Scaled), optional(c.ScaledSE)))
	}
	return rows
}

// inference is the interval of an estimate, its z and p; nil without a standard error.
func inference(estimate float64, se *float64) (lo, hi, z, p *float64) {
	if se == nil || !(*se > 0) {
		return nil, nil, nil, nil
	}
	half := distuv.UnitNormal.Quantile((1+confidence)/2) * *se
	low, high, ratio := estimate-half, estimate+half, estimate / *se
	tail := math.Erfc(math.Abs(ratio) / math.Sqrt2)
	return &low, &high, &ratio, &tail
}

// exponential is the cell of e^v, empty where v is, or where it leaves float64.
func exponential(v *float64) string {
	if v == nil || math.IsInf(math.Exp(*v), 1) {
		return ""
	}
	return number(math.Exp(*v))
}
