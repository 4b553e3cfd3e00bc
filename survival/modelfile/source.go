package modelfile

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"everfold/survival"
)

// source is where a Reader's bytes come from that is not given them whole.
type source struct {
	in   io.Reader
	left int64 // bytes before the digest that are still to be read
	hash hash.Hash
}

// fillBytes is how much is read at a time.
const fillBytes = 1 << 18

// OpenStream is Open for files that are too large to hold beside their model: size bytes, read
// as fields are. The digest is checked by Close: until then nothing that was read may be
// relied on. Errors of in are returned as they are, by Close at the latest.
func OpenStream(in io.Reader, size int64, typ string, newest int) (*Reader, error) {
	body := size - sha256.Size
	r := &Reader{source: &source{in: in, left: max(0, body), hash: sha256.New()}}
	if body < int64(len(magic)+2) || string(r.take(len(magic))) != magic {
		r.Fail("it does not begin as one")
		return nil, r.err
	}
	if err := r.begin(layout, typ, newest); err != nil {
		return nil, err
	}
	return r, nil
}

// unread is how many bytes of fields the source still has.
func (r *Reader) unread() int64 {
	if r.source == nil || r.err != nil {
		return 0
	}
	return r.source.left
}

// fill reads on until rest has at least n bytes, if there are as many. Bytes that were taken
// stay as they are.
func (r *Reader) fill(n int) {
	s := r.source
	if s == nil || int64(n-len(r.rest)) > s.left {
		return
	}
	more := min(max(int64(n-len(r.rest)), fillBytes), s.left)
	buf := append(make([]byte, 0, int64(len(r.rest))+more), r.rest...)
	part := buf[len(buf) : int64(len(buf))+more]
	if _, err := io.ReadFull(s.in, part); err != nil {
		r.cut(err)
		return
	}
	s.hash.Write(part)
	s.left -= more
	r.rest = buf[:int64(len(buf))+more]
}

// cut notes that the source failed; one that ends early is no file of that size.
func (r *Reader) cut(err error) {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("%w: it ends early", survival.ErrBadModelFile)
	}
	r.err, r.rest = err, nil
}

func (r *Reader) checkDigest() {
	var digest [sha256.Size]byte
	if _, err := io.ReadFull(r.source.in, digest[:]); err != nil {
		r.cut(err)
		return
	}
	if !bytes.Equal(digest[:], r.source.hash.Sum(nil)) {
		r.Fail("its digest does not match its bytes")
	}
}
