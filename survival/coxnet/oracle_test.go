package coxnet

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/resample"
)

type glmnetCase struct {
	Set                   string
	Ratio                 float64
	Weighted, Standardize bool
	Factors               []float64
	Largest               float64
	Alphas                []float64
	Coefficients          [][]float64
	DevRatio              []float64 `json:"dev_ratio"`
	NullDeviance          float64   `json:"null_deviance"`
}

type glmnetFolds struct {
	Set                  string
	Ratio                float64
	Weighted             bool
	Alphas, Deviance, SE []float64
}

func readGlmnet(t *testing.T) (cases []glmnetCase, folds []glmnetFolds) {
	t.Helper()
	var file struct {
		Cases []glmnetCase
		Folds []glmnetFolds
	}
	if err := oracle.ReadJSON(filepath.Join("testdata", "glmnet.json"), &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases, file.Folds
}

// load is a public data set without entry times.
func load(t *testing.T, name string, weighted bool) (*survival.Design, survival.Outcome) {
	t.Helper()
	x, y, err := oracle.Load(filepath.Join("..", ".."), name)
	if err != nil {
		t.Fatal(err)
	}
	y.Entry = nil
	if !weighted {
		y.Weight = nil
	}
	return x, y
}

// spreadOf is the population standard deviation of each column.
func spreadOf(x *survival.Design) []float64 {
	out := make([]float64, len(x.Columns))
	for j, c := range x.Columns {
		mean, square := 0.0, 0.0
		for _, v := range c.Values {
			mean += v / float64(x.Rows)
		}
		for _, v := range c.Values {
			square += (v - mean) * (v - mean) / float64(x.Rows)
		}
		out[j] = math.Sqrt(square)
	}
	return out
}

// glmnet, run to convergence at the same αs, has the same coefficients to 1e-6 standard
// deviations, the same α_max, explained share of the deviance and null deviance: lasso to
// nearly ridge, with weights, standardisation and penalty factors, 0 among them.
func TestEqualsGlmnet(t *testing.T) {
	cases, _ := readGlmnet(t)
	if len(cases) != 40 {
		t.Fatalf("%d oracle cases, want 40", len(cases))
	}
	line := oracle.Line{Subject: "Coxnet", Reference: "glmnet", Quantity: "coefficients at equal α, in standard deviations of the column", Tolerance: 1e-6}
	coefficients := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "explained share of the deviance", 1e-7
	shares := oracle.Agree(t, line)
	line.Quantity, line.Tolerance = "null deviance, relative", 1e-8
	null := oracle.Agree(t, line)
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s/%g/weighted=%v/standardize=%v/factors=%v", c.Set, c.Ratio, c.Weighted, c.Standardize, c.Factors), func(t *testing.T) {
			x, y := load(t, c.Set, c.Weighted)
			opt := Options{L1Ratio: c.Ratio, Path: c.Alphas, PenaltyFactor: c.Factors, Standardize: c.Standardize, Select: SelectLast}
			m, err := Fit(context.Background(), x, y, opt, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			path, sd := m.Path(), spreadOf(x)
			for a := range c.Alphas {
				for j, want := range c.Coefficients[a] {
					coefficients.Near(fmt.Sprintf("%s β of %s at α %d", t.Name(), x.Columns[j].Name, a), path.Coefficients[a][j]*sd[j], want*sd[j], 1)
				}
				shares.Near(fmt.Sprintf("%s α %d", t.Name(), a), path.DevRatio[a], c.DevRatio[a], 1)
			}
			opt.Path = nil
			m, err = Fit(context.Background(), x, y, opt, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			within(t, "α_max", m.Path().Alphas[0], c.Largest, 1e-6*c.Largest)
			null.Near("null deviance", 2*(newLikelihood(y, 1).saturated-m.Report().LogLik[0]), c.NullDeviance, c.NullDeviance)
		})
	}
}

// The cross-validated deviance and its standard error are those of glmnet's coefficients and
// the partial likelihood by its formula in R, on the same folds.
func TestEqualsCrossValidatedGlmnet(t *testing.T) {
	_, all := readGlmnet(t)
	if len(all) != 10 {
		t.Fatalf("%d oracle cases, want 10", len(all))
	}
	a := oracle.Agree(t, oracle.Line{Subject: "Coxnet, cross-validation", Reference: "glmnet on the same folds, formula in R", Quantity: "deviance and its standard error", Tolerance: 1e-5})
	for _, c := range all {
		t.Run(fmt.Sprintf("%s/weighted=%v", c.Set, c.Weighted), func(t *testing.T) {
			x, y := load(t, c.Set, c.Weighted)
			opt := Options{L1Ratio: c.Ratio, Path: c.Alphas}
			f, err := fitPath(context.Background(), x, y, opt.withDefaults(x, y), 1)
			if err != nil {
				t.Fatal(err)
			}
			folds := make([]resample.Fold, 5)
			for i := range y.Time {
				for k := range folds {
					if i%5 == k {
						folds[k].Test = append(folds[k].Test, i)
					} else {
						folds[k].Train = append(folds[k].Train, i)
					}
				}
			}
			v := validation{x: x, y: y, opt: opt.withDefaults(x, y)}
			if _, err := f.validateOn(context.Background(), v, folds); err != nil {
				t.Fatal(err)
			}
			a.NearAll(t.Name()+" deviance", f.Deviance, c.Deviance)
			a.NearAll(t.Name()+" standard error", f.DevianceSE, c.SE)
		})
	}
}

func within(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.15g, want %.15g within %.1g", what, got, want, tol)
	}
}
