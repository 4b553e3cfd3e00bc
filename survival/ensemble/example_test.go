package ensemble_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/forest"
)

// Every forest is an ensemble.Model: its risk is the cumulative hazard summed over the
// distinct event times of its training rows.
func ExampleModel_Risk() {
	ctx := context.Background()
	x := &survival.Design{Rows: 6, Columns: []survival.Column{{Name: "age", Values: []float64{40, 45, 50, 60, 65, 70}}}}
	y := survival.Outcome{Time: []float64{9, 8, 7, 3, 2, 1}, Event: []bool{true, true, true, true, true, true}}
	m, err := forest.Fit(ctx, x, y, forest.Options{Trees: 1, Depth: 1, MinLeaf: 3, MinSplit: 6, NoBootstrap: true}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	risk := make([]float64, x.Rows)
	if err := m.Risk(ctx, x, risk); err != nil {
		panic(err)
	}
	fmt.Printf("%.3f\n", risk)
	// Output: [3.000 3.000 3.000 8.500 8.500 8.500]
}
