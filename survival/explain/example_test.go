package explain_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/explain"
	"everfold/survival/metric"
	"everfold/survival/preprocess"
	"everfold/survival/resample"
)

// study is exponential times with a hazard of e^dose; the site tells nothing.
func study(n int) (*survival.Frame, survival.Outcome) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := &survival.Frame{Rows: n, Columns: []survival.Feature{
		{Name: "dose", Values: make([]float64, n)},
		{Name: "site", Kind: survival.CategoricalFeature, Codes: make([]int32, n), Levels: []string{"a", "b"}},
	}}
	y := survival.Outcome{Time: make([]float64, n), Event: make([]bool, n)}
	for i := range n {
		dose := rng.NormFloat64()
		x.Columns[0].Values[i], x.Columns[1].Codes[i] = dose, int32(rng.IntN(2))
		y.Time[i], y.Event[i] = rng.ExpFloat64()*math.Exp(-dose), true
	}
	return x, y
}

// A whole pipeline is explained: the frame's columns are permuted, then encoded and
// predicted.
func Example() {
	ctx := context.Background()
	x, y := study(2000)
	train, test := make([]int, 1000), make([]int, 1000)
	for i := range train {
		train[i], test[i] = i, 1000+i
	}
	pipeline, err := preprocess.Fit(ctx, x, train, preprocess.Options{})
	if err != nil {
		panic(err)
	}
	design, _, err := pipeline.Apply(ctx, x, train)
	if err != nil {
		panic(err)
	}
	model, err := cox.Fit(ctx, design, y.Take(train), cox.Options{}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}

	rows := make([]int, len(test))
	for i := range rows {
		rows[i] = i
	}
	loss := func(ctx context.Context, x *survival.Frame) ([]float64, error) {
		design, _, err := pipeline.Apply(ctx, x, rows)
		if err != nil {
			return nil, err
		}
		risk := make([]float64, x.Rows)
		if err := model.Risk(ctx, design, risk); err != nil {
			return nil, err
		}
		c, err := metric.Harrell(y.Take(test), risk, metric.RiskRegression).Index()
		return []float64{1 - c}, err
	}
	importance, err := explain.Permute(ctx, x.Take(test), loss, explain.Permutation{Repeats: 5,
		Draw: func(column string, repeat int, rows []int) {
			rng := resample.Source(42, "permute/"+column, uint64(repeat))
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}})
	fmt.Printf("without %s C falls by %.2f\n", importance[0].Column, importance[0].Rise[0])
	fmt.Printf("without %s by more than .01: %t, %v\n", importance[1].Column, importance[1].Rise[0] > 0.01, err)
	// Output:
	// without dose C falls by 0.23
	// without site by more than .01: false, <nil>
}
