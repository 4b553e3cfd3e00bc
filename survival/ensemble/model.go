package ensemble

import (
	"fmt"
	"io"
	"slices"

	"everfold/survival"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// Tree sends rows to leaves. It is immutable and safe for concurrent use.
type Tree interface {
	// Route writes, at their places in leaf, the leaves that the given rows fall into; x has
	// the values of the design's columns. It may sort the rows anew.
	Route(x [][]float64, rows, leaf []int32)
	// Write appends the tree to a model file.
	Write(w *modelfile.Writer)
}

// Kind is a type of forest.
type Kind struct {
	Type    string // registered name
	Version int    // algorithm version
	// Read reads a tree over so many columns, and the number of its leaves. What is not a
	// tree is a failure of r, and the result is then nil.
	Read func(r *modelfile.Reader, columns int) (Tree, int)
}

// read reads a tree and its leaves over so many distinct times. What is not that is a failure
// of r, and the leaves are then nil.
func (k Kind) read(r *modelfile.Reader, columns, times int) (Tree, *tree.PackedLeaves) {
	t, leaves := k.Read(r, columns)
	if t == nil {
		return nil, nil
	}
	return t, tree.ReadPackedLeaves(r, leaves, times)
}

// readKept is read of what a state holds.
func (k Kind) readKept(r *modelfile.Reader, columns, times int) (Tree, *tree.PackedLeaves) {
	t, leaves := k.Read(r, columns)
	if t == nil {
		return nil, nil
	}
	return t, tree.ReadKeptLeaves(r, leaves, times)
}

// Model is a fitted forest.
type Model struct {
	kind      Kind
	columns   []string
	times     []float64 // distinct times of the training rows, ascending
	events    []int32   // those with an event, as indices of times
	expHazard bool
	trees     []Tree
	leaves    []*tree.PackedLeaves
	report    survival.Report
}

var _ survival.Model = (*Model)(nil)

// Type is the registered name of the kind of forest.
func (m *Model) Type() string { return m.kind.Type }

// Columns names the fitted columns in order.
func (m *Model) Columns() []string { return m.columns }

// Report has the number of trees as Iterations, and the out-of-bag error where trees leave
// rows out; a forest always converges.
func (m *Model) Report() survival.Report { return m.report }

// MarshalBinary gives the model file.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := modelfile.NewWriter(m.kind.Type, m.kind.Version)
	m.write(w)
	return w.Bytes(), nil
}

// WriteTo writes the model file tree by tree: it may be as large as the model.
func (m *Model) WriteTo(out io.Writer) (int64, error) {
	w := modelfile.NewStream(out, m.kind.Type, m.kind.Version)
	m.write(w)
	return w.Finish()
}

func (m *Model) write(w *modelfile.Writer) {
	w.Strings(m.columns)
	w.Floats(m.times)
	w.Int32s(m.events)
	w.Bool(m.expHazard)
	for t := range m.trees {
		w.Bool(true)
		m.trees[t].Write(w)
		m.leaves[t].Write(w)
		w.Flush()
	}
	w.Bool(false)
	w.Report(m.report)
	w.Float(m.report.OutOfBag.Error)
	w.Int(m.report.OutOfBag.Rows)
}

// Decode reads a model file of a kind of forest. Failures wrap survival.ErrBadModelFile.
func Decode(data []byte, kind Kind) (*Model, error) {
	r, err := modelfile.Open(data, kind.Type, kind.Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind.Type, err)
	}
	return decode(r, kind)
}

// Read is Decode of a model file of so many bytes that is never held whole. Errors of in are
// wrapped.
func Read(in io.Reader, size int64, kind Kind) (*Model, error) {
	r, err := modelfile.OpenStream(in, size, kind.Type, kind.Version)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind.Type, err)
	}
	return decode(r, kind)
}

func decode(r *modelfile.Reader, kind Kind) (*Model, error) {
	m := &Model{kind: kind, columns: r.Strings(), times: r.Floats(), events: r.Int32s(), expHazard: r.Bool()}
	if !slices.IsSorted(m.times) || !slices.IsSorted(m.events) || len(m.events) == 0 ||
		m.events[0] < 0 || int(m.events[len(m.events)-1]) >= len(m.times) {
		r.Fail("the event times are not among the times")
	}
	for r.Bool() {
		t, leaves := kind.read(r, len(m.columns), len(m.times))
		if leaves == nil {
			break
		}
		m.trees, m.leaves = append(m.trees, t), append(m.leaves, leaves)
	}
	m.report = r.Report()
	m.report.OutOfBag = survival.OutOfBag{Error: r.Float(), Rows: r.Int()}
	if len(m.trees) == 0 {
		r.Fail("the forest has no trees")
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind.Type, err)
	}
	return m, nil
}
