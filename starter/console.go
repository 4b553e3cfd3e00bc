package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// console is where a command writes, and what is known about who reads it.
type console struct {
	out, err io.Writer
	outLive  bool // a person's terminal that can be redrawn and coloured
	errLive  bool
	block    block // of bars, on out or err
	getenv   func(string) string
}

func newConsole(out, err *os.File, getenv func(string) string) *console {
	return &console{
		out: out, err: err, getenv: getenv,
		outLive: isLive(term.IsTerminal(int(out.Fd())), getenv),
		errLive: isLive(term.IsTerminal(int(err.Fd())), getenv),
	}
}

// isLive says whether a stream gets bars and colour: a terminal does, unless the
// environment asks for plain text (https://no-color.org) or says that nobody looks.
func isLive(terminal bool, getenv func(string) string) bool {
	return terminal && getenv("NO_COLOR") == "" && getenv("CI") == "" && getenv("TERM") != "dumb"
}

// screen is one stream with what it can show.
type screen struct {
	io.Writer
	live  bool
	block *block // shared with the log; nil where nothing else writes
}

// screen is where progress and results go: standard output, but standard error where
// standard output is reserved for one JSON document.
func (c *console) screen(json bool) screen {
	if json {
		return screen{Writer: c.err, live: c.errLive, block: &c.block}
	}
	return screen{Writer: c.out, live: c.outLive, block: &c.block}
}

// log is where records go that other goroutines write: standard error, above the bars.
func (c *console) log() io.Writer { return aboveBlock{Writer: c.err, block: &c.block} }

func (s screen) printf(format string, args ...any) { fmt.Fprintf(s, format, args...) }

// paint colours words on a live screen.
func (s screen) paint(words string, colours ...text.Color) string {
	if !s.live {
		return words
	}
	return text.Escape(words, text.Colors(colours).EscapeSeq())
}

// size is columns and rows.
type size struct{ width, height int }

// defaultSize is assumed where a terminal does not tell its own.
var defaultSize = size{width: 100, height: 30}

func (s screen) size() size {
	file, ok := s.Writer.(*os.File)
	if !ok {
		return defaultSize
	}
	columns, rows, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return defaultSize
	}
	return size{columns, rows}
}

// reportError prints err once, as `everfold: what`, and below it what to do.
func (c *console) reportError(err error) {
	s := screen{Writer: c.err, live: c.errLive}
	s.printf("%s %s\n", s.paint("everfold:", text.FgRed, text.Bold), err)
	if hint := hintOf(err); hint != "" {
		s.printf("  %s\n", strings.ReplaceAll(hint, "\n", "\n  "))
	}
}
