package hostile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"everfold/survival/modelfile"
)

// frame is what is around the fields of a model file, or of a state of an unfinished fit: the head
// with type and version, and the digest or checksum at the end (see survival/modelfile).
type frame struct {
	head []byte
	sum  bool // a checksum
}

const mark = "EVERFOLD"

// framed takes a file apart.
func framed(file []byte) (f frame, payload []byte) {
	const layout = len(mark)
	const fixed = layout + 2
	at := fixed + 4 + int(binary.LittleEndian.Uint32(file[fixed:])) + 4
	f = frame{head: file[:at:at], sum: file[layout] == 2}
	if f.sum {
		return f, file[at : len(file)-crc32.Size]
	}
	return f, file[at : len(file)-sha256.Size]
}

// file is a file of these fields; nested are those of the first file in it, if there is one.
func (f frame) file(payload, nested []byte) []byte {
	body := append(bytes.Clone(f.head), payload...)
	if at, n := nestedAt(payload); n > 0 && len(nested) > 0 {
		within, _ := framed(payload[at : at+n])
		file := within.file(nested, nil)
		body = append(body[:len(f.head)+at-4], binary.LittleEndian.AppendUint32(nil, uint32(len(file)))...)
		body = slices.Concat(body, file, payload[at+n:])
	}
	if f.sum {
		return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	}
	return modelfile.Seal(body)
}

// inner are the fields of the first file within a file; nil where there is none.
func inner(payload []byte) []byte {
	at, n := nestedAt(payload)
	if n == 0 {
		return nil
	}
	_, fields := framed(payload[at : at+n])
	return fields
}

// nestedAt finds the first file among the fields of another: its length comes before it.
func nestedAt(payload []byte) (at, n int) {
	const least = len(mark) + 2 + 4 + 4 + sha256.Size
	at = bytes.Index(payload, []byte(mark))
	if at < 4 {
		return 0, 0
	}
	n = int(binary.LittleEndian.Uint32(payload[at-4:]))
	if n > len(payload)-at || n < least {
		return 0, 0
	}
	if named := binary.LittleEndian.Uint32(payload[at+len(mark)+2:]); int64(named) > int64(n-least) {
		return 0, 0
	}
	return at, n
}
