package nonparam_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/nonparam"
)

// As a model, Kaplan–Meier is the baseline: one curve and one risk for every row.
func ExampleFit() {
	ctx := context.Background()
	y := survival.Outcome{Time: []float64{2, 2, 3, 3, 5}, Event: []bool{true, false, true, false, false}}
	m, err := nonparam.Fit(ctx, y, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	err = m.Survival(ctx, &survival.Design{Rows: 2}, []float64{1, 2, 3}, func(row int, s []float64) error {
		fmt.Printf("row %d: %.4f\n", row, s)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// row 0: [1.0000 0.8000 0.5333]
	// row 1: [1.0000 0.8000 0.5333]
}
