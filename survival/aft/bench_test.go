package aft

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/survtest"
)

// BenchmarkFit is one production fold; R's survreg takes 4.7 s for the Weibull model on such
// a table.
func BenchmarkFit(b *testing.B) {
	x, y := survtest.Production()
	for _, d := range distributions {
		b.Run(d.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fit(context.Background(), x, y, Options{Distribution: d}, survival.FitOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
