package stack_test

import (
	"crypto/sha256"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/cox"
	"everfold/survival/modelfile"
	"everfold/survival/stack"
)

// file is a well-formed stack of Kaplan–Meier with what a test changes.
type file struct {
	grid    []float64
	weights []float64
	typ     string
	base    []byte
}

func (f file) bytes() []byte {
	w := modelfile.NewWriter(stack.Type, stack.Version)
	w.Strings([]string{"age"})
	w.Floats(f.grid)
	for _, weight := range f.weights {
		w.Bool(true)
		w.String("km")
		w.Float(weight)
		w.String(f.typ)
		w.File(f.base)
	}
	w.Bool(false)
	w.Report(survival.Report{Converged: true})
	return w.Bytes()
}

func wellFormed(t *testing.T) file {
	t.Helper()
	x, y := whas(t)
	km, err := kaplanMeier().Fit(t.Context(), x, y, survival.FitOptions{})
	require.NoError(t, err)
	base, err := km.MarshalBinary()
	require.NoError(t, err)
	return file{grid: []float64{1, 2}, weights: []float64{0.25, 0.75}, typ: "km", base: base}
}

// A file that no fit can have written is refused, whatever its digest says.
func TestDecodeRefuses(t *testing.T) {
	good := wellFormed(t)
	_, err := decode(good.bytes())
	require.NoError(t, err)
	for name, spoil := range map[string]func(*file){
		"no base":           func(f *file) { f.weights = nil },
		"a negative weight": func(f *file) { f.weights[0] = -0.25 },
		"a weight of 0":     func(f *file) { f.weights[0] = 0 },
		"a weight above 1":  func(f *file) { f.weights[0] = 1.5 },
		"a weight of NaN":   func(f *file) { f.weights[0] = math.NaN() },
		"weights beyond 1":  func(f *file) { f.weights = []float64{0.9, 0.9} },
		"a stack within":    func(f *file) { f.typ = stack.Type },
		"an unknown base":   func(f *file) { f.typ = "other" },
		"a damaged base":    func(f *file) { f.base = f.base[1:] },
		"an unsorted grid":  func(f *file) { f.grid = []float64{2, 1} },
		"a grid with NaN":   func(f *file) { f.grid = []float64{1, math.NaN()} },
	} {
		bad := wellFormed(t)
		spoil(&bad)
		_, err := decode(bad.bytes())
		require.ErrorIs(t, err, survival.ErrBadModelFile, name)
	}
}

// Decoding any bytes ends without panic, in a model or in ErrBadModelFile.
func FuzzDecode(f *testing.F) {
	x, y := &design{Rows: 3, Columns: []survival.Column{{Name: "a", Values: []float64{1, 2, 1}}}},
		outcome{Time: []float64{1, 2, 3}, Event: []bool{true, true, true}}
	m, err := stack.Fit(f.Context(), x, y, stack.Options{Of: []stack.Base{kaplanMeier(), coxBase("cox", cox.Options{Alpha: 1})}}, survival.FitOptions{})
	require.NoError(f, err)
	seed, err := m.MarshalBinary()
	require.NoError(f, err)
	f.Add(seed[:len(seed)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := decode(modelfile.Seal(body))
		if err != nil {
			if !errors.Is(err, survival.ErrBadModelFile) {
				t.Fatal(err)
			}
			return
		}
		if _, err := m.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
	})
}
