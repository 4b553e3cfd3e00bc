package survtest

import (
	"bytes"
	"fmt"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

func (s Subject) file(t T) (survival.Model, []byte) {
	t.Helper()
	x, y := data(60, 2)
	m := s.fit(t, x, y)
	file, err := m.MarshalBinary()
	require.NoError(t, err)
	return m, file
}

// checkRoundTrip: a decoded model is the model: type, columns, report, predictions and
// file, bit by bit.
func checkRoundTrip(t T, s Subject) {
	x, y := data(60, 2)
	m, file := s.file(t)
	again, err := m.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, file, again)
	back, err := s.Decode(file)
	require.NoError(t, err)
	require.Equal(t, m.Type(), back.Type())
	require.NotEmpty(t, back.Type())
	require.Equal(t, m.Columns(), back.Columns())
	// As text, which has every bit of a number and in which NaN, a missing SE, equals itself.
	require.Equal(t, fmt.Sprintf("%#v", m.Report()), fmt.Sprintf("%#v", back.Report()))
	requireEqual(t, predict(t, m, x, grid(y)), predict(t, back, x, grid(y)))
	again, err = back.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, file, again)
}

// checkDamaged: bytes that are not this model's file, and the file with any byte changed,
// cut off or appended, are survival.ErrBadModelFile and never a panic.
func checkDamaged(t T, s Subject) {
	_, file := s.file(t)
	refuse := func(data []byte, what string, at int) {
		_, err := s.Decode(data)
		require.ErrorIs(t, err, survival.ErrBadModelFile, "%s at %d", what, at)
	}
	for k, foreign := range [][]byte{nil, {}, {0}, []byte("PK\x03\x04"), bytes.Repeat([]byte{0xff}, 4096), make([]byte, 4096)} {
		refuse(foreign, "foreign bytes", k)
	}
	for k := 0; k < len(file); k += 1 + len(file)/1000 {
		damaged := bytes.Clone(file)
		damaged[k] ^= 0x40
		refuse(damaged, "changed byte", k)
		refuse(file[:k], "cut", k)
	}
	refuse(append(bytes.Clone(file), 0), "appended byte", len(file))
}
