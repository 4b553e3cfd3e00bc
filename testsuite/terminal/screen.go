// Package terminal shows what a person sees: it runs the real programs on a pseudo-terminal,
// keeps a screen as a terminal emulator would, and draws it as a picture for the README.
//
// The emulator knows what the programs use: printable characters, wrapping at the last column,
// scrolling, and the sequences that move the cursor, clear and colour. Others are skipped.
//
// Non-goals: being a terminal for any other program.
package terminal

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Cell is one character with its looks.
type Cell struct {
	Rune  rune
	Style Style
}

// Style is how characters look. Colour is the code of a foreground colour, 30 to 37 or 90 to
// 97, or 0.
type Style struct {
	Colour      int
	Bold, Faint bool
}

// Screen is what a terminal of a size shows after all that was written to it. Safe for
// concurrent use.
type Screen struct {
	mu          sync.Mutex
	width       int
	height      int
	rows        [][]Cell // the visible ones
	above       [][]Cell // scrolled away
	x, y        int
	wrapPending bool
	style       Style
	rest        []byte // of a sequence that has not arrived whole
	news        chan struct{}
}

// NewScreen is an empty screen.
func NewScreen(width, height int) *Screen {
	return &Screen{width: width, height: height, rows: make([][]Cell, height), news: make(chan struct{})}
}

// Resize changes the size as terminals that wrap lines anew do: wrapped rows become longer ones
// no more, longer ones are wrapped. The cursor stays with its text.
func (s *Screen) Resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.rows[:s.y+1]
	var wrapped [][]Cell
	for i, row := range before {
		row = trimRow(row)
		if i == s.y {
			row = before[i]
		}
		for len(row) > width {
			wrapped = append(wrapped, row[:width:width])
			row = row[width:]
		}
		wrapped = append(wrapped, slices.Clone(row))
	}
	s.width, s.height, s.wrapPending = width, height, false
	if over := len(wrapped) - height; over > 0 {
		s.above = append(s.above, wrapped[:over]...)
		wrapped = wrapped[over:]
	}
	s.y, s.x = len(wrapped)-1, min(s.x, width-1)
	s.rows = append(wrapped, make([][]Cell, height-len(wrapped))...)
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for len(s.rest) > 0 {
		n := s.take(s.rest)
		if n == 0 {
			break
		}
		s.rest = s.rest[n:]
	}
	close(s.news)
	s.news = make(chan struct{})
	return len(p), nil
}

// Grown is closed by the next Write.
func (s *Screen) Grown() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

// take handles the first character or sequence and returns its length, 0 where more must come.
func (s *Screen) take(p []byte) int {
	switch p[0] {
	case '\r':
		s.x, s.wrapPending = 0, false
		return 1
	case '\n':
		s.down()
		return 1
	case '\b':
		s.x = max(0, s.x-1)
		return 1
	case '\t':
		s.x = min(s.width-1, (s.x/8+1)*8)
		return 1
	case 0x1b:
		return s.escape(p)
	}
	if !utf8.FullRune(p) {
		return 0
	}
	r, n := utf8.DecodeRune(p)
	if r >= ' ' {
		s.put(r)
	}
	return n
}

func (s *Screen) put(r rune) {
	if s.wrapPending {
		s.x, s.wrapPending = 0, false
		s.down()
	}
	row := s.rows[s.y]
	for len(row) <= s.x {
		row = append(row, Cell{Rune: ' '})
	}
	row[s.x] = Cell{r, s.style}
	s.rows[s.y] = row
	if s.x++; s.x == s.width {
		s.x, s.wrapPending = s.width-1, true
	}
}

func (s *Screen) down() {
	s.wrapPending = false
	if s.y < s.height-1 {
		s.y++
		return
	}
	s.above = append(s.above, s.rows[0])
	s.rows = append(s.rows[1:], nil)
}

// escape handles a sequence that begins with ESC.
func (s *Screen) escape(p []byte) int {
	if len(p) < 2 {
		return 0
	}
	if p[1] != '[' {
		return 2
	}
	end := slices.IndexFunc(p[2:], func(b byte) bool { return b >= 0x40 && b <= 0x7e })
	if end < 0 {
		return 0
	}
	s.control(p[2+end], string(p[2:2+end]))
	return 3 + end
}

func (s *Screen) control(final byte, arguments string) {
	n := 1
	if v, err := strconv.Atoi(arguments); err == nil {
		n = v
	}
	switch final {
	case 'A':
		s.y, s.wrapPending = max(0, s.y-n), false
	case 'J': // to the end
		s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
		for y := s.y + 1; y < s.height; y++ {
			s.rows[y] = nil
		}
	case 'K':
		s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
	case 'm':
		s.restyle(arguments)
	}
}

func (s *Screen) restyle(arguments string) {
	for _, word := range strings.Split(arguments, ";") {
		code, _ := strconv.Atoi(word)
		switch {
		case code == 0:
			s.style = Style{}
		case code == 1:
			s.style.Bold = true
		case code == 2:
			s.style.Faint = true
		case code >= 30 && code <= 37, code >= 90 && code <= 97:
			s.style.Colour = code
		}
	}
}

// Rows are the visible rows up to the last that is not empty, without trailing blanks.
func (s *Screen) Rows() [][]Cell {
	s.mu.Lock()
	defer s.mu.Unlock()
	return trimmed(s.rows)
}

// All are the rows that have scrolled away and the visible ones.
func (s *Screen) All() [][]Cell {
	s.mu.Lock()
	defer s.mu.Unlock()
	return trimmed(append(slices.Clone(s.above), s.rows...))
}

func trimmed(rows [][]Cell) [][]Cell {
	var out [][]Cell
	last := 0
	for _, row := range rows {
		row = slices.Clone(trimRow(row))
		out = append(out, row)
		if len(row) > 0 {
			last = len(out)
		}
	}
	return out[:last]
}

func trimRow(row []Cell) []Cell {
	n := len(row)
	for n > 0 && row[n-1].Rune == ' ' {
		n--
	}
	return row[:n]
}

// Text is rows as lines of text.
func Text(rows [][]Cell) string {
	var b strings.Builder
	for _, row := range rows {
		for _, c := range row {
			b.WriteRune(c.Rune)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
