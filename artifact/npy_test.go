package artifact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"codeberg.org/sbinet/npyio"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"everfold/artifact"
	"everfold/store"
)

func npy[T artifact.Element](t require.TestingT, data []T, shape ...int) []byte {
	content, err := io.ReadAll(artifact.NPY(data, shape...))
	require.NoError(t, err)
	return content
}

// What is written is read back bit for bit, NaN payloads and signed zeros included.
func TestNPYRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SliceOfN(rapid.Uint64(), 0, 40).Draw(t, "bits")
		floats, ints := make([]float64, len(bits)), make([]int64, len(bits))
		for i, b := range bits {
			floats[i], ints[i] = math.Float64frombits(b), int64(b)
		}
		file := npy(t, floats, len(floats))
		got, shape, err := artifact.ReadNPY[float64](bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		require.Equal(t, []int{len(bits)}, shape)
		for i := range bits {
			require.Equal(t, bits[i], math.Float64bits(got[i]))
		}
		file = npy(t, ints, len(ints))
		gotInts, _, err := artifact.ReadNPY[int64](bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		require.Equal(t, ints, gotInts)
	})
}

// Read sizes and seeks do not change the stream: elements may be cut anywhere.
func TestNPYStreamsAtAnyOffset(t *testing.T) {
	data := []float32{1, 2, 3, 4, 5, 6}
	file := npy(t, data, 2, 3)
	require.NoError(t, iotest.TestReader(artifact.NPY(data, 2, 3), file))
	body := artifact.NPY(data, 2, 3)
	for at := range len(file) {
		_, err := body.Seek(int64(at), io.SeekStart)
		require.NoError(t, err)
		rest, err := io.ReadAll(iotest.OneByteReader(body))
		require.NoError(t, err)
		require.Equal(t, file[at:], rest)
	}
	_, err := body.Seek(-1, io.SeekStart)
	require.Error(t, err)
}

// An independent implementation reads what is written.
func TestNPYAgreesWithNpyio(t *testing.T) {
	var floats []float64
	require.NoError(t, npyio.Read(bytes.NewReader(npy(t, []float64{1.5, -2, math.Pi, 0, 1e300, 5}, 2, 3)), &floats))
	require.Equal(t, []float64{1.5, -2, math.Pi, 0, 1e300, 5}, floats)
	var narrow []float32
	require.NoError(t, npyio.Read(bytes.NewReader(npy(t, []float32{0.5, 0.25}, 2)), &narrow))
	require.Equal(t, []float32{0.5, 0.25}, narrow)
	var ints []int64
	require.NoError(t, npyio.Read(bytes.NewReader(npy(t, []int64{3, -1, 1 << 60}, 3)), &ints))
	require.Equal(t, []int64{3, -1, 1 << 60}, ints)
}

// hostile is a file with that dictionary and n bytes of data.
func hostile(dict string, n int) []byte {
	file := append([]byte("\x93NUMPY\x01\x00"), byte(len(dict)), byte(len(dict)>>8))
	return append(append(file, dict...), make([]byte, n)...)
}

// No header makes the reader allocate beyond the file, panic or accept another array.
func TestNPYRefusesHostileHeaders(t *testing.T) {
	header := func(descr, order, shape string) string {
		return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", descr, order, shape)
	}
	for name, file := range map[string][]byte{
		"huge shape":      hostile(header("<f8", "False", "1000000000000,"), 8),
		"overflow":        hostile(header("<f8", "False", "4294967296, 4294967296"), 8),
		"overflow to one": hostile(header("<f8", "False", "9223372036854775807, 9223372036854775807"), 8),
		"beyond int":      hostile(header("<f8", "False", "99999999999999999999,"), 8),
		"negative":        hostile(header("<f8", "False", "-1,"), 8),
		"other type":      hostile(header("<f4", "False", "2,"), 8),
		"big endian":      hostile(header(">f8", "False", "1,"), 8),
		"fortran":         hostile(header("<f8", "True", "1,"), 8),
		"no shape":        hostile("{'descr': '<f8', 'fortran_order': False, }\n", 8),
		"object":          hostile(header("|O", "False", "1,"), 8),
		"no newline":      hostile(strings.TrimSuffix(header("<f8", "False", "1,"), "\n"), 8),
		"empty header":    hostile("", 8),
		"too many bytes":  hostile(header("<f8", "False", "1,"), 9),
		"too few bytes":   hostile(header("<f8", "False", "1,"), 7),
		"version 9":       append([]byte("\x93NUMPY\x09\x00"), make([]byte, 100)...),
		"not npy":         []byte("PK\x03\x04 something else entirely"),
	} {
		_, _, err := artifact.ReadNPY[float64](bytes.NewReader(file), int64(len(file)))
		require.ErrorIs(t, err, artifact.ErrDamaged, name)
	}
	good := npy(t, []float64{1, 2}, 2)
	for cut := range len(good) {
		_, _, err := artifact.ReadNPY[float64](bytes.NewReader(good[:cut]), int64(len(good)))
		require.Error(t, err, "cut at %d", cut)
	}
	_, _, err := artifact.ReadNPY[float64](io.MultiReader(bytes.NewReader(good), strings.NewReader("x")), int64(len(good)))
	require.ErrorIs(t, err, artifact.ErrDamaged)
	require.Panics(t, func() { artifact.NPY([]float64{1}, 2) })
}

// Whatever bytes come, reading ends with an array or an error, and never allocates beyond
// what they hold.
func FuzzReadNPY(f *testing.F) {
	f.Add(npy(f, []float64{1, 2, 3}, 3))
	f.Add(hostile("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", 8))
	f.Fuzz(func(t *testing.T, file []byte) {
		data, shape, err := artifact.ReadNPY[float64](bytes.NewReader(file), int64(len(file)))
		if err == nil {
			require.LessOrEqual(t, len(data)*8, len(file))
			require.NotPanics(t, func() { artifact.NPY(data, shape...) })
		}
	})
}

// A stored array is returned only as described: bytes, type and shape.
func TestGetArrayVerifies(t *testing.T) {
	s := memory()
	file, err := artifact.PutArray(t.Context(), s, "a.npy", []float64{1, 2, 3, 4, 5, 6}, 2, 3)
	require.NoError(t, err)
	require.Equal(t, "<f8", file.DType)
	got, err := artifact.GetArray[float64](t.Context(), s, file)
	require.NoError(t, err)
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6}, got)

	_, err = artifact.GetArray[int64](t.Context(), s, file)
	require.ErrorIs(t, err, artifact.ErrDamaged)
	other := file
	other.Shape = []int{3, 2}
	_, err = artifact.GetArray[float64](t.Context(), s, other)
	require.ErrorIs(t, err, artifact.ErrDamaged)

	whole := content(t, s, "a.npy")
	for at := range whole {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		overwrite(t, s, "a.npy", damaged)
		_, err := artifact.GetArray[float64](t.Context(), s, file)
		require.True(t, errors.Is(err, store.ErrCorrupt) || errors.Is(err, artifact.ErrDamaged), "bit of byte %d: %v", at, err)
	}
	overwrite(t, s, "a.npy", whole[:len(whole)-1])
	_, err = artifact.GetArray[float64](t.Context(), s, file)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.NoError(t, s.Delete(t.Context(), "a.npy"))
	_, err = artifact.GetArray[float64](t.Context(), s, file)
	require.ErrorIs(t, err, store.ErrNotFound)
}
