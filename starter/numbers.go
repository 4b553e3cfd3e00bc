package main

import (
	"fmt"
	"strconv"
	"time"
)

// score shows a metric with four digits; undefined is a dash.
func score(v *float64) string {
	if v == nil {
		return "–"
	}
	return strconv.FormatFloat(*v, 'f', 4, 64)
}

// scoreWithSpread shows mean ± standard deviation; one value has no deviation.
func scoreWithSpread(mean, deviation *float64) string {
	if mean == nil || deviation == nil {
		return score(mean)
	}
	return score(mean) + " ± " + score(deviation)
}

// seconds shows a duration that was measured, with three digits at most.
func seconds(s float64) string {
	switch {
	case s > 0 && s < 0.0005:
		return "< 1 ms"
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1000)
	case s < 60:
		return strconv.FormatFloat(s, 'g', 3, 64) + " s"
	}
	return rough(time.Duration(s * float64(time.Second)))
}

// rough shows a duration that is an estimate or long: two units at most.
func rough(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}

// countOf is "1 fold", "5 folds".
func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
