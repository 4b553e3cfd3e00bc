package stack_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/forest"
	"everfold/survival/stack"
)

// spy notes what its fits are given.
type spy struct {
	rows   []int
	seeds  []uint64
	groups [][]int
	inner  []survival.Inner
	grids  [][]float64
}

func (s *spy) base(name string) stack.Base {
	base := coxBase(name, cox.Options{Alpha: 1})
	whole := base.Fit
	base.Fit = func(ctx context.Context, x *design, y outcome, opt survival.FitOptions) (model, error) {
		s.rows, s.seeds = append(s.rows, y.Len()), append(s.seeds, opt.Seed)
		s.groups, s.inner, s.grids = append(s.groups, opt.Inner.Group), append(s.inner, opt.Inner), append(s.grids, opt.Grid)
		if x.Rows != y.Len() {
			return nil, errors.New("design and outcome differ")
		}
		return whole(ctx, x, y, opt)
	}
	return base
}

// Each base is fitted without each of five folds and then to all rows, with seeds of its own,
// the stack's grid, and the groups of the rows that it is given. It can split these again:
// the preprocessing that it asks for sees the rows that it names and gives those it has.
func TestWhatBasesAreGiven(t *testing.T) {
	x, y := whas(t)
	one, other := &spy{}, &spy{}
	groups := make([]int, x.Rows)
	for i := range groups {
		groups[i] = i / 2
	}
	var asked [][]int
	opt := survival.FitOptions{Seed: 5, Grid: []float64{100, 1000}, Inner: survival.Inner{Group: groups, Stratify: true,
		Design: func(_ context.Context, rows []int) (*design, error) {
			asked = append(asked, rows)
			return x, nil
		}}}
	_, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{one.base("one"), other.base("other")}}, opt)
	require.NoError(t, err)
	require.Equal(t, []int{400, 400, 400, 400, 400, 500}, one.rows)
	require.Len(t, asked, 5)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(slices.Concat(one.seeds, other.seeds)))), 12)
	for k, in := range one.inner {
		require.True(t, in.Stratify)
		require.Equal(t, opt.Grid, one.grids[k])
		require.Len(t, in.Group, one.rows[k])
	}
	rows := asked[2]
	require.Equal(t, groups[rows[7]], one.groups[2][7])
	again, err := one.inner[2].Design(t.Context(), []int{3, 11})
	require.NoError(t, err)
	require.Equal(t, []int{rows[3], rows[11]}, asked[5])
	require.Equal(t, x.Take(rows), again)
}

// Where preprocessing fails, that is the stack's error; also within a base.
func TestPreprocessingThatFails(t *testing.T) {
	x, y := whas(t)
	full := errors.New("a gap that nothing fills")
	opt := survival.FitOptions{Inner: survival.Inner{Design: func(context.Context, []int) (*design, error) { return nil, full }}}
	of := stack.Options{Of: []stack.Base{kaplanMeier(), coxBase("cox", cox.Options{})}}
	_, err := stack.Fit(t.Context(), x, y, of, opt)
	require.ErrorIs(t, err, full)
	one := &spy{}
	opt.Inner.Design = func(_ context.Context, rows []int) (*design, error) {
		if len(rows) < 10 {
			return nil, full
		}
		return x, nil
	}
	of.Of = append(of.Of, one.base("one"))
	_, err = stack.Fit(t.Context(), x, y, of, opt)
	require.NoError(t, err)
	_, err = one.inner[0].Design(t.Context(), []int{0, 1})
	require.ErrorIs(t, err, full)
}

// Progress grows over all fits of all bases, and ends at their number.
func TestProgress(t *testing.T) {
	x, y := whas(t)
	last := 0.0
	ctx := survival.WithProgress(t.Context(), func(done, total float64) {
		if total == 1 { // before anything is known
			return
		}
		require.Equal(t, 12.0, total)
		require.GreaterOrEqual(t, done, last)
		last = done
	})
	_, err := stack.Fit(ctx, x, y, stack.Options{Of: []stack.Base{kaplanMeier(), forestBase("rsf", forest.Options{Trees: 4})}}, survival.FitOptions{})
	require.NoError(t, err)
	require.Greater(t, last, 11.0)
}

// memory keeps checkpoints; each save is due.
type memory map[string][]byte

func (m memory) Due(context.Context, string) bool { return true }

func (m memory) Save(_ context.Context, piece string, state []byte) { m[piece] = state }

func (m memory) Load(_ context.Context, piece string) ([]byte, bool) {
	state, ok := m[piece]
	return state, ok
}

// A fit that goes on from what an earlier attempt has kept fits nothing again and ends with
// the same bytes; states that do not decode are as if there were none.
func TestGoesOnFromCheckpoints(t *testing.T) {
	x, y := whas(t)
	kept := memory{}
	attempt := func() ([]byte, int) {
		seen := &spy{}
		m, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{seen.base("one"), forestBase("rsf", forest.Options{Trees: 4})}},
			survival.FitOptions{Checkpoints: kept})
		require.NoError(t, err)
		file, err := m.MarshalBinary()
		require.NoError(t, err)
		return file, len(seen.rows)
	}
	first, fits := attempt()
	require.Equal(t, 6, fits)
	own := 0
	for piece := range kept {
		if strings.HasPrefix(piece, "fitted/") {
			own++
		}
	}
	require.Equal(t, 12, own)
	delete(kept, "fitted/one/3")
	kept["fitted/one/4"] = []byte("damaged")
	kept["fitted/rsf/2"] = kept["fitted/rsf/0"] // a model where curves are wanted
	second, fits := attempt()
	require.Equal(t, first, second)
	require.Equal(t, 2, fits)
}

// A base that predicts without a model gives the stack the same bytes as one that only fits, and
// is fitted to all rows alone; where it refuses, that is as if its fit did.
func TestBasesThatPredict(t *testing.T) {
	x, y := whas(t)
	fits := 0
	woods := forestBase("rsf", forest.Options{Trees: 4})
	whole := woods.Fit
	woods.Fit = func(ctx context.Context, x *design, y outcome, opt survival.FitOptions) (model, error) {
		fits++
		return whole(ctx, x, y, opt)
	}
	file := func(of ...stack.Base) []byte {
		out, err := fit(t, survival.FitOptions{Seed: 3, Grid: []float64{100, 1000}}, of...).MarshalBinary()
		require.NoError(t, err)
		return out
	}
	with := file(woods, kaplanMeier())
	require.Equal(t, 1, fits)
	predict := woods.Predict
	woods.Predict = nil
	require.Equal(t, with, file(woods, kaplanMeier()))
	require.Equal(t, 7, fits)

	woods.Predict = func(context.Context, *design, outcome, survival.FitOptions) (*survival.Predictions, error) {
		return nil, survival.ErrNotConverged
	}
	require.Zero(t, weights(fit(t, survival.FitOptions{}, woods, kaplanMeier()))["rsf"])
	full := errors.New("no room")
	woods.Predict = func(ctx context.Context, x *design, y outcome, opt survival.FitOptions) (*survival.Predictions, error) {
		require.Len(t, opt.Query.Times, 2)
		if _, err := predict(ctx, x, y, opt); err != nil {
			return nil, err
		}
		return nil, full
	}
	_, err := stack.Fit(t.Context(), x, y, stack.Options{Of: []stack.Base{woods, kaplanMeier()}}, survival.FitOptions{Grid: []float64{100, 1000}})
	require.ErrorIs(t, err, full)
}
