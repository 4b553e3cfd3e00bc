package dataset

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// wordOf is a cell of 1 to 8 bytes, zeros after them; 0 for other cells, and for those that end in a
// zero byte, as they would look like shorter ones.
func wordOf(cell []byte) uint64 {
	size := len(cell)
	if size == 0 || size > wordBytes || cell[size-1] == 0 {
		return 0
	}
	var word [wordBytes]byte
	copy(word[:], cell)
	return binary.LittleEndian.Uint64(word[:])
}

// at8 is the eight bytes of the buffer from the first one of a cell on.
func (s *records) at8(c span) uint64 {
	return binary.LittleEndian.Uint64(s.buf[:cap(s.buf)][c.from:])
}

func (c *numbers) takePlain(lines *records, at, i, n int) int {
	before := len(c.values) - i // values[before+i] is that of row i
	values := slices.Grow(c.values, n-i)[:before+n]
	for i < n {
		if i += parseWords(values[before+i:], lines, i*lines.width+at); i == n {
			break
		}
		cell := lines.cell(i, at)
		v, ok := math.NaN(), true
		if len(cell) == 0 {
			c.gaps++
		} else if v, ok = parseShort(cell); !ok {
			break
		}
		values[before+i] = v
		i++
	}
	c.values = values[:before+i]
	return i
}

// parseWords is parseShort of the cell of span k and of those below it in its column, as many as are
// numbers of 1 to 8 bytes, and says how many. It has no loop over a cell: the digits are moved to the
// high end of a word, the point taken out from between them, and pairs, fours and eights of digits
// joined (Lemire 2018).
func parseWords(values []float64, lines *records, k int) int {
	const point, minus, mark = '.' ^ '0', '-' ^ '0', 0x10 // digits do not have the mark
	spans, width := lines.spans, lines.width
	for i := range values {
		cell := spans[k]
		k += width
		size := int(cell.to - cell.from)
		if uint(size-1) >= wordBytes {
			return i
		}
		word := lines.at8(cell) ^ ones*'0' // digits are now their values
		negative := uint64(0)
		if byte(word) == minus {
			negative = 1
		}
		digits := size - int(negative)
		word = (word ^ minus*negative) << (uint(64-8*size) & 63) // zeros before the digits
		decimals := 0
		if marks := word & (ones * mark); marks != 0 {
			at := bits.TrailingZeros64(marks) &^ 7
			if byte(word>>at) != point {
				return i
			}
			below := uint64(1)<<at - 1
			word = word&^(below<<8|0xff) | word&below<<8
			decimals = 7 - at>>3
			digits--
		}
		if (word|(word+ones*(128-10)))&highs != 0 || digits < 1 { // some byte is no digit, or there is none
			return i
		}
		word = 10*word + word>>8
		const pairs = 0x000000ff000000ff
		word = (word&pairs*(100+1000000<<32) + word>>16&pairs*(1+10000<<32)) >> 32
		// 2⁵² + word, less 2⁵²: the instruction that converts integers keeps half of a register, and
		// so would wait for the division before.
		const large = 1 << 52
		v := (math.Float64frombits(math.Float64bits(large)|word) - large) / powersOfTen[decimals&15]
		values[i] = math.Float64frombits(math.Float64bits(v) | negative<<63)
	}
	return len(values)
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
		unused := uint(64-8*size) & 63
		word := lines.at8(cell) << unused >> unused
		if word>>(56-unused) == 0 { // it ends in a zero byte
			break
		}
		code := len(c.short)
		for k, short := range c.short {
			if short == word { // all are compared: which one it is, no branch would foretell
				code = k
			}
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
