package dataset

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// word is a cell of at most eight bytes, those that it lacks being zero, and how many it has.
type word struct {
	bytes uint64
	size  int
}

// wordOf is the word of a cell; its size is 0 where the cell is empty or too long.
func wordOf(cell []byte) word {
	if len(cell) > wordBytes {
		return word{}
	}
	var bytes [wordBytes]byte
	copy(bytes[:], cell)
	return word{binary.LittleEndian.Uint64(bytes[:]), len(cell)}
}

// at8 is the eight bytes of the buffer from the first one of a cell on.
func (s *records) at8(c span) uint64 {
	return binary.LittleEndian.Uint64(s.buf[c.from : c.from+wordBytes])
}

func (c *numbers) takePlain(lines *records, at, i, n int) int {
	c.values = slices.Grow(c.values, n-i)
	for k := i*lines.width + at; i < n; i, k = i+1, k+lines.width {
		cell := lines.spans[k]
		size := int(cell.to - cell.from)
		if size == 0 {
			c.values, c.gaps = append(c.values, math.NaN()), c.gaps+1
			continue
		}
		v, ok := 0.0, false
		if size <= wordBytes {
			v, ok = parseWord(lines.at8(cell), size)
		} else {
			v, ok = parseShort(lines.buf[cell.from:cell.to])
		}
		if !ok {
			break
		}
		c.values = append(c.values, v)
	}
	return i
}

// parseWord is parseShort of the n bytes, 1 to 8, at the low end of word, without a loop: the
// digits are moved to the high end, the point taken out from between them, and pairs, fours and
// eights of digits joined (Lemire 2018).
func parseWord(word uint64, n int) (float64, bool) {
	negative := uint64(0)
	if byte(word) == '-' {
		negative = 1
	}
	digits := n - int(negative)
	word += ('0' - '-') * negative
	word = word<<(uint(64-8*n)&63) | ones*'0'>>8>>(uint(8*n-8)&63) // zeros before the digits
	decimals := 0
	// The lowest mark is that of the first point, as borrows go upwards only.
	if points := word ^ ones*'.'; (points-ones)&^points&highs != 0 {
		marks := (points - ones) &^ points & highs
		first := marks & -marks >> 7 // the lowest bit of the point
		word = word&^(first<<8-1) | word&(first-1)<<8 | '0'
		decimals = 7 - bits.TrailingZeros64(marks)>>3
		digits--
	}
	word ^= ones * '0'
	if (word|(word+ones*(128-10)))&highs != 0 || digits < 1 { // some byte is no digit, or there is none
		return 0, false
	}
	word = 10*word + word>>8
	const pairs = 0x000000ff000000ff
	word = (word&pairs*(100+1000000<<32) + word>>16&pairs*(1+10000<<32)) >> 32
	// 2⁵² + word, less 2⁵²: the instruction that converts integers keeps half of a register, and
	// so would wait for the division before.
	const large = 1 << 52
	v := (math.Float64frombits(math.Float64bits(large)|word) - large) / powersOfTen[decimals&15]
	return math.Float64frombits(math.Float64bits(v) | negative<<63), true
}

// remember notes a name that was added.
func (c *levels) remember(name []byte) {
	if len(c.short) < few {
		c.short = append(c.short, wordOf(name))
	}
}

func (c *levels) takePlain(lines *records, at, i, n int) int {
	c.codes = slices.Grow(c.codes, n-i)
	for k := i*lines.width + at; i < n; i, k = i+1, k+lines.width {
		cell := lines.spans[k]
		size := int(cell.to - cell.from)
		if size == 0 {
			c.codes, c.gaps = append(c.codes, -1), c.gaps+1
			continue
		}
		if size > wordBytes {
			break
		}
		bytes := lines.at8(cell) << (uint(64-8*size) & 63) >> (uint(64-8*size) & 63)
		code := 0
		for code < len(c.short) && (c.short[code].bytes != bytes || c.short[code].size != size) {
			code++
		}
		if code == len(c.short) {
			break
		}
		c.codes = append(c.codes, int32(code))
	}
	return i
}

func (c *inferred) takePlain(lines *records, at, i, n int) int {
	if c.levels != nil {
		return c.levels.takePlain(lines, at, i, n)
	}
	return c.numbers.takePlain(lines, at, i, n)
}

func (c *events) takePlain(lines *records, at, i, n int) int {
	for k := i*lines.width + at; i < n; i, k = i+1, k+lines.width {
		cell := lines.spans[k]
		digit := byte(lines.at8(cell)) - '0'
		if cell.to-cell.from != 1 || digit > 1 {
			break
		}
		c.values = append(c.values, digit == 1)
	}
	return i
}

// longMissing: a text of more bytes, with no blanks around it, does not stand for "no value".
const longMissing = 4

func (c *texts) takePlain(lines *records, at, i, n int) int {
	for k := i*lines.width + at; i < n; i, k = i+1, k+lines.width {
		cell := lines.cell(i, at)
		size := len(cell)
		if size <= longMissing || cell[0] <= ' ' || cell[size-1] <= ' ' || !ascii(cell) {
			break
		}
		c.block = append(c.block, cell...)
		c.ends = append(c.ends, len(c.block))
	}
	return i
}

// ascii says whether no byte of a cell is part of a longer character.
func ascii(cell []byte) bool {
	all := byte(0)
	for _, c := range cell {
		all |= c
	}
	return all < 0x80
}
