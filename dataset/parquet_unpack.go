package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

var errUnpacked = errors.New("a page does not unpack to what it says")

// zstdDecoder writes no more than it is given room for.
var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("dataset: zstd: " + err.Error()) // options alone can be wrong
	}
	return d
})

// errUnsized: nothing but unpacking tells how long a page is then.
var errUnsized = errors.New("a page does not say what it unpacks to")

// unpackedSize is how many bytes a page unpacks to, if to any.
func (c *columnCheck) unpackedSize(packed []byte) (int, error) {
	switch c.chunk.Codec {
	case format.Uncompressed:
		return len(packed), nil
	case format.Snappy:
		return snappy.DecodedLen(packed)
	}
	return 0, errUnsized
}

// unpack unpacks a page, or its values, to most bytes at most. The library goes on for as long as
// there is more to come, and with a damaged LZ4 page until no memory is left.
func (c *columnCheck) unpack(packed []byte, most int) (body []byte, err error) {
	if c.chunk.Codec == format.Uncompressed {
		return packed, nil
	}
	c.unpacked = resized(c.unpacked, most)
	n := 0
	switch c.chunk.Codec {
	case format.Snappy:
		if n, err = snappy.DecodedLen(packed); err == nil && n <= most {
			_, err = snappy.Decode(c.unpacked[:n], packed)
		}
	case format.Zstd:
		body, err = zstdDecoder().DecodeAll(packed, c.unpacked[:0:most])
		n = len(body)
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(packed, c.unpacked)
	case format.Gzip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(packed)); err == nil {
			n, err = readAll(z, c.unpacked)
		}
	case format.Brotli:
		n, err = readAll(brotli.NewReader(bytes.NewReader(packed)), c.unpacked)
	default:
		return nil, errors.New("a column is packed by a codec that is not known")
	}
	if err != nil || n > most {
		return nil, errUnpacked
	}
	return c.unpacked[:n], nil
}

// readAll reads all of in, for which into must have room.
func readAll(in io.Reader, into []byte) (n int, err error) {
	for n < len(into) {
		more, err := in.Read(into[n:])
		n += more
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	if more, err := io.ReadFull(in, make([]byte, 1)); more > 0 || err != io.EOF {
		return n, errUnpacked
	}
	return n, nil
}

// resized is a buffer of n bytes, whatever they are.
func resized(b []byte, n int) []byte { return slices.Grow(b[:0], n)[:n] }
