package main

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// span is words in one colour.
type span struct {
	words   string
	colours []text.Color
}

// line is one line of a block.
type line []span

func words(s string, colours ...text.Color) line { return line{{s, colours}} }

func (l line) add(s string, colours ...text.Color) line { return append(l, span{s, colours}) }

// String is the line without colour.
func (l line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.words)
	}
	return b.String()
}

// width is the number of columns that the line takes.
func (l line) width() int {
	n := 0
	for _, s := range l {
		n += utf8.RuneCountInString(s.words)
	}
	return n
}

// paint is the line in colour, on a screen that has it.
func (l line) paint(s screen) string {
	var b strings.Builder
	for _, part := range l {
		if len(part.colours) == 0 {
			b.WriteString(part.words)
			continue
		}
		b.WriteString(s.paint(part.words, part.colours...))
	}
	return b.String()
}

// clip keeps a line within the screen: what is cut off ends in "…".
func (l line) clip(width int) line {
	if width < 2 || l.width() <= width {
		return l
	}
	room := width - 1
	for i, s := range l {
		n := utf8.RuneCountInString(s.words)
		if n >= room {
			cut := slices.Clone(l[:i])
			return append(cut, span{string([]rune(s.words)[:room]), s.colours}, span{"…", nil})
		}
		room -= n
	}
	return l
}

// clip is the same for plain words.
func clip(s string, width int) string { return words(s).clip(width).String() }
