package stack_test

import (
	"context"
	"testing"

	"everfold/survival"
	"everfold/survival/boost"
	"everfold/survival/cox"
	"everfold/survival/stack"
	"everfold/survival/survtest"
)

// The size of one training fold in production, on a grid of 50 times.
func BenchmarkFitProduction(b *testing.B) {
	x, y := survtest.Production()
	opt := survival.FitOptions{Seed: 1, Threads: 1}
	for j := range 50 {
		opt.Grid = append(opt.Grid, float64(60*(j+1)))
	}
	of := []stack.Base{coxBase("cox", cox.Options{}), boostBase("gbsa", boost.Options{Trees: 10})}
	for b.Loop() {
		if _, err := stack.Fit(context.Background(), x, y, stack.Options{Of: of}, opt); err != nil {
			b.Fatal(err)
		}
	}
}
