package explain

import (
	"context"
	"fmt"
	"math"

	"everfold/survival"
)

// Loss judges a model's predictions of the rows of x by one or more losses: lower is better,
// NaN is undefined. The number of losses is the same at every call. x must not be kept.
type Loss func(ctx context.Context, x *survival.Frame) ([]float64, error)

// Permutation says how [Permute] permutes.
type Permutation struct {
	Columns []string // to be permuted; nil: all of the frame
	Repeats int      // permutations of a column, ≥ 1
	// Draw shuffles rows, which holds 0 … n−1, for a repeat of a column: from a stream named
	// by (seed, column, repeat), so that no other column and no order matters.
	Draw func(column string, repeat int, rows []int)
}

// Importance is the result of permuting one column.
type Importance struct {
	Column string
	// Rise is by loss the mean rise over repeats, NaN where the loss was undefined with or
	// without permutation. Above 0: the model is worse without the column's information.
	Rise []float64
	// SD is the standard deviation over repeats (n − 1): of the permutations, not of the rows;
	// NaN for one repeat.
	SD []float64
}

// Permute computes the importance of columns, in their order. It asks for the loss of the
// rows as they are, then Repeats times for each column. A name that x lacks is a
// *survival.ColumnError; other errors are those of loss and the context's. It panics on a
// Permutation without repeats or Draw.
func Permute(ctx context.Context, x *survival.Frame, loss Loss, opt Permutation) ([]Importance, error) {
	if opt.Repeats < 1 || opt.Draw == nil {
		panic("explain: a permutation needs repeats and draws")
	}
	base, err := loss(ctx, x)
	if err != nil {
		return nil, fmt.Errorf("loss: %w", err)
	}
	columns := opt.Columns
	if columns == nil {
		columns = names(x)
	}
	out := make([]Importance, len(columns))
	for k, column := range columns {
		rises := make([][]float64, opt.Repeats)
		for repeat := range rises {
			if err := survival.Check(ctx, float64(k*opt.Repeats+repeat), float64(len(columns)*opt.Repeats)); err != nil {
				return nil, err
			}
			if rises[repeat], err = rise(ctx, x, loss, opt, permuted{column, repeat, base}); err != nil {
				return nil, err
			}
		}
		out[k] = summarise(column, rises)
	}
	return out, nil
}

func names(x *survival.Frame) []string {
	out := make([]string, len(x.Columns))
	for k, f := range x.Columns {
		out[k] = f.Name
	}
	return out
}

// permuted is one repeat of one column.
type permuted struct {
	column string
	repeat int
	base   []float64
}

// rise is by loss how much a permutation costs.
func rise(ctx context.Context, x *survival.Frame, loss Loss, opt Permutation, p permuted) ([]float64, error) {
	f, err := x.Column(p.column)
	if err != nil {
		return nil, err
	}
	rows := make([]int, x.Rows)
	for i := range rows {
		rows[i] = i
	}
	opt.Draw(p.column, p.repeat, rows)
	losses, err := loss(ctx, replace(x, f.Take(rows)))
	if err != nil {
		return nil, fmt.Errorf("loss with column %q permuted: %w", p.column, err)
	}
	if len(losses) != len(p.base) {
		panic("explain: the number of losses changed")
	}
	for l := range losses {
		losses[l] -= p.base[l]
	}
	return losses, nil
}

// replace is x with another feature of that name. It shares all other columns.
func replace(x *survival.Frame, f survival.Feature) *survival.Frame {
	out := &survival.Frame{Rows: x.Rows, Columns: append([]survival.Feature(nil), x.Columns...)}
	for k := range out.Columns {
		if out.Columns[k].Name == f.Name {
			out.Columns[k] = f
		}
	}
	return out
}

func summarise(column string, rises [][]float64) Importance {
	n := float64(len(rises))
	out := Importance{Column: column, Rise: make([]float64, len(rises[0])), SD: make([]float64, len(rises[0]))}
	for l := range out.Rise {
		for _, r := range rises {
			out.Rise[l] += r[l] / n
		}
		for _, r := range rises {
			d := r[l] - out.Rise[l]
			out.SD[l] += float64(d * d)
		}
		out.SD[l] = math.Sqrt(out.SD[l] / (n - 1))
	}
	return out
}
