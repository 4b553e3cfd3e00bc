package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"everfold/bench/fold"
)

// growthLine is the time of one model over growing tables.
type growthLine struct {
	Name       string    `json:"name"`
	Continuous bool      `json:"continuous"` // times almost all distinct
	Rows       []int     `json:"rows_fitted"`
	Seconds    []float64 `json:"seconds"` // medians
	Exponent   float64   `json:"exponent"`
	Target     float64   `json:"target"`
}

// growth fits everfold on growing tables, with whole days and with continuous times.
func (l *lab) growth(ctx context.Context, o options) ([]growthLine, error) {
	var lines []growthLine
	for _, continuous := range []bool{false, true} {
		for _, g := range growths() {
			if !o.only.MatchString("growth " + g.name) {
				continue
			}
			line := growthLine{Name: g.name, Continuous: continuous, Target: g.target}
			for _, rows := range sizes(o.quick) {
				folder, err := l.fold(ctx, fold.Options{Rows: rows, Continuous: continuous})
				if err != nil {
					return nil, err
				}
				seconds, err := l.repeat(ctx, l.ours(folder, g.model, g.settings))
				if err != nil {
					return nil, fmt.Errorf("growth %s, %d rows: %w", g.name, rows, err)
				}
				line.Rows, line.Seconds = append(line.Rows, rows*4/5), append(line.Seconds, seconds)
			}
			line.Exponent = exponent(line.Rows, line.Seconds)
			lines = append(lines, line)
			fmt.Fprintf(os.Stderr, "growth %s, continuous %t: %.3g s, exponent %.2f\n", g.name, continuous, line.Seconds, line.Exponent)
		}
	}
	return lines, nil
}

// repeat is the median time of a command.
func (l *lab) repeat(ctx context.Context, c command) (float64, error) {
	out, err := os.MkdirTemp(l.dir, "out-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(out)
	var seconds []float64
	for range l.runs {
		a, _, err := l.execute(ctx, c, out)
		if err != nil {
			return 0, err
		}
		seconds = append(seconds, a.Seconds)
	}
	return median(seconds), nil
}

// exponent is b of seconds = a·rowsᵇ, by least squares of the logarithms. It panics where there
// are fewer than two different sizes.
func exponent(rows []int, seconds []float64) float64 {
	n := float64(len(rows))
	var mx, my float64
	for i := range rows {
		mx, my = mx+math.Log(float64(rows[i]))/n, my+math.Log(seconds[i])/n
	}
	var xy, xx float64
	for i := range rows {
		x := math.Log(float64(rows[i])) - mx
		xy, xx = xy+x*(math.Log(seconds[i])-my), xx+x*x
	}
	if xx == 0 {
		panic("versus: exponent needs two different sizes")
	}
	return xy / xx
}

// median of at least one value; of an even number the mean of the two in the middle.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
