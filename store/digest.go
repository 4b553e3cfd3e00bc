package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// SHA256 is the lower-case hexadecimal SHA-256 of content, the form used everywhere.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Hashing passes bytes on to W and keeps their count and SHA-256, so that what was
// written can be described without reading it again. W nil discards them.
type Hashing struct {
	W    io.Writer
	n    int64
	hash hash.Hash
}

// Write implements io.Writer. Only bytes that W took are counted.
func (h *Hashing) Write(p []byte) (int, error) {
	if h.hash == nil {
		h.hash = sha256.New()
	}
	n, err := len(p), error(nil)
	if h.W != nil {
		n, err = h.W.Write(p)
	}
	h.hash.Write(p[:n])
	h.n += int64(n)
	return n, err
}

// Size is the number of bytes so far.
func (h *Hashing) Size() int64 { return h.n }

// SHA256 is the lower-case hexadecimal digest of the bytes so far.
func (h *Hashing) SHA256() string {
	if h.hash == nil {
		return SHA256(nil)
	}
	return hex.EncodeToString(h.hash.Sum(nil))
}

// VerifyReader passes the bytes of r on and checks at its end that they are size bytes
// with that SHA-256. Where they are not, the last Read returns an error wrapping
// ErrCorrupt instead of io.EOF; a stream longer than size fails at the first byte too
// many. So bytes read before the end are not yet verified: act on them only after EOF.
func VerifyReader(r io.Reader, size int64, sha256 string) io.Reader {
	return &verifyReader{r: r, size: size, want: sha256}
}

type verifyReader struct {
	r    io.Reader
	size int64
	want string
	seen Hashing
}

func (v *verifyReader) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	_, _ = v.seen.Write(p[:n]) // a Hashing without W never fails
	if v.seen.Size() > v.size {
		return 0, fmt.Errorf("%w: more than the %d bytes expected", ErrCorrupt, v.size)
	}
	if err != io.EOF {
		return n, err
	}
	if v.seen.Size() != v.size {
		return n, fmt.Errorf("%w: %d bytes, expected %d", ErrCorrupt, v.seen.Size(), v.size)
	}
	if got := v.seen.SHA256(); got != v.want {
		return n, fmt.Errorf("%w: sha256 %.12s…, expected %.12s…", ErrCorrupt, got, v.want)
	}
	return n, io.EOF
}
