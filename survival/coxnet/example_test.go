package coxnet_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/coxnet"
)

// From the largest penalty on, columns enter one after the other.
func ExampleFit() {
	x := &survival.Design{Rows: 12, Columns: []survival.Column{
		{Name: "age", Values: []float64{8, 7, 7, 6, 5, 5, 4, 3, 3, 2, 1, 1}},
		{Name: "dose", Values: []float64{1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1}},
		{Name: "stage", Values: []float64{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8}},
	}}
	y := survival.Outcome{
		Time:  []float64{2, 1, 4, 3, 6, 8, 5, 9, 7, 10, 12, 11},
		Event: []bool{true, true, true, true, true, true, false, true, true, false, true, true},
	}
	m, err := coxnet.Fit(context.Background(), x, y, coxnet.Options{Alphas: 5, MinRatio: 0.1, Select: coxnet.SelectLast}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	path := m.Path()
	for k, alpha := range path.Alphas {
		fmt.Printf("α %.3f:", alpha)
		for j, name := range m.Columns() {
			if b := path.Coefficients[k][j]; b != 0 {
				fmt.Printf(" %s %.2f", name, b)
			}
		}
		fmt.Println()
	}
	fmt.Println("selected:", path.Selected)
	// Output:
	// α 3.154:
	// α 1.774: age 0.23
	// α 0.997: age 0.43 stage -0.01
	// α 0.561: age 0.62 stage -0.10
	// α 0.315: age 0.80 stage -0.18
	// selected: 4
}
