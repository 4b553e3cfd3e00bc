package forest

import (
	"io"

	"everfold/survival"
	"everfold/survival/ensemble"
	"everfold/survival/modelfile"
	"everfold/survival/tree"
)

// Type is the registered name of the model.
const Type = "rsf"

// Version is the algorithm version: raised whenever equal data may give another model file.
const Version = 2

// Model is a fitted random survival forest.
type Model struct{ *ensemble.Model }

var _ survival.Model = (*Model)(nil)

// kind is the forest's part of the model file.
func kind() ensemble.Kind {
	return ensemble.Kind{Type: Type, Version: Version, Read: func(r *modelfile.Reader, columns int) (ensemble.Tree, int) {
		t := tree.ReadPacked(r, columns)
		if t == nil {
			return nil, 0
		}
		return t, t.Leaves()
	}}
}

// Decode reads a model file of type "rsf". Failures wrap survival.ErrBadModelFile.
func Decode(data []byte) (*Model, error) {
	m, err := ensemble.Decode(data, kind())
	if err != nil {
		return nil, err
	}
	return &Model{m}, nil
}

// Read is Decode of a model file of so many bytes that is never held whole. Errors of in are
// wrapped.
func Read(in io.Reader, size int64) (*Model, error) {
	m, err := ensemble.Read(in, size, kind())
	if err != nil {
		return nil, err
	}
	return &Model{m}, nil
}
