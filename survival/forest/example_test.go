package forest_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/forest"
)

// The forest's curve is the mean of its trees' Kaplan–Meier curves: the same numbers for a
// seed, whatever the number of threads.
func ExampleModel_Survival() {
	ctx := context.Background()
	x := &survival.Design{Rows: 8, Columns: []survival.Column{{Name: "age", Values: []float64{40, 45, 50, 55, 60, 65, 70, 75}}}}
	y := survival.Outcome{Time: []float64{9, 8, 8, 6, 5, 3, 2, 1}, Event: []bool{false, true, false, true, true, true, true, true}}
	m, err := forest.Fit(ctx, x, y, forest.Options{Trees: 200, MinLeaf: 2, MinSplit: 4}, survival.FitOptions{Seed: 1, Threads: 2})
	if err != nil {
		panic(err)
	}
	err = m.Survival(ctx, x.Take([]int{0, 7}), []float64{0, 2, 5}, func(row int, s []float64) error {
		fmt.Printf("row %d: S(0), S(2), S(5) = %.2f\n", row, s)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// row 0: S(0), S(2), S(5) = [1.00 1.00 0.90]
	// row 1: S(0), S(2), S(5) = [1.00 0.37 0.06]
}
