package stack

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
	"everfold/survival/modelfile"
)

// Type is the registered name of the model.
const Type = "stack"

// Version is the algorithm version: raised whenever equal data and bases may give another
// model file.
const Version = 1

// Model is a fitted stack.
type Model struct {
	columns []string
	grid    []float64  // of the risk
	bases   []weighted // those with weight, by name
	report  survival.Report
}

// weighted is a base fitted to all rows.
type weighted struct {
	name   string
	weight float64 // > 0; all sum to 1
	model  survival.Model
}

var _ survival.Model = (*Model)(nil)

// Type is "stack".
func (m *Model) Type() string { return Type }

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.columns }

// Report has the weights as Coefficients, one a base by name: see Fit.
func (m *Model) Report() survival.Report { return m.report }

// curveCells bounds memory: so many curve values are held at a time.
const curveCells = 1 << 22

// blockRows is how many rows are predicted at a time where each has so many values.
func blockRows(values int) int { return max(1, curveCells/(values+1)) }

// view is rows from…to−1 of x, sharing its memory.
func view(x *survival.Design, from, to int) *survival.Design {
	out := &survival.Design{Rows: to - from, Columns: make([]survival.Column, len(x.Columns))}
	for j, c := range x.Columns {
		out.Columns[j] = survival.Column{Name: c.Name, Term: c.Term, Values: c.Values[from:to]}
	}
	return out
}

// Risk writes Σ_j (1 − S(t_j|x)) over the grid of the fit.
func (m *Model) Risk(ctx context.Context, x *survival.Design, dst []float64) error {
	if len(dst) != x.Rows {
		panic("stack: dst and design differ in length")
	}
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	clear(dst)
	for _, b := range m.bases {
		err := b.model.Survival(ctx, aligned, m.grid, func(row int, s []float64) error {
			sum := 0.0
			for _, v := range s {
				sum += 1 - v
			}
			dst[row] += float64(b.weight * sum)
			return nil
		})
		if err != nil {
			return fmt.Errorf("base %s: %w", b.name, err)
		}
	}
	return nil
}

// Survival visits every row with Σ_b w_b·S_b(t|x).
func (m *Model) Survival(ctx context.Context, x *survival.Design, times []float64, visit func(row int, s []float64) error) error {
	aligned, err := x.Align(m.columns)
	if err != nil {
		return err
	}
	if err := survival.Check(ctx, 0, float64(x.Rows)); err != nil {
		return err
	}
	n := len(times)
	size := blockRows(n)
	deaths := make([]float64, min(size, x.Rows)*n)
	for from := 0; from < x.Rows; from += size {
		to := min(from+size, x.Rows)
		clear(deaths)
		if err := m.add(ctx, view(aligned, from, to), times, deaths); err != nil {
			return survival.AtRow(err, func(i int) int { return from + i })
		}
		for i := range to - from {
			curve := deaths[i*n : (i+1)*n]
			survivors(curve)
			if err := visit(from+i, curve); err != nil {
				return err
			}
		}
	}
	return nil
}

// add sums w_b·(1 − S_b) over the bases: 0 exactly where no base has a death yet.
func (m *Model) add(ctx context.Context, x *survival.Design, times, deaths []float64) error {
	for _, b := range m.bases {
		err := b.model.Survival(ctx, x, times, func(row int, s []float64) error {
			sum := deaths[row*len(times) : (row+1)*len(times)]
			for j, v := range s {
				sum[j] += float64(b.weight * (1 - v))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("base %s: %w", b.name, err)
		}
	}
	return nil
}

// survivors turns summed deaths into S; weights that sum to 1 but for rounding must not
// make it rise or leave [0, 1].
func survivors(deaths []float64) {
	last := 1.0
	for j, d := range deaths {
		last = max(0, min(last, 1-d))
		deaths[j] = last
	}
}

// MarshalBinary gives the model file, which holds the files of the bases with weight.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(Type, Version)
	w.Strings(m.columns)
	w.Floats(m.grid)
	for _, b := range m.bases {
		file, err := b.model.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("encode base %s: %w", b.name, err)
		}
		w.Bool(true)
		w.String(b.name)
		w.Float(b.weight)
		w.String(b.model.Type())
		w.File(file)
	}
	w.Bool(false)
	w.Report(m.report)
	return w.Bytes(), nil
}

// Decode reads a model file of type "stack"; base reads the file of a base of the given
// type. Failures wrap survival.ErrBadModelFile.
func Decode(data []byte, base func(typ string, file []byte) (survival.Model, error)) (*Model, error) {
	r, err := modelfile.Open(data, Type, Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	m := &Model{columns: r.Strings(), grid: r.Floats()}
	sum := 0.0
	for r.Bool() {
		b := weighted{name: r.String(), weight: r.Float()}
		typ, file := r.String(), r.File()
		if !(b.weight > 0 && b.weight <= 1) || typ == Type {
			r.Fail("a base has no weight, or is a stack itself")
			break
		}
		if b.model, err = base(typ, file); err != nil {
			return nil, fmt.Errorf("decode %s: base %s: %w", Type, b.name, err)
		}
		m.bases, sum = append(m.bases, b), sum+b.weight
	}
	m.report = r.Report()
	if math.Abs(sum-1) > 1e-9 {
		r.Fail("the weights do not sum to 1")
	}
	for j, t := range m.grid {
		if !(j == 0 || m.grid[j-1] < t) || math.IsNaN(t) || math.IsInf(t, 0) {
			r.Fail("the grid does not ascend")
			break
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", Type, err)
	}
	return m, nil
}
