package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/registry"
)

// small are data that every type can be fitted to in a moment.
func small() (*survival.Design, survival.Outcome) {
	x := &survival.Design{Rows: 8, Strata: []int{0, 1, 0, 1, 0, 1, 0, 1}, Columns: []survival.Column{
		{Name: "x", Values: []float64{1, 5, 2, 8, 3, 9, 4, 7}}, {Name: "y", Values: []float64{0, 0, 1, 1, 0, 1, 1, 0}},
	}}
	return x, survival.Outcome{Time: []float64{4, 1, 6, 2, 3, 7, 5, 8}, Event: []bool{true, true, true, false, true, true, false, true}}
}

var settings = map[string]string{
	"gbsa": `{"trees": 3}`, "rsf": `{"trees": 3, "min_leaf": 1, "min_split": 2}`, "orsf": `{"trees": 3, "min_leaf": 1}`,
	"cox_stratified": `{"strata": ["s"]}`, "coxnet": `{"alphas": 5, "inner_folds": 2}`, "stack": `{"of": [{"name": "a", "type": "cox_ph"}, {"name": "b", "type": "gbsa", "trees": 2}]}`,
}

func fit(typ string, c survival.Checkpoints) (survival.Model, error) {
	x, y := small()
	if typ != "cox_stratified" {
		x.Strata = nil
	}
	kind, _ := registry.Lookup(typ)
	return kind.Fit(context.Background(), x, y, json.RawMessage(settings[typ]), survival.FitOptions{
		Seed: 1, Threads: 1, Grid: []float64{1, 3, 5}, Checkpoints: c})
}

// FuzzModel: whatever a store has for a model, held whole and as a stream.
func FuzzModel(f *testing.F) {
	for _, typ := range registry.Types() {
		m, err := fit(typ, nil)
		require.NoError(f, err, typ)
		file, err := m.MarshalBinary()
		require.NoError(f, err)
		f.Add(file[:len(file)-32])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		file := modelfile.Seal(body)
		bounded(t, len(file), 32*mib, 8<<10, func() {
			for _, typ := range registry.Types() {
				kind, _ := registry.Lookup(typ)
				decoded(t, typ)(kind.Decode(file))
				if kind.Read != nil {
					decoded(t, typ)(kind.Read(bytes.NewReader(file), int64(len(file))))
				}
			}
		})
	})
}

// decoded refuses errors of another kind, and asks a model, which may be nonsense, for a row.
func decoded(t *testing.T, typ string) func(m survival.Model, err error) {
	return func(m survival.Model, err error) {
		if err != nil {
			require.ErrorIs(t, err, survival.ErrBadModelFile, typ)
			return
		}
		x := &survival.Design{Rows: 1, Strata: []int{0}}
		for _, name := range m.Columns() {
			x.Columns = append(x.Columns, survival.Column{Name: name, Values: []float64{0.5}})
		}
		_ = m.Risk(t.Context(), x, make([]float64, 1))
		_ = m.Survival(t.Context(), x, []float64{1, 4}, func(int, []float64) error { return nil })
	}
}

// states are checkpoints that give the same bytes for the first few pieces.
type states struct {
	mu    sync.Mutex
	state []byte
	given int
	kept  [][]byte
}

func (s *states) Due(context.Context, string) bool { return true }

func (s *states) Save(_ context.Context, _ string, state []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, bytes.Clone(state))
}

func (s *states) Load(context.Context, string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const few = 5
	s.given++
	return s.state, s.state != nil && s.given <= few
}

var checkpointed = []string{"gbsa", "rsf", "orsf", "coxnet", "stack"}

// FuzzCheckpoint: whatever a store has for the pieces of an unfinished fit: it ends all the same.
func FuzzCheckpoint(f *testing.F) {
	for k, typ := range checkpointed {
		keeping := &states{}
		_, err := fit(typ, keeping)
		require.NoError(f, err, typ)
		for _, state := range keeping.kept {
			f.Add(byte(k), state[:len(state)-32])
		}
	}
	f.Fuzz(func(t *testing.T, k byte, body []byte) {
		typ := checkpointed[int(k)%len(checkpointed)]
		state := modelfile.Seal(body)
		bounded(t, len(state), 64*mib, 8<<10, func() {
			_, err := fit(typ, &states{state: state})
			if err != nil && !errors.Is(err, survival.ErrNotConverged) {
				t.Fatalf("%s: %v", typ, err)
			}
		})
	})
}
