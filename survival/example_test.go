package survival_test

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/resample"
)

// trial is 400 rows of a Weibull model in which age and treatment act, with gaps in age and
// random censoring. resample gives the same numbers on every machine.
func trial() (*survival.Frame, survival.Outcome) {
	const rows = 400
	rng := resample.Source(7, "trial")
	x := &survival.Frame{Rows: rows, Columns: []survival.Feature{
		{Name: "age", Values: make([]float64, rows)},
		{Name: "arm", Kind: survival.CategoricalFeature, Codes: make([]int32, rows), Levels: []string{"control", "treated"}},
	}}
	y := survival.Outcome{Time: make([]float64, rows), Event: make([]bool, rows)}
	for i := range rows {
		age, arm := 40+40*rng.Float64(), int32(rng.IntN(2))
		hazard := math.Exp(0.06*(age-60) - 0.8*float64(arm))
		failure, censored := 10*math.Sqrt(-math.Log(rng.Float64())/hazard), 20*rng.Float64()
		y.Time[i], y.Event[i] = min(failure, censored), failure <= censored
		x.Columns[0].Values[i], x.Columns[1].Codes[i] = age, arm
		if rng.IntN(20) == 0 {
			x.Columns[0].Values[i] = math.NaN()
		}
	}
	return x, y
}

// The library from end to end: split, preprocess, fit, predict, score. Everything that is
// learned, censoring weights included, is learned from the training rows.
func Example() {
	ctx := context.Background()
	x, y := trial()
	folds, err := resample.KFold(resample.KFoldOptions{K: 4, Repeats: 1, Seed: 1, Stratify: true}, y.Event, nil)
	if err != nil {
		panic(err)
	}
	fold := folds[0]
	pipeline, err := preprocess.Fit(ctx, x, fold.Train, preprocess.Options{Impute: "median"})
	if err != nil {
		panic(err)
	}
	design := func(rows []int) *survival.Design {
		d, _, err := pipeline.Apply(ctx, x, rows)
		if err != nil {
			panic(err)
		}
		return d
	}

	train, test := y.Take(fold.Train), y.Take(fold.Test)
	model, err := cox.Fit(ctx, design(fold.Train), train, cox.Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	for _, c := range model.Report().Coefficients {
		fmt.Printf("%-11s %+.3f ± %.3f\n", c.Column, c.Value, c.SE)
	}

	unseen := design(fold.Test)
	risk := make([]float64, unseen.Rows)
	if err := model.Risk(ctx, unseen, risk); err != nil {
		panic(err)
	}
	times := []float64{2, 4, 6, 8, 10, 12}
	brier, err := metric.NewBrier(train, test, times, metric.RiskRegression)
	if err != nil {
		panic(err)
	}
	if err := model.Survival(ctx, unseen, times, brier.Add); err != nil { // row by row, none is kept
		panic(err)
	}
	curve, err := brier.Curve()
	if err != nil {
		panic(err)
	}
	uno, err := metric.Uno(train, test, risk, 12, metric.RiskRegression)
	if err != nil {
		panic(err)
	}
	c, err := uno.Index()
	if err != nil {
		panic(err)
	}
	fmt.Printf("C = %.3f, IBS = %.3f\n", c, metric.Integrate(times, curve))
	// Output:
	// age         +0.050 ± 0.009
	// age_missing -0.006 ± 0.422
	// arm=treated -0.754 ± 0.185
	// C = 0.664, IBS = 0.140
}

// A model file holds all that prediction needs; equal models have equal bytes.
func ExampleModel() {
	ctx := context.Background()
	x := &survival.Design{Rows: 6, Columns: []survival.Column{{Name: "x", Values: []float64{1, 2, 0, 1, 0, 2}}}}
	y := survival.Outcome{Time: []float64{2, 3, 3, 5, 6, 7}, Event: []bool{true, true, true, false, true, false}}
	fitted, err := cox.Fit(ctx, x, y, cox.Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	file, err := fitted.MarshalBinary()
	if err != nil {
		panic(err)
	}
	model, err := cox.Decode(file)
	if err != nil {
		panic(err)
	}
	err = model.Survival(ctx, x.Take([]int{0}), []float64{1, 3, 6}, func(_ int, s []float64) error {
		fmt.Printf("%.4f\n", s)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// [1.0000 0.5521 0.3431]
}
