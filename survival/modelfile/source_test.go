package modelfile

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"everfold/survival"
)

// words32 is how many words of 32 bits are more than what is read at a time.
const words32 = fillBytes/4 + 1000

// streamed is a file with fields longer than what is read at a time.
func streamed() (file []byte, long []float64) {
	long = make([]float64, fillBytes/8+1000)
	for i := range long {
		long[i] = float64(i)
	}
	w := NewWriter("t", 2)
	w.String("text")
	w.Floats(long)
	w.Floats(long[:100])
	w.File([]byte("inner"))
	w.Bool(true)
	w.Int32s(make([]int32, words32))
	w.Float32s(make([]float32, words32))
	return w.Bytes(), long
}

// readStreamed reads all of its fields.
func readStreamed(in io.Reader, size int64) (text string, long, short []float64, inner []byte, err error) {
	r, err := OpenStream(in, size, "t", 2)
	if err != nil {
		return "", nil, nil, nil, err
	}
	text, long, short, inner = r.String(), r.Floats(), r.Floats(), r.File()
	r.Bool()
	r.Int32s()
	r.Float32s()
	return text, long, short, inner, r.Close()
}

// A file that is read as it comes, in pieces of any size, has the fields of one held whole.
func TestOpenStream(t *testing.T) {
	file, long := streamed()
	for name, in := range map[string]io.Reader{
		"whole": bytes.NewReader(file), "halves": iotest.HalfReader(bytes.NewReader(file)), "end with data": iotest.DataErrReader(bytes.NewReader(file)),
	} {
		text, got, short, inner, err := readStreamed(in, int64(len(file)))
		if err != nil || text != "text" || !slices.Equal(got, long) || !slices.Equal(short, long[:100]) || string(inner) != "inner" {
			t.Errorf("%s: %q, %d, %d numbers, %q, %v", name, text, len(got), len(short), inner, err)
		}
	}
}

// What is not a whole, undamaged file of the type is refused by Close at the latest; an
// error of the source is told as it is.
func TestOpenStreamRefuses(t *testing.T) {
	file, _ := streamed()
	flipped := slices.Clone(file)
	flipped[len(file)/2] ^= 1
	last := slices.Clone(file)
	last[len(file)-1] ^= 1
	for name, c := range map[string]struct {
		data []byte
		size int
	}{
		"nothing": {nil, 0}, "foreign": {make([]byte, 100), 100}, "cut": {file[:len(file)-1], len(file)}, "cut within": {file[:fillBytes], len(file)},
		"cut in words": {file[:len(file)-6*words32], len(file)}, "cut in the last": {file[:len(file)-2*words32], len(file)},
		"shorter": {file, len(file) - 1}, "longer": {append(slices.Clone(file), 0), len(file) + 1},
		"flipped": {flipped, len(file)}, "digest": {last, len(file)}, "other type": {NewWriter("u", 1).Bytes(), len(NewWriter("u", 1).Bytes())},
	} {
		if _, _, _, _, err := readStreamed(bytes.NewReader(c.data), int64(c.size)); !errors.Is(err, survival.ErrBadModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := errors.New("gone")
	for _, n := range []int{3, fillBytes + 10, len(file) - 6*words32, len(file) - 2*words32, len(file) - 5} {
		in := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(gone))
		if _, _, _, _, err := readStreamed(in, int64(len(file))); !errors.Is(err, gone) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
