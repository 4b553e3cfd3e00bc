package artifact

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"everfold/store"
)

// Element is a type of number that arrays are kept in.
type Element interface{ int64 | float64 | float32 }

// The format is NumPy's .npy, version 1.0, little-endian, C order (NumPy Enhancement
// Proposal 1, "A Simple File Format for NumPy Arrays"). It is read here and not by a
// library so that nothing is allocated for sizes that a damaged header merely claims.
const (
	npyMagic = "\x93NUMPY\x01\x00"
	npyAlign = 64
	npyChunk = 64 << 10
)

var npyHeader = regexp.MustCompile(`^\{'descr': '([<>|=]?[a-z0-9]+)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), ?\} *\n$`)

func dtype[T Element]() (name string, size int) {
	switch any(*new(T)).(type) {
	case int64:
		return "<i8", 8
	case float64:
		return "<f8", 8
	default:
		return "<f4", 4
	}
}

// NPY streams data as an .npy file of that shape, without a second copy in memory. It
// panics where the shape does not hold exactly len(data) elements.
func NPY[T Element](data []T, shape ...int) io.ReadSeeker {
	if n, ok := elements(shape); !ok || n != len(data) {
		panic("artifact: array shape does not match its data")
	}
	name, size := dtype[T]()
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.Itoa(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", name, tuple)
	used := len(npyMagic) + 2 + len(dict) + 1
	dict += strings.Repeat(" ", (npyAlign-used%npyAlign)%npyAlign) + "\n"
	header := binary.LittleEndian.AppendUint16([]byte(npyMagic), uint16(len(dict)))
	header = append(header, dict...)
	encode := func(dst []byte, i int) { putElements(dst, data[i:i+len(dst)/size]) }
	body := &npyBody{header: header, size: size, encode: encode}
	body.total = int64(len(header)) + int64(len(data))*int64(size)
	return body
}

// npyBody makes the bytes at any offset when they are read.
type npyBody struct {
	header    []byte
	size      int
	encode    func(dst []byte, i int) // the elements from i on that dst has room for, exactly
	at, total int64
	scratch   [8]byte
}

func (b *npyBody) Read(p []byte) (n int, err error) {
	for n < len(p) && b.at < b.total {
		if b.at < int64(len(b.header)) {
			c := copy(p[n:], b.header[b.at:])
			n, b.at = n+c, b.at+int64(c)
			continue
		}
		i, within := int(b.at-int64(len(b.header)))/b.size, int(b.at-int64(len(b.header)))%b.size
		c := min(len(p)-n, int(b.total-b.at)) / b.size * b.size
		if within == 0 && c > 0 {
			b.encode(p[n:n+c], i)
		} else { // an element cut by the end of a buffer
			b.encode(b.scratch[:b.size], i)
			c = copy(p[n:], b.scratch[within:b.size])
		}
		n, b.at = n+c, b.at+int64(c)
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (b *npyBody) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.total
	}
	if offset < 0 {
		return b.at, fmt.Errorf("artifact: seek before the start")
	}
	b.at = offset
	return offset, nil
}

func putElements[T Element](dst []byte, src []T) {
	switch src := any(src).(type) {
	case []int64:
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(v))
		}
	case []float64:
		for i, v := range src {
			binary.LittleEndian.PutUint64(dst[8*i:], math.Float64bits(v))
		}
	case []float32:
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	}
}

// elements is the product of the shape; ok is false where a dimension is negative or the
// bytes would not fit an int.
func elements(shape []int) (n int, ok bool) {
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/8/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// ReadNPY reads an .npy stream of size bytes whose elements are of type T. What it
// allocates is bounded by what comes. Errors wrap ErrDamaged, or are r's.
func ReadNPY[T Element](r io.Reader, size int64) (data []T, shape []int, err error) {
	header, shape, err := readHeader[T](r)
	if err != nil {
		return nil, nil, err
	}
	_, width := dtype[T]()
	n, ok := elements(shape)
	if !ok || int64(n)*int64(width)+int64(header) != size {
		return nil, nil, fmt.Errorf("%w: shape %v does not fit its %d bytes", ErrDamaged, shape, size)
	}
	data = []T{}
	buffer := make([]byte, npyChunk)
	for len(data) < n {
		chunk := buffer[:min(npyChunk, (n-len(data))*width)]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, nil, fmt.Errorf("array cut short: %w", err)
		}
		done, more := len(data), len(chunk)/width
		if done+more > cap(data) {
			data = append(make([]T, 0, max(done+more, store.Room(done, n))), data...)
		}
		data = data[:done+more]
		getElements(data[done:], chunk)
	}
	// The end must be read too: a verifying reader gives its verdict there.
	if n, err := r.Read(buffer[:1]); n != 0 || err != io.EOF {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("%w: bytes after the array", ErrDamaged)
		}
		return nil, nil, err
	}
	return data, shape, nil
}

func readHeader[T Element](r io.Reader) (length int, shape []int, err error) {
	fixed := make([]byte, len(npyMagic)+2)
	if _, err := io.ReadFull(r, fixed); err != nil {
		return 0, nil, fmt.Errorf("array header: %w", err)
	}
	if string(fixed[:len(npyMagic)]) != npyMagic {
		return 0, nil, fmt.Errorf("%w: not an .npy file of version 1.0", ErrDamaged)
	}
	dict := make([]byte, binary.LittleEndian.Uint16(fixed[len(npyMagic):]))
	if _, err := io.ReadFull(r, dict); err != nil {
		return 0, nil, fmt.Errorf("array header: %w", err)
	}
	parts := npyHeader.FindSubmatch(dict)
	if parts == nil {
		return 0, nil, fmt.Errorf("%w: array header is not readable", ErrDamaged)
	}
	if want, _ := dtype[T](); string(parts[1]) != want {
		return 0, nil, fmt.Errorf("%w: array of type %s, expected %s", ErrDamaged, parts[1], want)
	}
	if string(parts[2]) != "False" {
		return 0, nil, fmt.Errorf("%w: array in Fortran order, expected C order", ErrDamaged)
	}
	for d := range strings.SplitSeq(strings.TrimSuffix(strings.ReplaceAll(string(parts[3]), " ", ""), ","), ",") {
		if d == "" {
			break // a scalar's empty tuple
		}
		v, err := strconv.Atoi(d)
		if err != nil {
			return 0, nil, fmt.Errorf("%w: array shape is not readable", ErrDamaged)
		}
		shape = append(shape, v)
	}
	return len(fixed) + len(dict), shape, nil
}

func getElements[T Element](dst []T, src []byte) {
	switch dst := any(dst).(type) {
	case []int64:
		for i := range len(src) / 8 {
			dst[i] = int64(binary.LittleEndian.Uint64(src[8*i:]))
		}
	case []float64:
		for i := range len(src) / 8 {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
	case []float32:
		for i := range len(src) / 4 {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}
}

// PutArray stores data under key as an .npy file and describes it. Whatever was there is
// replaced.
func PutArray[T Element](ctx context.Context, s store.Store, key string, data []T, shape ...int) (File, error) {
	body := NPY(data, shape...)
	file := describe[T](key, body, shape)
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return File{}, err
	}
	if err := putArray(ctx, s, file, body); err != nil {
		return File{}, err
	}
	return file, nil
}

// putArray stores the body of an array that is described already.
func putArray(ctx context.Context, s store.Store, file File, body io.Reader) error {
	_, err := s.Put(ctx, file.Key, body, store.Condition{})
	return err
}

// describe digests the body beforehand, so that a store may read it more than once.
func describe[T Element](key string, body io.Reader, shape []int) File {
	hash := &store.Hashing{}
	_, _ = io.Copy(hash, body) // neither side can fail
	name, _ := dtype[T]()
	return File{Key: key, SHA256: hash.SHA256(), Bytes: hash.Size(), DType: name, Shape: shape}
}

// ArraySHA256 is the digest of the .npy file that data would be as one dimension.
func ArraySHA256[T Element](data []T) string {
	return describe[T]("", NPY(data, len(data)), nil).SHA256
}

// GetArray reads the array that file describes and verifies its bytes, type and shape.
// Errors wrap store.ErrNotFound, store.ErrCorrupt, ErrDamaged, or are the store's.
func GetArray[T Element](ctx context.Context, s store.Store, file File) ([]T, error) {
	body, info, err := s.Get(ctx, file.Key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size != file.Bytes {
		return nil, fmt.Errorf("read %s: %w: %d bytes, expected %d", file.Key, store.ErrCorrupt, info.Size, file.Bytes)
	}
	data, shape, err := ReadNPY[T](store.VerifyReader(body, file.Bytes, file.SHA256), info.Size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file.Key, err)
	}
	if fmt.Sprint(shape) != fmt.Sprint(file.Shape) {
		return nil, fmt.Errorf("read %s: %w: shape %v, expected %v", file.Key, ErrDamaged, shape, file.Shape)
	}
	return data, nil
}
