package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// bars redraws a block of lines in place: a heading, a line per model with its scores so far,
// one per long fit, retries.
type bars struct {
	screen
	run   runRef
	paces paces
}

// block is what bars have drawn last. The log is written by other goroutines, to what may
// be the same terminal.
type block struct {
	mu     sync.Mutex
	screen screen
	widths []int // of the lines on the screen; none: no block is there
}

// erase is what takes the block off the screen: first column, cursor up, clear to the end. A
// terminal that has become narrower since has wrapped lines, which take more rows each. The
// caller holds mu.
func (b *block) erase() string {
	if len(b.widths) == 0 {
		return ""
	}
	columns, rows := max(1, b.screen.size().width), 0
	for _, w := range b.widths {
		rows += max(1, (w+columns-1)/columns)
	}
	b.widths = nil
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}

// aboveBlock is a log that may share the terminal with a block: a record takes the block
// away, and the next snapshot draws it again below.
type aboveBlock struct {
	io.Writer
	block *block
}

func (a aboveBlock) Write(record []byte) (int, error) {
	a.block.mu.Lock()
	defer a.block.mu.Unlock()
	if erase := a.block.erase(); erase != "" {
		fmt.Fprint(a.block.screen, erase)
	}
	return a.Writer.Write(record)
}

func (v *bars) show(s *snapshot) {
	if v.paces == nil {
		v.paces = paces{}
	}
	v.paces.update(s)
	v.draw(frame(v.run, s, v.paces, v.size()))
}

// note writes a line above the block, which the next show draws again below it.
func (v *bars) note(words string) {
	v.draw(nil)
	v.printf("%s\n", words)
}

// close leaves the last block on the screen.
func (v *bars) close() {
	v.block.mu.Lock()
	defer v.block.mu.Unlock()
	v.block.widths = nil
}

// draw replaces the block, by one write, so that it does not flicker.
func (v *bars) draw(lines []line) {
	v.block.mu.Lock()
	defer v.block.mu.Unlock()
	var b strings.Builder
	b.WriteString(v.block.erase())
	v.block.screen = v.screen
	for _, l := range lines {
		b.WriteString(l.paint(v.screen) + "\n")
		v.block.widths = append(v.block.widths, l.width())
	}
	v.printf("%s", b.String())
}
