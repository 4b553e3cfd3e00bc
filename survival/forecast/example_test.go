package forecast_test

import (
	"context"
	"fmt"

	"everfold/survival"
	"everfold/survival/forecast"
	"everfold/survival/nonparam"
)

// Of a Kaplan–Meier curve that falls by a quarter at 1, 2, 3 and 4: survival at 2, and the
// mean time within the first 3.
func ExampleForecaster_Rows() {
	ctx := context.Background()
	times := []float64{1, 2, 3, 4}
	m, err := nonparam.Fit(ctx, survival.Outcome{Time: times, Event: []bool{true, true, true, true}}, survival.FitOptions{})
	if err != nil {
		panic(err)
	}
	f := forecast.New(forecast.Options{Horizons: []float64{2}, Restriction: 3, Steps: times, Last: 4})
	err = f.Rows(ctx, m, &survival.Design{Rows: 1}, func(i int, r forecast.Row) error {
		fmt.Printf("row %d: S(2) = %.2f, mean %.2f\n", i, r.Survival[0], r.RMST)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output: row 0: S(2) = 0.50, mean 2.25
}
