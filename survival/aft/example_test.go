package aft_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/aft"
)

// A fitted distribution has curves beyond the last training time, too.
func ExampleModel_Survival() {
	ctx := context.Background()
	x := &survival.Design{Rows: 6, Columns: []survival.Column{{Name: "treated", Values: []float64{0, 0, 0, 1, 1, 1}}}}
	y := survival.Outcome{Time: []float64{1, 2, 4, 3, 6, 9}, Event: []bool{true, true, true, true, true, false}}
	m, err := aft.Fit(ctx, x, y, aft.Options{Distribution: aft.Weibull}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	err = m.Survival(ctx, x.Take([]int{0, 5}), []float64{1, 5, 12}, func(row int, s []float64) error {
		fmt.Printf("row %d: S(1), S(5), S(12) = %.3f\n", row, s)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// row 0: S(1), S(5), S(12) = [0.859 0.030 0.000]
	// row 1: S(1), S(5), S(12) = [0.983 0.667 0.108]
}
