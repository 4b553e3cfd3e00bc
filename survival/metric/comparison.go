package metric

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// FoldPair is what one outer fold says of two models.
type FoldPair struct {
	A, B        *float64 // their scores by one metric; nil where undefined
	Train, Test int      // rows of the fold's two parts, ≥ 1
}

// Comparison is the result of [NadeauBengio].
type Comparison struct {
	Folds      int     // those with both scores
	Difference float64 // the mean of A − B
	SE         float64 // its corrected standard error
	T          float64 // Difference/SE
	DF         int     // Folds − 1
	P          float64 // two-sided
	Low, High  float64 // the 95 % confidence interval of the difference
}

// sameToRounding is the share of the largest score by which differences may vary through
// the rounding of the scores alone.
const sameToRounding = 1e-14

// NadeauBengio is the corrected resampled t-test of the mean difference of two models'
// fold scores d_k = A_k − B_k, k = 1 … J:
//
//	t = d̄/√((1/J + ρ)·s²),   s² = Σ(d_k − d̄)²/(J − 1),   J − 1 degrees of freedom
//
// with ρ the test rows of the folds over their training rows. The folds of (repeated)
// cross-validation share training rows, so their scores are correlated: without ρ the test
// finds differences that are not there. A fold without one of the scores is left out.
//
// *Undefined: fewer than two folds are left, or the difference is the same in all (within
// the rounding of the scores). It panics where a score is not finite or a part has no row.
//
// Nadeau and Bengio (2003), Mach Learn 52:239; for repeated cross-validation Bouckaert and
// Frank (2004), PAKDD, LNCS 3056:3.
func NadeauBengio(folds []FoldPair) (Comparison, error) {
	var differences []float64
	var train, test, largest float64
	for _, f := range folds {
		if f.Train < 1 || f.Test < 1 {
			panic("metric: a fold has no training or no test rows")
		}
		if f.A == nil || f.B == nil {
			continue
		}
		d := *f.A - *f.B
		if math.IsNaN(d) || math.IsInf(d, 0) {
			panic("metric: a fold score is not finite")
		}
		differences = append(differences, d)
		largest = max(largest, math.Abs(*f.A), math.Abs(*f.B))
		train += float64(f.Train)
		test += float64(f.Test)
	}
	if len(differences) < 2 {
		return Comparison{}, &Undefined{ReasonFewFolds}
	}
	mean, variance := moments(differences)
	if math.Sqrt(variance) <= sameToRounding*largest {
		return Comparison{}, &Undefined{ReasonSameGap}
	}
	return compare(mean, math.Sqrt((1/float64(len(differences))+test/train)*variance), len(differences)), nil
}

// moments are the mean and the unbiased variance.
func moments(values []float64) (mean, variance float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v
	}
	mean /= n
	for _, v := range values {
		variance += float64((v - mean) * (v - mean))
	}
	return mean, variance / (n - 1)
}

func compare(difference, se float64, folds int) Comparison {
	c := Comparison{Folds: folds, Difference: difference, SE: se, T: difference / se, DF: folds - 1}
	law := distuv.StudentsT{Sigma: 1, Nu: float64(c.DF)}
	c.P = 2 * law.Survival(math.Abs(c.T))
	half := float64(law.Quantile(0.975) * se)
	c.Low, c.High = difference-half, difference+half
	return c
}
