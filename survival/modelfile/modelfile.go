// Package modelfile frames the binary form of fitted models: one layout for every model
// type, deterministic, self-describing and safe to read from anywhere.
//
//	"EVERFOLD"        8 bytes
//	layout            uint16, 1
//	type              string: uint32 length and UTF-8 bytes
//	version           uint32, the model type's algorithm version
//	payload           the fields in the order the model writes them
//	digest            SHA-256 of everything before it, 32 bytes
//
// States of unfinished fits have the same form, layout 1; large ones are layout 2, which ends with a
// CRC-32C instead.
//
// Numbers are little-endian; a float64 is its IEEE 754 bits, so that every value,
// NaN included, is read back bit for bit. Lists are preceded by a uint32 count.
// Reading never panics on foreign bytes, and allocates no more than a small multiple of
// their length: the digest is checked first, and each count against the bytes left.
//
// Not here: what the fields mean; that is each model's MarshalBinary and decoder.
package modelfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"everfold/survival"
)

const (
	magic       = "EVERFOLD"
	layout      = 1
	stateLayout = 2 // ends with a CRC-32C of everything before it
)

// Writer builds a model file field by field.
type Writer struct {
	buf    []byte
	stream *stream // nil: the file is held whole
}

// NewWriter starts a file of a model type and version.
func NewWriter(typ string, version int) *Writer {
	w := &Writer{buf: append(make([]byte, 0, 1024), magic...)}
	w.buf = binary.LittleEndian.AppendUint16(w.buf, layout)
	w.String(typ)
	w.count(version)
	return w
}

func (w *Writer) count(n int) {
	if n < 0 || int64(n) > math.MaxUint32 {
		panic("modelfile: count outside uint32")
	}
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(n))
}

// Int appends an integer.
func (w *Writer) Int(v int) { w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(int64(v))) }

// Bool appends a truth value.
func (w *Writer) Bool(v bool) {
	if v {
		w.buf = append(w.buf, 1)
		return
	}
	w.buf = append(w.buf, 0)
}

// Float appends a number.
func (w *Writer) Float(v float64) {
	w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
}

// String appends a text.
func (w *Writer) String(s string) {
	w.count(len(s))
	w.buf = append(w.buf, s...)
}

// Floats appends a list of numbers.
func (w *Writer) Floats(v []float64) {
	w.count(len(v))
	b := w.extend(8 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(x))
	}
}

// extend makes n bytes more, which are to be written.
func (w *Writer) extend(n int) []byte {
	at := len(w.buf)
	w.buf = slices.Grow(w.buf, n)[:at+n]
	return w.buf[at:]
}

// Strings appends a list of texts.
func (w *Writer) Strings(v []string) {
	w.count(len(v))
	for _, s := range v {
		w.String(s)
	}
}

// Int32s appends a list of 32-bit integers.
func (w *Writer) Int32s(v []int32) { putWords(w, v) }

// Uint32s appends a list of 32-bit numbers without a sign.
func (w *Writer) Uint32s(v []uint32) { putWords(w, v) }

// Float32s appends a list of single-precision numbers, bit for bit.
func (w *Writer) Float32s(v []float32) {
	w.count(len(v))
	b := w.extend(4 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
}

// putWords appends a list of elements of 4 bytes.
func putWords[T int32 | uint32](w *Writer, v []T) {
	w.count(len(v))
	b := w.extend(4 * len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(x))
	}
}

// Len is the size of what has been written and is held.
func (w *Writer) Len() int { return len(w.buf) }

// Bytes appends the digest and returns the finished file; the Writer is used up.
func (w *Writer) Bytes() []byte {
	digest := sha256.Sum256(w.buf)
	return append(w.buf, digest[:]...) // in place: files are large
}

// State appends a checksum in place of the digest and returns the finished state of an unfinished
// fit, which OpenState alone reads; the Writer is used up. States of a forest are gigabytes a fit,
// and need no name.
func (w *Writer) State() []byte {
	binary.LittleEndian.PutUint16(w.buf[len(magic):], stateLayout)
	return binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum(w.buf, castagnoli))
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Grow makes room for so many bytes more.
func (w *Writer) Grow(n int) { w.buf = slices.Grow(w.buf, n) }

// Seal appends the digest to a file's other bytes. Writers need only Bytes; tests of
// decoders use Seal to get past the digest.
func Seal(body []byte) []byte {
	digest := sha256.Sum256(body)
	return append(body[:len(body):len(body)], digest[:]...)
}

// Reader reads the fields of a model file in the order they were written. The first
// failure is kept: after it every method returns zero values, and Close tells.
type Reader struct {
	Version int // the algorithm version of the model type

	rest   []byte
	err    error
	source *source // nil: rest is all there is
}

// Open checks frame and digest and that the file holds a model of the type, in one of
// the versions 1…newest. Failures wrap survival.ErrBadModelFile.
func Open(data []byte, typ string, newest int) (*Reader, error) {
	body := len(data) - sha256.Size
	if body < len(magic)+2 || !bytes.HasPrefix(data, []byte(magic)) {
		return nil, fmt.Errorf("%w: it does not begin as one", survival.ErrBadModelFile)
	}
	if digest := sha256.Sum256(data[:body]); !bytes.Equal(digest[:], data[body:]) {
		return nil, fmt.Errorf("%w: its digest does not match its bytes", survival.ErrBadModelFile)
	}
	r := &Reader{rest: data[len(magic):body]}
	return r, r.begin(layout, typ, newest)
}

// OpenState is Open for what State gave.
func OpenState(data []byte, typ string, newest int) (*Reader, error) {
	body := len(data) - crc32.Size
	if body < len(magic)+2 || !bytes.HasPrefix(data, []byte(magic)) {
		return nil, fmt.Errorf("%w: it does not begin as one", survival.ErrBadModelFile)
	}
	if crc32.Checksum(data[:body], castagnoli) != binary.LittleEndian.Uint32(data[body:]) {
		return nil, fmt.Errorf("%w: its checksum does not match its bytes", survival.ErrBadModelFile)
	}
	r := &Reader{rest: data[len(magic):body]}
	return r, r.begin(stateLayout, typ, newest)
}

// begin reads what comes before the fields.
func (r *Reader) begin(layout uint16, typ string, newest int) error {
	if l := r.take(2); r.err == nil && binary.LittleEndian.Uint16(l) != layout {
		r.Fail(fmt.Sprintf("only layout %d is known", layout))
	}
	if got := r.String(); r.err == nil && got != typ {
		r.Fail(fmt.Sprintf("it holds a model of type %q, not %q", got, typ))
	}
	if v := r.take(4); v != nil {
		r.Version = int(binary.LittleEndian.Uint32(v))
	}
	if r.err == nil && (r.Version < 1 || r.Version > newest) {
		r.Fail(fmt.Sprintf("version %d of %s; known are 1 to %d", r.Version, typ, newest))
	}
	return r.err
}

// Fail records a failure that the caller found in the fields: what is wrong.
func (r *Reader) Fail(problem string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", survival.ErrBadModelFile, problem)
		r.rest = nil
	}
}

// take returns the next n bytes, or nil after a failure.
func (r *Reader) take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.fill(n)
	}
	if r.err != nil || n > len(r.rest) {
		r.Fail("it ends within a field")
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// count reads a list's length, each element of which takes at least size bytes.
func (r *Reader) count(size int) int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n*int64(size) > int64(len(r.rest))+r.unread() {
		r.Fail("a list is longer than the file")
		return 0
	}
	return int(n)
}

// Int reads an integer.
func (r *Reader) Int() int {
	if b := r.take(8); b != nil {
		return int(int64(binary.LittleEndian.Uint64(b)))
	}
	return 0
}

// Bool reads a truth value.
func (r *Reader) Bool() bool {
	b := r.take(1)
	if b != nil && b[0] > 1 {
		r.Fail("a truth value is neither 0 nor 1")
	}
	return b != nil && b[0] == 1
}

// Float reads a number.
func (r *Reader) Float() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// String reads a text.
func (r *Reader) String() string { return string(r.take(r.count(1))) }

// Floats reads a list of numbers; an empty one is nil.
func (r *Reader) Floats() []float64 {
	n := r.count(8)
	if n == 0 {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = r.Float()
	}
	return v
}

// Strings reads a list of texts; an empty one is nil.
func (r *Reader) Strings() []string {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	v := make([]string, n)
	for i := range v {
		v[i] = r.String()
	}
	return v
}

// Int32s reads a list of 32-bit integers; an empty one is nil.
func (r *Reader) Int32s() []int32 { return words(r, func(w uint32) int32 { return int32(w) }) }

// Uint32s reads a list of 32-bit numbers without a sign; an empty one is nil.
func (r *Reader) Uint32s() []uint32 { return words(r, func(w uint32) uint32 { return w }) }

// Float32s reads a list of single-precision numbers; an empty one is nil.
func (r *Reader) Float32s() []float32 { return words(r, math.Float32frombits) }

// words reads a list of elements of 4 bytes.
func words[T any](r *Reader, value func(uint32) T) []T {
	n := r.count(4)
	if n == 0 {
		return nil
	}
	b := r.take(4 * n)
	if b == nil { // the source ended early
		return nil
	}
	v := make([]T, n)
	for i := range v {
		v[i] = value(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// Close returns the first failure; bytes left over are one, and so is a digest that does not
// match where Open has not seen it.
func (r *Reader) Close() error {
	if len(r.rest) > 0 || r.unread() > 0 {
		r.Fail("bytes are left over")
	}
	if r.source != nil && r.err == nil {
		r.checkDigest()
	}
	return r.err
}
