package dataset

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// footed is a Parquet file of a footer alone.
func footed(footer []byte) []byte {
	file := append([]byte("PAR1\x00\x00\x00\x00\x00\x00\x00\x00"), footer...)
	return append(binary.LittleEndian.AppendUint32(file, uint32(len(footer))), "PAR1"...)
}

// Claim: footers that promise more than they hold, or more than the library could bear, are
// refused before memory is asked for.
func TestFooterClaims(t *testing.T) {
	long := binary.AppendUvarint([]byte{0x29, 0xfc}, 1<<31)  // field 2: a list of so many structures
	text := binary.AppendUvarint([]byte{0x68}, 1<<40)        // field 6: a text of so many bytes
	deep := bytes.Repeat([]byte{0x1c}, 1000)                 // field 1 of field 1 of …
	broad := binary.AppendUvarint([]byte{0x49, 0xfc}, 1<<20) // field 4: many structures of nothing
	schema := append(binary.AppendUvarint([]byte{0x29, 0xfc}, mostSchema+1), make([]byte, mostSchema+2)...)
	for name, file := range map[string][]byte{
		"marks alone": []byte("PAR1PAR1"), "long marks": []byte("PAR1PAR1PAR1PAR1"), "long list": footed(long), "long text": footed(text),
		"deep": footed(deep), "broad": footed(append(broad, make([]byte, 1<<20+1)...)), "schema": footed(schema), "cut": footed([]byte{0x15}),
		"map": footed([]byte{0x1b, 0x01, 0x88, 0x00}), "far field": footed([]byte{0x05}),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := checkFooter(bytes.NewReader(file), int64(len(file)))
		runtime.ReadMemStats(&after)
		var refused *InvalidError
		require.ErrorAs(t, err, &refused, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20), name)
	}
	sound := footed([]byte{0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, 'a', 0x00, 0x16, 0x0a, 0x00}) // version, a schema of one, rows
	require.NoError(t, checkFooter(bytes.NewReader(sound), int64(len(sound))))
}
