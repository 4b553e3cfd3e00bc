package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/encoding/bitpacked"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

var errValues = errors.New("a page has not the values that it says")

// errRuns: truth values are kept as runs, and of a run of true ones the library leaves one in eight.
var errRuns = errors.New("truth values are kept as runs")

// cutLength takes off bytes that come after their number, as levels and texts do.
func cutLength(body []byte) (within, rest []byte, ok bool) {
	if len(body) < 4 {
		return nil, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(body))
	if body = body[4:]; n > int64(len(body)) {
		return nil, nil, false
	}
	return body[:n], body[n:], true
}

// padded is how many values may be encoded where there are n: what a writer has to fill up.
func padded(n int) int { return 2*n + 1024 }

// present counts the values that are there, by the levels of n.
func (c *columnCheck) present(levels []byte, by format.Encoding, n int) (int, error) {
	var decoder encoding.Encoding
	switch by {
	case format.RLE:
		if total, ok := runs(levels, 1, n); !ok || total < n {
			return 0, errors.New("a page has not the levels that it says")
		}
		decoder = &rle.Encoding{BitWidth: 1}
	case format.BitPacked:
		decoder = &bitpacked.Encoding{BitWidth: 1}
	default:
		return 0, errors.New("levels have an encoding that they cannot have")
	}
	var err error
	if c.levels, err = decoder.DecodeLevels(c.levels[:0], levels); err != nil || len(c.levels) < n {
		return 0, errors.New("a page has not the levels that it says")
	}
	return bytes.Count(c.levels[:n], []byte{1}), nil
}

// values looks at n values in their encoding.
func (c *columnCheck) values(by format.Encoding, body []byte, n int) error {
	ok := true
	switch by {
	case format.Plain, format.ByteStreamSplit:
		if c.kind == parquet.ByteArray {
			ok = textsIn(body, n)
		} else {
			return c.lengths(len(body), n)
		}
	case plainDictionary, format.RLEDictionary:
		if len(body) > 0 { // trailing zeros may be left out, even all
			_, ok = runs(body[1:], int(body[0]), n)
		}
	case format.RLE:
		return errRuns
	case format.DeltaBinaryPacked:
		var count int
		count, _, ok = deltas(body, n, int(bitsOf(c.kind)))
		ok = ok && count >= n
	case format.DeltaLengthByteArray:
		var sum int64
		sum, body, ok = summed(body, n)
		ok = ok && sum <= int64(len(body))
	case format.DeltaByteArray:
		ok = prefixed(body, n)
	}
	if !ok {
		return errValues
	}
	return nil
}

// lengths says whether n values fit into so many bytes as they are.
func (c *columnCheck) lengths(size, n int) error {
	if int64(size)*8 < int64(n)*bitsOf(c.kind) {
		return errValues
	}
	return nil
}

// lengthBits are those of a text's length.
const lengthBits = 32

// bitsOf is how many bits a value has at least.
func bitsOf(kind parquet.Kind) int64 {
	switch kind {
	case parquet.Boolean:
		return 1
	case parquet.Int64, parquet.Double:
		return 64
	}
	return lengthBits // or a number of as many
}

// textsIn steps over n texts, each after its length: the library looks for the last beyond the page.
func textsIn(body []byte, n int) bool {
	for ; len(body) > 0; n-- {
		var ok bool
		if _, body, ok = cutLength(body); !ok {
			return false
		}
	}
	return n <= 0
}

// runs adds up the runs of values of so many bits (parquet-format, Encodings, RLE): ok says that
// they end with the bytes, and are not many more than n.
func runs(src []byte, width, n int) (total int, ok bool) {
	for len(src) > 0 {
		head, size := binary.Uvarint(src)
		if size <= 0 || head>>1 > uint64(padded(n)) || width > 32 {
			return 0, false
		}
		if src = src[size:]; head < 2 {
			continue // a run of nothing, without a value
		}
		count, bytes := int(head>>1), (width+7)/8
		if head&1 == 1 { // groups of eight, packed
			bytes = count * width
			count *= 8
		}
		if total += count; bytes > len(src) || total > padded(n) {
			return 0, false
		}
		src = src[bytes:]
	}
	return total, true
}

// deltas steps over whole numbers that are kept as differences (parquet-format, Encodings,
// DELTA_BINARY_PACKED), of which there are not many more than n, of so many bits at most, and gives
// what comes after. Of a part that is cut short the library would take the rest from whatever follows.
func deltas(src []byte, n, most int) (count int, rest []byte, ok bool) {
	var head [4]uint64 // values of a block, its parts, all values, the first value
	for i := range head {
		v, size := binary.Uvarint(src)
		if size <= 0 {
			return 0, nil, false
		}
		head[i], src = v, src[size:]
	}
	const mostBlock = 1 << 16 // as in the library
	if head[0] == 0 || head[0] > mostBlock || head[1] == 0 || head[0]%head[1] != 0 || head[2] > uint64(padded(n)) {
		return 0, nil, false
	}
	part, parts := int(head[0]/head[1]), int(head[1])
	count = int(head[2])
	for left := count - 1; left > 0; {
		_, size := binary.Uvarint(src)
		if size <= 0 || size+parts > len(src) {
			return 0, nil, false
		}
		widths := src[size : size+parts]
		src = src[size+parts:]
		for _, width := range widths {
			if left <= 0 {
				break
			}
			bytes := part * int(width) / 8
			if int(width) > most || bytes > len(src) {
				return 0, nil, false
			}
			src = src[bytes:]
			left -= part
		}
	}
	return count, src, true
}

// summed adds up lengths that are kept as deltas are; rest is what comes after.
func summed(src []byte, n int) (sum int64, rest []byte, ok bool) {
	if _, rest, ok = deltas(src, n, lengthBits); !ok {
		return 0, nil, false
	}
	lengths, err := (&delta.BinaryPackedEncoding{}).DecodeInt32(nil, src[:len(src)-len(rest)])
	for _, length := range lengths {
		sum += int64(length)
		ok = ok && length >= 0
	}
	return sum, rest, ok && err == nil
}

// prefixed looks at texts of which each is kept as what it has in common with the one before and
// what it has not (parquet-format, Encodings, DELTA_BYTE_ARRAY): together they may be far longer
// than what is kept.
func prefixed(body []byte, n int) bool {
	common, own, ok := summed(body, n)
	if !ok || common > plainPage+deflated*int64(len(body)) {
		return false
	}
	sum, rest, ok := summed(own, n)
	return ok && sum <= int64(len(rest))
}
