package boost_test

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/tree"
)

// Missing values learn a direction at every split; curves follow from Breslow's baseline.
func ExampleModel_Survival() {
	ctx := context.Background()
	x := &survival.Design{Rows: 8, Columns: []survival.Column{{Name: "dose", Values: []float64{1, 2, 3, math.NaN(), 6, 7, 8, 9}}}}
	y := survival.Outcome{Time: []float64{9, 8, 8, 6, 5, 3, 2, 1}, Event: []bool{false, true, false, true, true, true, true, true}}
	m, err := boost.Fit(ctx, x, y, boost.Options{Trees: 30, Depth: 2, Leaf: boost.Newton, Bins: tree.Exact}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	err = m.Survival(ctx, x.Take([]int{0, 3, 7}), []float64{0, 2, 5}, func(row int, s []float64) error {
		fmt.Printf("row %d: S(0), S(2), S(5) = %.2f\n", row, s)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// row 0: S(0), S(2), S(5) = [1.00 0.97 0.88]
	// row 1: S(0), S(2), S(5) = [1.00 0.90 0.59]
	// row 2: S(0), S(2), S(5) = [1.00 0.38 0.01]
}
