package cox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"everfold/survival"
)

func ExampleFit_stratified() {
	x, y := worked()
	x.Strata = []int{0, 1, 1, 0, 0, 1} // such as two hospitals
	m, err := Fit(context.Background(), x, y, Options{Stratified: true}, survival.FitOptions{Grid: []float64{3, 6}})
	if err != nil {
		panic(err)
	}
	risk := make([]float64, 6)
	if err := m.Risk(context.Background(), x, risk); err != nil {
		panic(err)
	}
	fmt.Printf("β = %.4f, risks %.4f (x = 1, hospital 0), %.4f (x = 2, hospital 1)\n", m.Report().Coefficients[0].Value, risk[0], risk[1])
	// Output: β = -0.2481, risks 1.3897 (x = 1, hospital 0), 1.4107 (x = 2, hospital 1)
}

// The risk of a stratified model is Σ_grid −log S of its own curves, over the grid of the
// fit or, without one, over the distinct event times; it survives the model file.
func TestStratifiedRisk(t *testing.T) {
	x, y := simulated(60)
	events := []float64{}
	for i, at := range y.Time {
		if y.Event[i] {
			events = append(events, at)
		}
	}
	slices.Sort(events)
	for name, grid := range map[string][]float64{"given": {0.1, 1, 2, 4, 50}, "events": nil, "empty": {}} {
		m, err := Fit(context.Background(), x, y, Options{Stratified: true}, survival.FitOptions{Grid: grid})
		if err != nil {
			t.Fatal(err)
		}
		if grid == nil {
			grid = slices.Compact(events)
		}
		if !slices.Equal(m.Grid(), grid) {
			t.Errorf("%s: grid %v, want %v", name, m.Grid(), grid)
		}
		file, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeStratified(file)
		if err != nil {
			t.Fatal(err)
		}
		risk, again := make([]float64, 60), make([]float64, 60)
		for m, dst := range map[*Model][]float64{m: risk, back: again} {
			if err := m.Risk(context.Background(), x, dst); err != nil {
				t.Fatal(err)
			}
		}
		for i, s := range curvesAt(t, m, x, grid) {
			want := 0.0
			for _, v := range s {
				want -= math.Log(v)
			}
			within(t, name+" risk", risk[i], want, 1e-12*(1+want))
			if again[i] != risk[i] {
				t.Errorf("%s: row %d has risk %g, decoded %g", name, i, risk[i], again[i])
			}
		}
	}
}

// Far outside of the fitted rows a stratified risk stays finite, and 0 in a stratum without
// events.
func TestStratifiedRiskIsFinite(t *testing.T) {
	x := design(column("x", 1, 3, 0, 2, 0, 2))
	x.Strata = []int{0, 0, 0, 0, 1, 1}
	y := survival.Outcome{Time: []float64{2, 3, 3, 5, 6, 7}, Event: []bool{true, true, true, true, false, false}}
	m := mustFit(t, x, y, Options{Stratified: true})
	far := design(column("x", 1e300, -1e300, 1e300))
	far.Strata = []int{0, 0, 1}
	risk := make([]float64, 3)
	if err := m.Risk(context.Background(), far, risk); err != nil {
		t.Fatal(err)
	}
	slices.Sort(risk[:2])
	if risk[0] != 0 || risk[1] != math.MaxFloat64 || risk[2] != 0 {
		t.Errorf("risks %v", risk)
	}
}
