package modelfile

import (
	"bytes"
	"errors"
	"testing"
)

// A stream has the bytes of the file that is held whole, wherever it was flushed, and says
// how many there are.
func TestStream(t *testing.T) {
	var out bytes.Buffer
	streamed, whole := NewStream(&out, "t", 3), NewWriter("t", 3)
	for k := range 5 {
		for _, w := range []*Writer{streamed, whole} {
			w.Floats([]float64{float64(k), 0.5})
			w.String("text")
			w.Flush()
		}
	}
	n, err := streamed.Finish()
	if want := whole.Bytes(); err != nil || !bytes.Equal(out.Bytes(), want) || n != int64(len(want)) {
		t.Errorf("%d bytes, %v; they differ from the %d of the whole file", n, err, len(want))
	}
}

type broken struct{ err error }

func (b broken) Write(p []byte) (int, error) { return 0, b.err }

// The first error of writing is Finish's.
func TestStreamFails(t *testing.T) {
	full := errors.New("full")
	w := NewStream(broken{full}, "t", 1)
	w.Int(1)
	w.Flush()
	w.Int(2)
	if _, err := w.Finish(); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Finish without a stream does not panic")
		}
	}()
	_, _ = NewWriter("t", 1).Finish()
}
