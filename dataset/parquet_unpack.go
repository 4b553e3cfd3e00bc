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

// codecs are those that pages may be packed by. LZ4 is not among them: the library gives what its
// buffer held before for most pages, and with a damaged one it asks for memory until none is left.
var codecs = []format.CompressionCodec{format.Uncompressed, format.Snappy, format.Gzip, format.Brotli, format.Zstd}

// unpack unpacks a page, or its values, to so many bytes. The library goes on for as long as there
// is more to come.
func (c *columnCheck) unpack(packed []byte, size int) ([]byte, error) {
	if c.chunk.Codec == format.Uncompressed {
		return packed, nil
	}
	const usual = 32 // times as many at most: room for more is made where there is more
	for room := min(size, usual*len(packed)); ; room = size {
		c.unpacked = resized(c.unpacked, room)
		n, err := unpackInto(c.unpacked, packed, c.chunk.Codec)
		if err == nil && n == size {
			return c.unpacked, nil
		}
		if room == size {
			return nil, errUnpacked
		}
	}
}

// unpackInto unpacks a page; what does not fit is an error.
func unpackInto(into, packed []byte, codec format.CompressionCodec) (n int, err error) {
	switch codec {
	case format.Snappy:
		if n, err = snappy.DecodedLen(packed); err != nil || n > len(into) {
			return 0, errUnpacked
		}
		_, err = snappy.Decode(into[:n], packed)
		return n, err
	case format.Zstd:
		body, err := zstdDecoder().DecodeAll(packed, into[:0:len(into)])
		return len(body), err
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return 0, err
		}
		return readAll(z, into)
	case format.Brotli:
		return readAll(brotli.NewReader(bytes.NewReader(packed)), into)
	}
	return 0, errUnpacked // by a codec that is refused before
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
