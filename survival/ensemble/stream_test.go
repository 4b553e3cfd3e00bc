package ensemble

import (
	"bytes"
	"testing"
)

// Written tree by tree, the model file has the bytes of MarshalBinary.
func TestWriteTo(t *testing.T) {
	x, y := example()
	m, err := grow(t, x, y, Options{Trees: 3})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := m.WriteTo(&out); err != nil || n != int64(len(whole)) || !bytes.Equal(out.Bytes(), whole) {
		t.Errorf("%d bytes, %v; %d are wanted", n, err, len(whole))
	}
}
