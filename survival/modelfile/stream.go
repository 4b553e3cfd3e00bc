package modelfile

import (
	"crypto/sha256"
	"hash"
	"io"
)

// stream is where a Writer's bytes go that are not held until the file is finished.
type stream struct {
	out  io.Writer
	hash hash.Hash
	n    int64
	err  error
}

// NewStream starts a file of a model type and version that is written to out as it grows:
// for models too large to hold a second time. The bytes are those of a Writer of NewWriter.
func NewStream(out io.Writer, typ string, version int) *Writer {
	w := NewWriter(typ, version)
	w.stream = &stream{out: out, hash: sha256.New()}
	return w
}

// Flush writes the fields so far to the stream; without one it does nothing.
func (w *Writer) Flush() {
	if s := w.stream; s != nil {
		s.hash.Write(w.buf)
		s.write(w.buf)
		w.buf = w.buf[:0]
	}
}

func (s *stream) write(b []byte) {
	if s.err == nil {
		var n int
		n, s.err = s.out.Write(b)
		s.n += int64(n)
	}
}

// Finish appends the digest to the stream and gives the length of the file, or the first
// error of writing it; the Writer is used up. It panics without a stream.
func (w *Writer) Finish() (int64, error) {
	if w.stream == nil {
		panic("modelfile: Finish without a stream")
	}
	w.Flush()
	w.stream.write(w.stream.hash.Sum(nil))
	return w.stream.n, w.stream.err
}
