package artifact

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/local"
)

// A stream whose writer ends early leaves no object, also where it ends with a bare io.EOF, which
// a pipe would take for the end of what is whole; one that ends well is described.
func TestPutStream(t *testing.T) {
	s, err := local.Open(t.TempDir())
	require.NoError(t, err)
	_, err = PutStream(t.Context(), s, "data/part", func(w io.Writer) error {
		_, err := w.Write([]byte("half"))
		require.NoError(t, err)
		return io.EOF
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "write data/part: ")
	_, _, err = s.Get(t.Context(), "data/part")
	require.ErrorIs(t, err, store.ErrNotFound)

	f, err := PutStream(t.Context(), s, "data/part", func(w io.Writer) error {
		_, err := w.Write([]byte("whole"))
		return err
	})
	require.NoError(t, err)
	require.Equal(t, File{Key: "data/part", SHA256: store.SHA256([]byte("whole")), Bytes: 5}, f)
}
