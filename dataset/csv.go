package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// bufferBytes holds at least one read and, as a CSV row has two bytes or more, at most
// 64k rows between two calls of the progress hook.
const bufferBytes = 128 << 10

// errMore: the buffer ends inside a record.
var errMore = errors.New("more input needed")

// records splits RFC 4180 text into records without copying cells: they point into the
// buffer and are valid until the next call of next.
type records struct {
	in         io.Reader
	check      func() error // called before every read
	limits     Limits
	buf        []byte // buf[start:end] is read but not yet split
	start, end int
	eof        bool
	at, line   int64 // line on which the last record began; line that comes next, from 1
	row        int64 // data row of the last record, −1 for the header
	cells      [][]byte
	unescaped  []byte // backing of quoted cells that hold doubled quotes
}

func newRecords(in io.Reader, limits Limits, check func() error) *records {
	return &records{in: in, check: check, limits: limits, buf: make([]byte, bufferBytes), line: 1, row: -2}
}

// next gives the cells of the next record that is not a blank line, or io.EOF.
func (s *records) next() ([][]byte, error) {
	for {
		if s.start == s.end && s.eof {
			return nil, io.EOF
		}
		used, lines, err := s.split(s.buf[s.start:s.end])
		if err == errMore {
			if err = s.fill(); err != nil {
				return nil, err
			}
			continue
		}
		s.at = s.line
		if err != nil {
			return nil, err
		}
		blank := len(s.cells) == 1 && len(s.cells[0]) == 0 && s.buf[s.start] != '"'
		s.start, s.line = s.start+used, s.line+lines
		if blank {
			continue
		}
		s.row++
		return s.cells, nil
	}
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
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.in.Read(s.buf[s.end:])
	s.end += n
	if err == io.EOF {
		s.eof = true
		return nil
	}
	return err
}

// split cuts the first record of b into s.cells and tells its bytes and lines.
func (s *records) split(b []byte) (used int, lines int64, err error) {
	s.cells, s.unescaped = s.cells[:0], s.unescaped[:0]
	lines = 1
	for i := 0; ; i++ {
		var cell []byte
		if i < len(b) && b[i] == '"' {
			var breaks int64
			cell, i, breaks, err = s.quoted(b, i)
			lines += breaks
		} else {
			cell, i, err = s.bare(b, i)
		}
		if err != nil {
			return 0, 0, err
		}
		if len(cell) > s.limits.CellBytes {
			return 0, 0, s.refuseCell("is too long", fmt.Sprintf("at most %d bytes a cell", s.limits.CellBytes))
		}
		s.cells = append(s.cells, cell)
		if len(s.cells) > s.limits.Columns {
			return 0, 0, tooMany("columns", s.limits.Columns)
		}
		if i == len(b) {
			return i, lines, nil
		}
		if b[i] == '\n' {
			return i + 1, lines, nil
		}
	}
}

// ends marks the bytes that end an unquoted cell or may not be in it.
var ends = [256]bool{',': true, '\n': true, '"': true}

// bare reads an unquoted cell from b[i:] and gives the index of what ends it: a comma, a
// line feed, or len(b) at the end of the file.
func (s *records) bare(b []byte, i int) (cell []byte, end int, err error) {
	from := i
	for i < len(b) && !ends[b[i]] {
		i++
	}
	if i == len(b) {
		if !s.eof {
			return nil, 0, errMore
		}
		return bytes.TrimSuffix(b[from:i], []byte{'\r'}), i, nil
	}
	if b[i] == '"' {
		return nil, 0, s.refuseCell("has a quote inside an unquoted cell", `cells with quotes are quoted and the quotes doubled: "5"" pipe"`)
	}
	if b[i] == '\n' && i > from && b[i-1] == '\r' {
		return b[from : i-1], i, nil
	}
	return b[from:i], i, nil
}

// quoted reads the cell that the quote at b[i] opens, as bare does; breaks counts the line
// feeds inside.
func (s *records) quoted(b []byte, i int) (cell []byte, end int, breaks int64, err error) {
	from, doubled, base := i+1, false, len(s.unescaped)
	for i++; ; i += 2 {
		k := bytes.IndexByte(b[i:], '"')
		if k < 0 || (i+k+1 == len(b) && !s.eof) {
			if !s.eof {
				return nil, 0, 0, errMore
			}
			return nil, 0, 0, s.refuseCell("opens a quote that is never closed", "")
		}
		if doubled {
			s.unescaped = append(s.unescaped, b[i:i+k]...)
		}
		i += k
		if i+1 == len(b) || b[i+1] != '"' {
			break
		}
		if !doubled {
			doubled = true
			s.unescaped = append(s.unescaped, b[from:i]...)
		}
		s.unescaped = append(s.unescaped, '"')
	}
	cell = b[from:i:i]
	breaks = int64(bytes.Count(cell, []byte{'\n'}))
	if doubled {
		cell = s.unescaped[base:len(s.unescaped):len(s.unescaped)]
	}
	end, err = s.afterQuote(b, i+1)
	return cell, end, breaks, err
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
	return s.refuse(fmt.Sprintf("cell %d %s", len(s.cells)+1, problem), allowed)
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
