package main

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// criticalDifference is Nemenyi's at level 0.05: two of k learners differ over n data sets
// if their mean ranks differ by at least q √(k(k+1)/(6n)), q being the 0.95 quantile of the
// studentised range of k normals, divided by √2 (Demšar 2006, section 3.2.2).
func criticalDifference(k, n int) float64 {
	const level = 0.05
	low, high := 0.0, 20.0
	for range 60 {
		middle := (low + high) / 2
		if rangeDistribution(middle, k) < 1-level {
			low = middle
		} else {
			high = middle
		}
	}
	return low / math.Sqrt2 * math.Sqrt(float64(k*(k+1))/float64(6*n))
}

// rangeDistribution is P(max − min ≤ q) of k independent standard normals,
// k ∫ φ(z) (Φ(z) − Φ(z−q))^{k−1} dz, by the trapezoid rule, which for such an integrand
// converges faster than any power of the step.
func rangeDistribution(q float64, k int) float64 {
	const limit, step = 8.5, 0.01
	sum := 0.0
	for z := -limit; z <= limit; z += step {
		inside := distuv.UnitNormal.CDF(z) - distuv.UnitNormal.CDF(z-q)
		sum += distuv.UnitNormal.Prob(z) * math.Pow(inside, float64(k-1))
	}
	return float64(k) * sum * step
}
