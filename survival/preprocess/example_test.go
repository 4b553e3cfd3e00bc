package preprocess_test

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/preprocess"
)

// A pipeline learns from the training rows and encodes any rows with those columns.
func ExampleFit() {
	x := &survival.Frame{Rows: 5, Columns: []survival.Feature{
		{Name: "age", Values: []float64{50, 60, math.NaN(), 70, 90}},
		{Name: "cell", Kind: survival.CategoricalFeature, Codes: []int32{0, 1, 1, 0, 2}, Levels: []string{"adeno", "large", "small"}},
	}}
	ctx := context.Background()
	p, err := preprocess.Fit(ctx, x, []int{0, 1, 2, 3}, preprocess.Options{Impute: "median"})
	if err != nil {
		fmt.Println(err)
		return
	}
	design, warnings, err := p.Apply(ctx, x, []int{2, 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range design.Columns {
		fmt.Println(c.Name, c.Values)
	}
	fmt.Println(warnings[0].Message)
	// Output:
	// age [60 90]
	// age_missing [1 0]
	// cell=large [1 0]
	// column "cell": 1 of 2 rows have a level that the training rows lack; they count as the reference level
}
