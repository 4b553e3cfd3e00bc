package coxnet

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"everfold/survival"
	"everfold/survival/oracle"
	"everfold/survival/riskset"
)

type sksurvFile struct {
	Cases []struct {
		Set          string
		Ratio        float64
		Factors      []float64
		Length       int
		At           []int
		Alphas       []float64
		Coefficients [][]float64
		DevRatio     []float64 `json:"dev_ratio"`
	}
	Tied []struct {
		Set    string
		Width  float64
		Length int
	}
}

func readSksurv(t *testing.T) sksurvFile {
	t.Helper()
	var file sksurvFile
	if err := oracle.ReadJSON(filepath.Join("testdata", "sksurv.json"), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 20 || len(file.Tied) != 3 {
		t.Fatalf("%d and %d oracle cases, want 20 and 3", len(file.Cases), len(file.Tied))
	}
	return file
}

// On times without ties scikit-survival's path is ours: the same αs, the same coefficients
// to 1e-6 standard deviations, the same explained shares, and it ends at the same α.
func TestEqualsScikitSurvival(t *testing.T) {
	agree := oracle.Agree(t, oracle.Line{Subject: "Coxnet", Reference: "scikit-survival", Quantity: "coefficients of its own path, in standard deviations", Tolerance: 1e-6})
	for _, c := range readSksurv(t).Cases {
		t.Run(fmt.Sprintf("%s/%g/factors=%v", c.Set, c.Ratio, c.Factors), func(t *testing.T) {
			x, y := load(t, c.Set, false)
			for rank, i := range riskset.Ascending(slices.Clone(y.Time)) {
				y.Time[i] = float64(rank + 1)
			}
			m, err := Fit(context.Background(), x, y, Options{L1Ratio: c.Ratio, PenaltyFactor: c.Factors, Select: SelectLast}, survival.FitOptions{})
			if err != nil {
				t.Fatal(err)
			}
			path, sd := m.Path(), spreadOf(x)
			if len(path.Alphas) != c.Length {
				t.Fatalf("the path has %d αs, want %d", len(path.Alphas), c.Length)
			}
			for k, a := range c.At {
				within(t, fmt.Sprintf("α %d", a), path.Alphas[a], c.Alphas[k], 1e-10*c.Alphas[k])
				within(t, fmt.Sprintf("explained share at α %d", a), path.DevRatio[a], c.DevRatio[k], 1e-7)
				for j, want := range c.Coefficients[k] {
					agree.Near(fmt.Sprintf("%s β of %s at α %d", t.Name(), x.Columns[j].Name, a), path.Coefficients[a][j]*sd[j], want*sd[j], 1)
				}
			}
		})
	}
}

// With ties scikit-survival's path ends after six αs, because its null deviance takes each
// event's risk set without the tied rows before it. Ours goes on: with the null deviance of
// that formula it would end, too.
func TestTiesDoNotEndThePath(t *testing.T) {
	for _, c := range readSksurv(t).Tied {
		x, y := load(t, c.Set, false)
		for i, v := range y.Time {
			y.Time[i] = math.Ceil(v / c.Width)
		}
		m, err := Fit(context.Background(), x, y, Options{Select: SelectLast}, survival.FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		path := m.Path()
		if c.Length != 6 || len(path.Alphas) < 50 {
			t.Errorf("%s: scikit-survival has %d αs, ours %d", c.Set, c.Length, len(path.Alphas))
		}
		wrong := nullWithoutTies(y)
		if right := m.Report().LogLik[0]; !(wrong-right > 1) {
			t.Errorf("%s: ℓ₀ is %g, without ties %g: no difference to see", c.Set, right, wrong)
		}
		var ratios []float64
		for _, loglik := range path.LogLik {
			if ratios = append(ratios, 1-loglik/wrong); stops(ratios) {
				break
			}
		}
		if len(ratios) > 10 {
			t.Errorf("%s: with the defective null deviance the path has %d αs", c.Set, len(ratios))
		}
	}
}

// nullWithoutTies is ℓ at β = 0 by the defective formula: with the rows sorted by time, the
// risk set of row i begins at row i itself.
func nullWithoutTies(y survival.Outcome) float64 {
	sum := 0.0
	for rank, i := range riskset.New(y, nil).Rows {
		if y.Event[i] {
			sum -= math.Log(float64(y.Len() - rank))
		}
	}
	return sum
}
