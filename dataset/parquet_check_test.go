package dataset

import (
	"bytes"
	"encoding/binary"
	"io"
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

// Claim: a page's header is read whatever its length, and what it claims is held against what
// can be.
func TestPageClaims(t *testing.T) {
	header := []byte{0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x50, 0x2c, 0x15, 0x14, 0x00, 0x00} // a data page: 100 bytes of 40, 10 values
	p, err := readPageHeader(bytes.NewReader(header), 0, int64(len(header)))
	require.NoError(t, err)
	require.Equal(t, pageHeader{length: int64(len(header)), packed: 40, unpacked: 100, values: 10}, p)
	padded := append(binary.AppendUvarint([]byte{0x15, 0x00, 0x15, 0xc8, 0x01, 0x15, 0x50, 0x2c, 0x15, 0x14, 0x4c, 0x18}, 5000), make([]byte, 5000)...)
	padded = append(padded, 0, 0, 0) // statistics of 5,000 bytes
	p, err = readPageHeader(bytes.NewReader(padded), 0, int64(len(padded)))
	require.NoError(t, err)
	require.EqualValues(t, 10, p.values)
	_, err = readPageHeader(io.NewSectionReader(bytes.NewReader(padded), 0, 100), 0, 100)
	require.Error(t, err)

	good := pageHeader{packed: 40, unpacked: 100, values: 10, entries: 3}
	require.True(t, good.plausible(40, 10))
	for name, change := range map[string]func(*pageHeader){
		"beyond the column": func(p *pageHeader) { p.packed = 41 }, "negative": func(p *pageHeader) { p.packed = -1 },
		"bomb": func(p *pageHeader) { p.unpacked = 1 << 30 }, "more values than rows": func(p *pageHeader) { p.values = 11 },
		"negative values": func(p *pageHeader) { p.values = -1 }, "entries": func(p *pageHeader) { p.entries = 801 }, "negative entries": func(p *pageHeader) { p.entries = -1 },
	} {
		bad := good
		change(&bad)
		require.False(t, bad.plausible(40, 10), name)
	}
	require.False(t, pageHeader{packed: 40, unpacked: 100, values: 1 << 30}.plausible(40, 1<<40), "more values than a page may have")
}
