package boost

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// Type is the registered name of the model.
const Type = "gbsa"

// Version is the algorithm version: raised whenever equal data may give another model file.
const Version = 3

// Model is a fitted boosted Cox model.
type Model struct {
	columns  []string
	trees    []*tree.Tree
	values   [][]float64 // of each tree's leaves, learning rate included
	center   float64
	baseline survival.StepFunction // H₀ at F = center
	report   survival.Report
}

var _ survival.Model = (*Model)(nil)

// Type is "gbsa".
func (m *Model) Type() string { return Type }

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.columns }

// Report has the number of trees as Iterations and the log partial likelihood without trees
// and with all of them.
func (m *Model) Report() survival.Report { return m.report }

// blockRows is how many rows are laid out row by row, and taken down all trees, at a time.
const blockRows = 1 << 12

// Risk writes F(x).
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("boost: dst and design differ in length")
	}
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	if err := survival.Check(ctx, 0, float64(x.Rows)); err != nil {
		return err
	}
	p := len(m.columns)
	values := make([]float64, min(blockRows, x.Rows)*p)
	clear(dst)
	for from := 0; from < x.Rows; from += blockRows {
		to := min(from+blockRows, x.Rows)
		tree.RowMajor(values, aligned, from, to)
		for t, tr := range m.trees {
			for i := range dst[from:to] {
				dst[from+i] += m.values[t][tr.Leaf(values[i*p:(i+1)*p])]
			}
		}
		if err := survival.Check(ctx, float64(to), float64(x.Rows)); err != nil {
			return err
		}
	}
	return nil
}

// Survival visits every row with S(t|x) = exp(−H₀(t)·e^{F(x) − center}).
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	risk := make([]float64, x.Rows)
	if err := m.Risk(ctx, x, risk); err != nil {
		return err
	}
	hazard, curve := make([]float64, len(times)), make([]float64, len(times))
	for j, t := range times {
		hazard[j] = m.baseline.At(t)
	}
	for i, f := range risk {
		if i%blockRows == 0 {
			if err := survival.Check(ctx, float64(i), float64(x.Rows)); err != nil {
				return err
			}
		}
		relative, last := math.Exp(f-m.center), 1.0
		for j, h := range hazard {
			if h > 0 { // 0·Inf is no hazard, not NaN
				last = min(last, math.Exp(-h*relative))
			}
			curve[j] = last
		}
		if err := visit(i, curve); err != nil {
			return err
		}
	}
	return nil
}

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(Type, Version)
	w.Strings(m.columns)
	w.Float(m.center)
	w.Step(m.baseline)
	writeTrees(w, m.trees, m.values)
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file of type "gbsa". Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) {
	r, err := modelfile.Open(data, Type, Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	m := &Model{columns: r.Strings(), center: r.Float(), baseline: r.Step()}
	m.trees, m.values = readTrees(r, len(m.columns))
	m.report = r.Report()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	return m, nil
}
