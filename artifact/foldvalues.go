package artifact

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// confidence is the level of every interval in the tables.
const confidence = 0.95

// foldValues are the values of one quantity in the folds that have it, in order.
type foldValues struct {
	values      []float64
	train, test int // rows of those folds
}

// add appends a fold's value; nil is left out.
func (f *foldValues) add(value *float64, train, test int) {
	if value != nil {
		f.values = append(f.values, *value)
		f.train, f.test = f.train+train, f.test+test
	}
}

// meanStd is the mean and the sample standard deviation; nil where undefined.
func (f *foldValues) meanStd() (mean, std *float64) {
	n := float64(len(f.values))
	if n == 0 {
		return nil, nil
	}
	sum := 0.0
	for _, v := range f.values {
		sum += v
	}
	m := sum / n
	if n == 1 {
		return &m, nil
	}
	squares := 0.0
	for _, v := range f.values {
		d := v - m
		squares += float64(d * d)
	}
	sd := math.Sqrt(squares / (n - 1))
	return &m, &sd
}

// interval is mean ± t·s·√(1/J + Σn_test/Σn_train), see Standings; nil where undefined.
func (f *foldValues) interval() (lo, hi *float64) {
	mean, std := f.meanStd()
	if std == nil || f.train == 0 {
		return nil, nil
	}
	folds := float64(len(f.values))
	t := distuv.StudentsT{Sigma: 1, Nu: folds - 1}.Quantile((1 + confidence) / 2)
	half := t * *std * math.Sqrt(1/folds+float64(f.test)/float64(f.train))
	low, high := *mean-half, *mean+half
	return &low, &high
}
