package dataset

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// builder collects one column as its cells pass, in row order. A CSV reader calls takePlain and
// text; a Parquet reader calls what the physical type is.
type builder interface {
	// takePlain is text for cells that are easy to understand, and gives the number of the first
	// row that has none, or n. It takes those of a column from row i on.
	takePlain(lines *records, at, i, n int) int
	text(cell []byte) *refusal
	number(v float64) *refusal
	missing() *refusal
	reserve(rows int) // makes room for rows in all; a guess
	bytes() int64     // of memory that it holds
}

// roomFor is column with room for rows in all.
func roomFor[T any](column []T, rows int) []T {
	return slices.Grow(column, max(0, rows-len(column)))
}

// numbers collects a numeric column. Missing cells are NaN; outcome columns keep
// infinities, which the check of the outcome counts.
type numbers struct {
	values  []float64
	gaps    int
	outcome bool
}

func (c *numbers) text(cell []byte) *refusal {
	if v, ok := parseNumber(cell); ok {
		return c.number(v)
	}
	trimmed := trim(cell)
	if isMissing(trimmed) {
		return c.missing()
	}
	if v, ok := parseNumber(trimmed); ok {
		return c.number(v)
	}
	return &refusal{"holds text where a number is needed", "decimal numbers such as 12, -0.5 or 1e-3, or an empty cell"}
}

func (c *numbers) number(v float64) *refusal {
	if v != v {
		return c.missing()
	}
	if v-v != 0 && !c.outcome { // of infinities the difference is not a number
		return &refusal{"holds an infinite number", "finite numbers or an empty cell"}
	}
	c.values = append(c.values, v)
	return nil
}

func (c *numbers) missing() *refusal {
	c.values, c.gaps = append(c.values, math.NaN()), c.gaps+1
	return nil
}

func (c *numbers) reserve(rows int) { c.values = roomFor(c.values, rows) }

func (c *numbers) bytes() int64 { return 8 * int64(cap(c.values)) }

// levels collects a categorical column: every distinct text once, and its number a row.
type levels struct {
	index   map[string]int32
	names   []string // in order of appearance
	short   []uint64 // the first few of the names, see wordOf
	codes   []int32  // −1 where missing
	named   int64    // bytes of the names
	gaps    int
	limit   int  // more levels than this are not collected
	over    bool // there were more
	dates   bool // every level so far looks like a date
	numeric bool // some level is a number
}

func newLevels(limit int) *levels {
	return &levels{index: make(map[string]int32), limit: limit, dates: true}
}

func (c *levels) text(cell []byte) *refusal {
	if code, ok := c.find(cell); ok {
		c.codes = append(c.codes, code)
		return nil
	}
	trimmed := trim(cell)
	if isMissing(trimmed) {
		return c.missing()
	}
	if len(c.names) == c.limit {
		c.over = true
		c.codes = append(c.codes, 0)
		return nil
	}
	if !utf8.Valid(cell) {
		return &refusal{"is not valid UTF-8", "text in UTF-8"}
	}
	if _, ok := parseNumber(trimmed); ok {
		c.numeric = true
	}
	c.dates = c.dates && looksLikeDate(trimmed)
	code := int32(len(c.names))
	c.names = append(c.names, string(cell))
	c.named += int64(len(cell))
	c.remember(cell)
	c.index[c.names[code]] = code
	c.codes = append(c.codes, code)
	return nil
}

// few is up to how many levels comparing with each is faster than hashing.
const few = 8

// find is the code of a level seen before.
func (c *levels) find(cell []byte) (int32, bool) {
	if len(c.names) > few {
		code, ok := c.index[string(cell)]
		return code, ok
	}
	for code, name := range c.names {
		if name == string(cell) {
			return int32(code), true
		}
	}
	return 0, false
}

func (c *levels) number(v float64) *refusal {
	if v != v {
		return c.missing()
	}
	var scratch [32]byte
	return c.text(strconv.AppendFloat(scratch[:0], v, 'g', -1, 64))
}

func (c *levels) missing() *refusal {
	c.codes, c.gaps = append(c.codes, -1), c.gaps+1
	return nil
}

func (c *levels) reserve(rows int) { c.codes = roomFor(c.codes, rows) }

// A level costs some 64 bytes beside its text: two headers of a string, its place in the index.
func (c *levels) bytes() int64 { return 4*int64(cap(c.codes)) + 64*int64(len(c.names)) + c.named }

// inferred collects a column of which only the cells tell the kind: numbers until the
// first text, levels until the first number. A column of both is mixed.
type inferred struct {
	numbers *numbers // nil once text was seen first
	levels  *levels  // nil until text was seen
	mixed   int      // row of the first cell of the other kind, −1
}

func newInferred() *inferred {
	return &inferred{numbers: &numbers{}, mixed: -1}
}

func (c *inferred) text(cell []byte) *refusal {
	if c.levels != nil {
		refused := c.levels.text(cell)
		if c.levels.numeric && c.mixed < 0 {
			c.mixed = len(c.levels.codes) - 1
		}
		return refused
	}
	n := c.numbers
	if v, ok := parseNumber(cell); ok {
		return n.number(v)
	}
	trimmed := trim(cell)
	if v, ok := parseNumber(trimmed); ok {
		return n.number(v)
	}
	switch {
	case isMissing(trimmed):
		return n.missing()
	case n.gaps < len(n.values):
		if c.mixed < 0 {
			c.mixed = len(n.values)
		}
		return n.missing()
	}
	c.levels = newLevels(inferredLevels)
	for range n.values {
		c.levels.missing()
	}
	c.numbers = nil
	return c.levels.text(cell)
}

func (c *inferred) number(v float64) *refusal {
	if c.levels != nil {
		return c.levels.number(v)
	}
	return c.numbers.number(v)
}

func (c *inferred) missing() *refusal {
	if c.levels != nil {
		return c.levels.missing()
	}
	return c.numbers.missing()
}

func (c *inferred) reserve(rows int) {
	if c.levels != nil {
		c.levels.reserve(rows)
		return
	}
	c.numbers.reserve(rows)
}

func (c *inferred) bytes() int64 {
	if c.levels != nil {
		return c.levels.bytes()
	}
	return c.numbers.bytes()
}

// events collects the event indicator. Codes other than 0, 1, true and false are
// remembered, up to six different ones, and refused at the end, all together.
type events struct {
	values []bool
	gaps   int
	gap    int // row of the first missing cell
	other  int // row of the first other code
	odd    int // rows with other codes
	codes  []string
}

func (c *events) text(cell []byte) *refusal {
	if len(cell) == 1 && cell[0]-'0' <= 1 {
		c.values = append(c.values, cell[0] == '1')
		return nil
	}
	trimmed := trim(cell)
	switch string(trimmed) {
	case "true", "TRUE", "True":
		return c.number(1)
	case "false", "FALSE", "False":
		return c.number(0)
	}
	if v, ok := parseNumber(trimmed); ok && (v == 0 || v == 1) {
		return c.number(v)
	}
	if isMissing(trimmed) {
		return c.missing()
	}
	return c.otherCode(trimmed)
}

func (c *events) number(v float64) *refusal {
	if v != v {
		return c.missing()
	}
	if v != 0 && v != 1 {
		var scratch [32]byte
		return c.otherCode(strconv.AppendFloat(scratch[:0], v, 'g', -1, 64))
	}
	c.values = append(c.values, v == 1)
	return nil
}

func (c *events) missing() *refusal {
	if c.gaps == 0 {
		c.gap = len(c.values)
	}
	c.gaps++
	c.values = append(c.values, false)
	return nil
}

func (c *events) reserve(rows int) { c.values = roomFor(c.values, rows) }

func (c *events) bytes() int64 { return int64(cap(c.values)) }

// maxCodeBytes: longer codes are not codes but text, and are not repeated in messages.
const maxCodeBytes, maxCodes = 20, 5

func (c *events) otherCode(cell []byte) *refusal {
	if c.odd == 0 {
		c.other = len(c.values)
	}
	c.odd++
	c.values = append(c.values, false)
	code := "(longer text)"
	if len(cell) <= maxCodeBytes && utf8.Valid(cell) {
		code = string(cell)
	}
	if len(c.codes) <= maxCodes && !slices.Contains(c.codes, code) {
		c.codes = append(c.codes, code)
	}
	return nil
}

// texts collects ids in one block of memory.
type texts struct {
	block []byte
	ends  []int // end of each text in block
}

func (c *texts) text(cell []byte) *refusal {
	if isMissing(trim(cell)) {
		return c.missing()
	}
	if !utf8.Valid(cell) {
		return &refusal{"is not valid UTF-8", "text in UTF-8"}
	}
	c.block = append(c.block, cell...)
	c.ends = append(c.ends, len(c.block))
	return nil
}

func (c *texts) number(v float64) *refusal {
	if v != v {
		return c.missing()
	}
	c.block = strconv.AppendFloat(c.block, v, 'g', -1, 64)
	c.ends = append(c.ends, len(c.block))
	return nil
}

func (c *texts) integer(v int64) *refusal {
	c.block = strconv.AppendInt(c.block, v, 10)
	c.ends = append(c.ends, len(c.block))
	return nil
}

func (c *texts) missing() *refusal {
	return &refusal{"has no id", "an id in every row, or no id column"}
}

func (c *texts) reserve(rows int) {
	if n := len(c.ends); n > 0 {
		c.block = roomFor(c.block, int(float64(len(c.block))/float64(n)*float64(rows)))
	}
	c.ends = roomFor(c.ends, rows)
}

func (c *texts) bytes() int64 { return int64(cap(c.block)) + 8*int64(cap(c.ends)) }

// strings gives all texts, which share one string.
func (c *texts) strings() []string {
	block, from := string(c.block), 0
	out := make([]string, len(c.ends))
	for i, end := range c.ends {
		out[i], from = block[from:end], end
	}
	return out
}
