package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"slices"
)

// digestVersion begins the digested form; it changes when the form does.
const digestVersion = "everfold.table.1"

// Digest is SHA-256, in hexadecimal, over what a fit can depend on, in row order: per
// column name, kind and cells (floats by their bits, all missing cells alike; levels by
// their text, so that the numbering of codes does not matter), then time, event, entry
// and weight. Not in it are ids (they name rows of predictions only), groups (they act
// through the fold rows, which fingerprints hold beside this digest), the names of the
// outcome columns and the rows' places in the file.
func (t *Table) Digest() string {
	d := digester{sum: sha256.New()}
	d.text(digestVersion)
	d.count(t.Rows())
	d.columns(t.Columns)
	d.floats(t.Outcome.Time)
	d.flags(t.Outcome.Event)
	d.floats(t.Outcome.Entry)
	d.floats(t.Outcome.Weight)
	return hex.EncodeToString(d.sum.Sum(nil))
}

// digester writes length-prefixed little-endian values into a hash, through a buffer.
type digester struct {
	sum hash.Hash
	buf [4096]byte
}

// columns digests covariates.
func (d *digester) columns(columns []Column) {
	d.count(len(columns))
	for _, c := range columns {
		d.text(c.Name)
		d.text(c.Kind.String())
		if c.Kind == Categorical {
			d.levels(c)
		} else {
			d.floats(c.Values)
		}
	}
}

// digestEach digests eight bytes for every value of a column.
func digestEach[T any](d *digester, values []T, pattern func(T) uint64) {
	d.count(len(values))
	for part := range slices.Chunk(values, len(d.buf)/8) {
		for i, v := range part {
			binary.LittleEndian.PutUint64(d.buf[8*i:], pattern(v))
		}
		d.sum.Write(d.buf[:8*len(part)])
	}
}

func (d *digester) count(n int) {
	d.sum.Write(binary.LittleEndian.AppendUint64(d.buf[:0], uint64(n)))
}

func (d *digester) text(s string) {
	d.count(len(s))
	d.sum.Write([]byte(s))
}

// floats digests a column; nil, a column that is absent, differs from an empty one.
func (d *digester) floats(values []float64) {
	if values == nil {
		d.count(-1)
		return
	}
	d.count(len(values))
	missing := math.Float64bits(math.NaN()) // one bit pattern for all missing cells
	for part := range slices.Chunk(values, len(d.buf)/8) {
		for i, v := range part {
			pattern := math.Float64bits(v)
			if v != v {
				pattern = missing
			}
			binary.LittleEndian.PutUint64(d.buf[8*i:], pattern)
		}
		d.sum.Write(d.buf[:8*len(part)])
	}
}

func (d *digester) flags(values []bool) {
	digestEach(d, values, func(v bool) uint64 {
		if v {
			return 1
		}
		return 0
	})
}

// levels digests the levels that occur, in byte order, and each row's rank among them.
func (d *digester) levels(c Column) {
	codes, levels := compact(slices.Clone(c.Codes), c.Levels)
	d.count(len(levels))
	for _, level := range levels {
		d.text(level)
	}
	digestEach(d, codes, func(code int32) uint64 { return uint64(int64(code)) })
}
