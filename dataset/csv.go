package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// bufferBytes holds at least one read and, as a CSV row has two bytes or more, at most
// 64k rows between two calls of the progress hook.
const bufferBytes = 128 << 10

// wordBytes is how many bytes the loops over text look at in one step. Buffers have as many to
// spare, so that a word may begin at any byte of them.
const wordBytes = 8

func newBuffer(size int) []byte { return make([]byte, size, size+wordBytes) }

// errMore: the buffer ends inside a record.
var errMore = errors.New("more input needed")

// records splits RFC 4180 text into cells without copying them: they are spans of the buffer,
// valid until the next call of read.
type records struct {
	in         io.Reader
	check      func() error // called before every read of in
	limits     Limits
	width      int    // cells that every record must have; 0: any number
	buf        []byte // buf[start:end] is read but not yet split
	start, end int
	eof        bool
	at, line   int64 // line on which the last record began; line that comes next, from 1
	row        int64 // data row of the last record, −1 for the header

	spans   []span  // of the cells of the records read last, record after record
	lines   []int64 // line on which each of these records began
	first   int     // span of the first cell of the record now being split
	escaped []int   // its cells that hold doubled quotes
}

// span is a part of the buffer.
type span struct{ from, to int32 }

func newRecords(in io.Reader, limits Limits, check func() error) *records {
	return &records{in: in, check: check, limits: limits, buf: newBuffer(bufferBytes), line: 1, row: -2}
}

// read splits at least one and at most most records that are not blank lines, as many as the
// buffer holds. Where there is none left it says io.EOF. A record that is refused is so when
// it comes first: those before it are given out before.
func (s *records) read(most int) error {
	s.spans, s.lines = s.spans[:0], s.lines[:0]
	for len(s.lines) < most {
		if s.width > 0 {
			if s.simple(most); len(s.lines) == most {
				return nil
			}
		}
		err := s.record()
		switch {
		case err == nil:
			continue
		case len(s.lines) > 0:
			return nil
		case err == errMore:
			err = s.fill()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cell is a cell of one of the records read last.
func (s *records) cell(record, column int) []byte {
	c := s.spans[record*s.width+column]
	return s.buf[c.from:c.to:c.to]
}

// simple splits records that are whole in the buffer, have no quotes, no more bytes than a cell may
// have and as many cells as they must, which is almost all: at most most in all. It stops at the
// first other one, which record splits or refuses.
func (s *records) simple(most int) {
	b, spans, n := s.buf[:s.end], s.spans, len(s.spans)
	first, from := n, s.start
scan:
	for i := s.start; i+blockBytes <= len(b); i += blockBytes {
		spans = slices.Grow(spans[:n], blockBytes)[:n+blockBytes] // as many as a block may end
		for found := low((*[blockBytes]byte)(b[i:])); found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)
			if b[at] == ',' {
				spans[n] = span{int32(from), int32(at)}
				n, from = n+1, at+1
				continue
			}
			if b[at] == '"' {
				break scan
			}
			if b[at] != '\n' {
				continue
			}
			to := at
			if to > from && b[to-1] == '\r' {
				to--
			}
			blank := s.width == 1 && to == from
			if blank || n-first != s.width-1 || to-s.start > s.limits.CellBytes {
				break scan // of a record that is longer than a cell may be, record looks at each cell
			}
			spans[n], s.lines = span{int32(from), int32(to)}, append(s.lines, s.line)
			n, from = n+1, at+1
			first = n
			s.at, s.start = s.line, from
			s.line, s.row = s.line+1, s.row+1
			if len(s.lines) == most {
				break scan
			}
		}
	}
	s.spans = spans[:first]
}

// record splits the record that begins the buffer, or skips a blank line.
func (s *records) record() error {
	if s.start == s.end && s.eof {
		return io.EOF
	}
	s.first, s.escaped = len(s.spans), s.escaped[:0]
	end, lines, err := s.split()
	cells := s.spans[s.first:]
	blank := len(cells) == 1 && cells[0].from == cells[0].to && s.buf[s.start] != '"'
	if err == nil && !blank && s.width > 0 && len(cells) != s.width {
		s.at = s.line
		err = s.refuse(fmt.Sprintf("has %d cells", len(cells)), fmt.Sprintf("%d, as many as the header line", s.width))
	}
	if err != nil || blank {
		s.spans = s.spans[:s.first]
	}
	if err != nil {
		return err
	}
	if !blank {
		for _, k := range s.escaped {
			c := &s.spans[k]
			c.to = c.from + int32(unescape(s.buf[c.from:c.to]))
		}
		s.at = s.line
		s.lines = append(s.lines, s.at)
		s.row++
	}
	s.start, s.line = end, s.line+lines
	return nil
}

// unescape turns doubled quotes into single ones, in place, and gives the length that is left.
func unescape(cell []byte) int {
	n := 0
	for i := 0; i < len(cell); i++ {
		cell[n] = cell[i]
		n++
		if cell[i] == '"' {
			i++
		}
	}
	return n
}

// fill reads once more, after moving what is left to the front and growing where that is full.
func (s *records) fill() error {
	if err := s.check(); err != nil {
		return err
	}
	copy(s.buf, s.buf[s.start:s.end])
	s.start, s.end = 0, s.end-s.start
	if s.end == len(s.buf) {
		if s.end >= s.limits.LineBytes {
			s.at = s.line
			return s.refuse("is too long", fmt.Sprintf("at most %d bytes a record; is a quote left open?", s.limits.LineBytes))
		}
		grown := newBuffer(2 * len(s.buf))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.in.Read(s.buf[s.end:])
	s.end += n
	if err == io.EOF {
		s.eof = true
		return nil
	}
	return err
}

// split appends the spans of the record at the start of the buffer and tells where it ends and
// how many lines it has.
func (s *records) split() (end int, lines int64, err error) {
	b := s.buf[:s.end]
	lines = 1
	for i := s.start; ; i++ {
		i = s.plain(b, i)
		from, doubled := i, 0
		if i < len(b) && b[i] == '"' {
			from++
			var to, breaks int
			if to, doubled, breaks, err = s.quoted(b, from); err != nil {
				return 0, 0, err
			}
			if i, err = s.afterQuote(b, to+1); err == nil {
				s.add(from, to)
			}
			lines += int64(breaks)
		} else if i = cellEnd(b, i); i < len(b) && b[i] == ',' {
			s.add(from, i)
		} else {
			err = s.lastBare(b, from, i)
		}
		if err != nil {
			return 0, 0, err
		}
		if err = s.checkCell(doubled); err != nil {
			return 0, 0, err
		}
		if i == len(b) {
			return i, lines, nil
		}
		if b[i] == '\n' {
			return i + 1, lines, nil
		}
	}
}

func (s *records) add(from, to int) { s.spans = append(s.spans, span{int32(from), int32(to)}) }

// checkCell holds the cell added last, with so many doubled quotes, against the limits.
func (s *records) checkCell(doubled int) error {
	k := len(s.spans) - 1
	if doubled > 0 {
		s.escaped = append(s.escaped, k)
	}
	if int(s.spans[k].to-s.spans[k].from)-doubled > s.limits.CellBytes {
		s.spans = s.spans[:k] // the message counts cells
		return s.refuseCell("is too long", fmt.Sprintf("at most %d bytes a cell", s.limits.CellBytes))
	}
	if k+1-s.first > s.limits.Columns {
		return tooMany("columns", s.limits.Columns)
	}
	return nil
}

// ends marks the bytes that end an unquoted cell or may not be in it.
var ends = [256]bool{',': true, '\n': true, '"': true}

const ones, lows, highs = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080

// zeroes has the high bit of every byte of x that is zero, and no other (Warren, Hacker's
// Delight, 6-1).
func zeroes(x uint64) uint64 { return ^(x&lows + lows | x | lows) }

// blockBytes is how many bytes have a bit each in a word.
const blockBytes = 64

// low has a bit for each byte of a block that is below '-', as all that separate or quote cells
// are, and hardly any of a number. Its constants would crowd out what its caller holds in registers.
//
//go:noinline
func low(block *[blockBytes]byte) uint64 {
	found := uint64(0)
	for i := 0; i < blockBytes; i += wordBytes {
		word := binary.LittleEndian.Uint64(block[i:])
		below := ^((word | highs) - ones*'-' | word) & highs
		const gather = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28 | 1<<35 | 1<<42 | 1<<49 // brings the high bits together
		found |= below * gather >> 56 << i
	}
	return found
}

// separators marks the bytes of a word that are a comma, a line feed or a quote.
func separators(word uint64) uint64 {
	return zeroes(word^(ones*',')) | zeroes(word^(ones*'\n')) | zeroes(word^(ones*'"'))
}

// plain adds the unquoted cells from b[i:] on that a comma ends, and gives the start of the next
// cell. It looks at eight bytes at a time, so it may leave cells at the end of b for others.
func (s *records) plain(b []byte, i int) (from int) {
	from = i
	for ; i+wordBytes <= len(b); i += wordBytes {
		for found := separators(binary.LittleEndian.Uint64(b[i:])); found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)>>3
			if b[at] != ',' || at-from > s.limits.CellBytes {
				return from
			}
			s.spans = append(s.spans, span{int32(from), int32(at)})
			from = at + 1
		}
	}
	return from
}

// cellEnd is the index of the first byte of b[i:] that ends a cell, or len(b).
func cellEnd(b []byte, i int) int {
	for i < len(b) && !ends[b[i]] {
		i++
	}
	return i
}

// lastBare adds the unquoted cell b[from:to] that no comma ends: its record ends there, or the
// file, or it is refused.
func (s *records) lastBare(b []byte, from, to int) error {
	switch {
	case to == len(b) && !s.eof:
		return errMore
	case to < len(b) && b[to] == '"':
		return s.refuseCell("has a quote inside an unquoted cell", `cells with quotes are quoted and the quotes doubled: "5"" pipe"`)
	}
	if to > from && b[to-1] == '\r' {
		to--
	}
	s.add(from, to)
	return nil
}

// quoted finds the end of the quoted cell of which b[from:] is what follows the quote; doubled
// counts the doubled quotes, breaks the line feeds inside.
func (s *records) quoted(b []byte, from int) (to, doubled, breaks int, err error) {
	for i := from; ; i += 2 {
		k := bytes.IndexByte(b[i:], '"')
		if k < 0 || (i+k+1 == len(b) && !s.eof) {
			if !s.eof {
				return 0, 0, 0, errMore
			}
			return 0, 0, 0, s.refuseCell("opens a quote that is never closed", "")
		}
		i += k
		if i+1 == len(b) || b[i+1] != '"' {
			return i, doubled, bytes.Count(b[from:i], []byte{'\n'}), nil
		}
		doubled++
	}
}

// afterQuote expects a comma, a line end or the end of the file at b[i].
func (s *records) afterQuote(b []byte, i int) (int, error) {
	if i < len(b) && b[i] == '\r' {
		if i+1 == len(b) && !s.eof {
			return 0, errMore
		}
		if i+1 == len(b) || b[i+1] == '\n' {
			i++
		}
	}
	if i < len(b) && b[i] != ',' && b[i] != '\n' {
		return 0, s.refuseCell("goes on after a closing quote", "a comma or the end of the line")
	}
	return i, nil
}

func (s *records) refuse(problem, allowed string) *InvalidError {
	return &InvalidError{Line: s.at, Row: max(s.row+1, -1), Problem: problem, Allowed: allowed}
}

// refuseCell refuses the cell now being split: the record began on the line that comes next.
func (s *records) refuseCell(problem, allowed string) *InvalidError {
	s.at = s.line
	return s.refuse(fmt.Sprintf("cell %d %s", len(s.spans)-s.first+1, problem), allowed)
}

// skipMark skips a UTF-8 byte-order mark and refuses UTF-16.
func (s *records) skipMark() error {
	for s.end < 3 && !s.eof {
		if err := s.fill(); err != nil {
			return err
		}
	}
	head := s.buf[:s.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		s.start = 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return invalid("", "is UTF-16", "UTF-8")
	}
	return nil
}
