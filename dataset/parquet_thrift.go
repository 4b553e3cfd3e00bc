package dataset

import (
	"encoding/binary"
	"errors"
)

// errThrift: bytes that are not what Parquet's headers are made of, or promise more than there is.
var errThrift = errors.New("a header is damaged")

// The compact protocol's types (Apache Thrift, "Thrift compact protocol encoding").
const (
	thriftTrue = iota + 1
	thriftFalse
	thriftByte
	thriftI16
	thriftI32
	thriftI64
	thriftDouble
	thriftBinary
	thriftList
	thriftSet
	thriftMap
	thriftStruct
)

// deepest is how far headers nest at most; Parquet's go five deep.
const deepest = 16

// thriftWalk steps over a structure and decodes nothing, so that what is claimed of lengths is
// known to be there before anybody asks for the memory. It stops at the first claim that is not.
type thriftWalk struct {
	rest    []byte
	structs int // that may still begin: each becomes some hundred bytes
	schema  int // most entries of the list that is the second field of the whole; 0: any number
}

// object steps over a structure.
func (w *thriftWalk) object(depth int) error {
	if w.structs--; depth == deepest || w.structs < 0 {
		return errThrift
	}
	field := int16(0)
	for {
		head, err := w.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int16(head >> 4); delta != 0 {
			field += delta
		} else {
			long, err := w.varint()
			if err != nil {
				return err
			}
			field = int16(long)
		}
		if err := w.value(int(head&15), depth, depth == 0 && field == 2, false); err != nil {
			return err
		}
	}
}

// value steps over a value, perhaps the one that may be the schema; in lists truth values take a byte.
func (w *thriftWalk) value(kind, depth int, schema, listed bool) error {
	switch kind {
	case thriftTrue, thriftFalse:
		if listed {
			return w.skip(1)
		}
		return nil
	case thriftByte:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := w.varint()
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.length()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(depth, schema)
	case thriftStruct:
		return w.object(depth + 1)
	}
	return errThrift // maps do not occur
}

// list steps over a list, of which every element takes at least a byte.
func (w *thriftWalk) list(depth int, schema bool) error {
	head, err := w.byte()
	if err != nil {
		return err
	}
	n := int(head >> 4)
	if n == 15 {
		if n, err = w.length(); err != nil {
			return err
		}
	}
	if n > len(w.rest) || depth+1 == deepest || schema && w.schema > 0 && n > w.schema {
		return errThrift
	}
	depth++
	for range n {
		if err := w.value(int(head&15), depth, false, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalk) byte() (byte, error) {
	if len(w.rest) == 0 {
		return 0, errThrift
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b, nil
}

func (w *thriftWalk) skip(n int) error {
	if n > len(w.rest) {
		return errThrift
	}
	w.rest = w.rest[n:]
	return nil
}

// length is how many bytes or elements follow; they must be there.
func (w *thriftWalk) length() (int, error) {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 || v > uint64(len(w.rest)) {
		return 0, errThrift
	}
	w.rest = w.rest[n:]
	return int(v), nil
}

func (w *thriftWalk) varint() (int64, error) {
	v, n := binary.Varint(w.rest)
	if n <= 0 {
		return 0, errThrift
	}
	w.rest = w.rest[n:]
	return v, nil
}
