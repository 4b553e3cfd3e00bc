package ensemble

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// halves is a tree that sends negative first covariates to leaf 0, others to leaf 1.
type halves struct{}

func (halves) Route(x [][]float64, rows, leaf []int32) {
	for _, i := range rows {
		leaf[i] = int32(half(x[0][i]))
	}
}

func half(z float64) int {
	if z < 0 {
		return 0
	}
	return 1
}

func (halves) Write(w *modelfile.Writer) { w.Int(2) }

func testKind() Kind {
	return Kind{Type: "halves", Version: 1, Read: func(r *modelfile.Reader, _ int) (Tree, int) {
		return halves{}, r.Int()
	}}
}

func example() (*survival.Design, survival.Outcome) {
	return &survival.Design{Rows: 4, Columns: []survival.Column{{Name: "z", Term: "z", Values: []float64{-1, 1, -2, 3}}}},
		survival.Outcome{Time: []float64{4, 3, 2, 2}, Event: []bool{true, true, true, false}}
}

// planned is a forest of halves.
func planned(t testing.TB, x *survival.Design, y survival.Outcome, opt Options) Plan {
	s, err := NewSample(context.Background(), y, survival.TimesExact)
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Kind: testKind(), Design: x, Sample: s, Options: opt, NewGrower: func() Grower {
		return func(_ context.Context, _ int, count []uint32) (Tree, *tree.Leaves, error) {
			return halves{}, leavesOf(x, s, count), nil
		}
	}}
}

// grow fits a forest of halves on all rows; tree 7 fails.
func grow(t testing.TB, x *survival.Design, y survival.Outcome, opt Options) (*Model, error) {
	opt.NoBootstrap = true
	p := planned(t, x, y, opt)
	whole := p.NewGrower()
	p.NewGrower = func() Grower {
		return func(ctx context.Context, b int, count []uint32) (Tree, *tree.Leaves, error) {
			if b == 7 {
				return nil, nil, errSeven
			}
			return whole(ctx, b, count)
		}
	}
	return p.Grow(context.Background())
}

func two() int { return 2 }

var errSeven = errors.New("seven")

// Leaf 0 has events at 2 (of 2) and 4 (of 1), leaf 1 one at 3 (of 1): curves and risks by hand.
func TestByHand(t *testing.T) {
	x, y := example()
	times := []float64{1, 2, 3, 5}
	for _, expHazard := range []bool{false, true} {
		m, err := grow(t, x, y, Options{Trees: 3, Working: two, ExpHazard: expHazard})
		if err != nil {
			t.Fatal(err)
		}
		want := [][]float64{{1, 0.5, 0.5, 0}, {1, 1, 0, 0}}
		if expHazard {
			want = [][]float64{{1, math.Exp(-.5), math.Exp(-.5), math.Exp(-1.5)}, {1, 1, math.Exp(-1), math.Exp(-1)}}
		}
		err = m.Survival(context.Background(), x, times, func(row int, s []float64) error {
			for j, v := range s {
				if w := want[row%2][j]; math.Abs(v-w) > 1e-15 {
					t.Errorf("S(%g) of row %d is %g, want %g", times[j], row, v, w)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		risk := make([]float64, 4)
		if err := m.Risk(context.Background(), x, risk); err != nil {
			t.Fatal(err)
		}
		// H of leaf 0 is ½, ½, 3/2 at the event times 2, 3, 4; of leaf 1 it is 0, 1, 1.
		if fmt.Sprint(risk) != "[2.5 2 2.5 2]" {
			t.Errorf("risks %v", risk)
		}
	}
}

// The first tree that fails ends the growing with its error.
func TestFailure(t *testing.T) {
	x, y := example()
	if _, err := grow(t, x, y, Options{Trees: 1000, Working: two}); !errors.Is(err, errSeven) {
		t.Errorf("%v", err)
	}
}

// A model file reads back as the same file; one of another type or cut short is refused.
func TestDecode(t *testing.T) {
	x, y := example()
	m, err := grow(t, x, y, Options{Trees: 2})
	if err != nil {
		t.Fatal(err)
	}
	file, _ := m.MarshalBinary() // never fails
	back, err := Decode(file, testKind())
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.MarshalBinary(); string(again) != string(file) || back.Type() != "halves" {
		t.Error("the file changed")
	}
	for _, data := range [][]byte{nil, file[:len(file)-1], modelfile.NewWriter("other", 1).Bytes()} {
		if _, err := Decode(data, testKind()); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%v", err)
		}
	}
}
