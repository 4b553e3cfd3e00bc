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
	"cox_stratified": `{"strata": ["s"]}`, "coxnet": `{"alphas": 5, "inner_folds": 2}`, "stack": `{"of": [{"name": "a", "type": "gbsa", "trees": 2}, {"name": "b", "type": "rsf", "trees": 2, "min_leaf": 1, "min_split": 2}]}`,
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

// FuzzModel: whatever a store has for a model of each type, held whole and as a stream. What is
// changed lies between head and digest, of the file and of the first file in it, so that decoders
// get to it.
func FuzzModel(f *testing.F) {
	types := registry.Types()
	frames := make([]frame, len(types))
	for k, typ := range types {
		m, err := fit(typ, nil)
		require.NoError(f, err, typ)
		file, err := m.MarshalBinary()
		require.NoError(f, err)
		var payload []byte
		frames[k], payload = framed(file)
		f.Add(byte(k), payload, inner(payload))
	}
	f.Fuzz(func(t *testing.T, k byte, payload, nested []byte) {
		typ := types[int(k)%len(types)]
		file := frames[int(k)%len(types)].file(payload, nested)
		kind, _ := registry.Lookup(typ)
		bounded(t, len(file), 4*mib, 1<<10, func() {
			whole, err := kind.Decode(file)
			decoded(t, typ)(whole, err)
			if kind.Read != nil {
				stream, failed := kind.Read(bytes.NewReader(file), int64(len(file)))
				require.Equal(t, err == nil, failed == nil, "a stream is read as the whole is")
				decoded(t, typ)(stream, failed)
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
	var types []string
	var frames []frame
	for _, typ := range checkpointed {
		keeping := &states{}
		_, err := fit(typ, keeping)
		require.NoError(f, err, typ)
		heads := map[string]bool{}
		for _, state := range keeping.kept {
			frame, payload := framed(state)
			if heads[string(frame.head)] {
				continue // another one of its kind
			}
			heads[string(frame.head)] = true
			f.Add(byte(len(frames)), payload, inner(payload))
			column := []byte("\x01\x00\x00\x00x")
			f.Add(byte(len(frames)), payload, bytes.ReplaceAll(inner(payload), column, []byte("\x01\x00\x00\x00z"))) // of other data
			types, frames = append(types, typ), append(frames, frame)
		}
	}
	f.Fuzz(func(t *testing.T, k byte, payload, nested []byte) {
		typ := types[int(k)%len(types)]
		state := frames[int(k)%len(types)].file(payload, nested)
		bounded(t, len(state), 16*mib, 1<<10, func() {
			_, err := fit(typ, &states{state: state})
			if err != nil && !errors.Is(err, survival.ErrNotConverged) {
				t.Fatalf("%s: %v", typ, err)
			}
		})
	})
}
