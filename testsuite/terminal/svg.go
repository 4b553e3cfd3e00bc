package terminal

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// Window is a picture of a terminal with a title.
type Window struct {
	Title string
	Rows  [][]Cell
}

// The measures of a picture, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 19.0
	fontSize   = 14
	padding    = 16.0
	titleBar   = 34.0
	gap        = 18.0
)

// palette is that of a dark terminal; bright colours are the plain ones.
var palette = map[int]string{
	0: "#d7dae0", 31: "#f47067", 32: "#57ab5a", 33: "#d9a343", 34: "#539bf5", 35: "#b083f0", 36: "#39c5cf", 37: "#d7dae0",
}

// SVG draws windows of so many columns below each other. The same rows give the same bytes.
// Characters stand on a grid whatever the viewer's font, and bars are drawn as boxes, so that
// they have no gaps.
func SVG(columns int, windows ...Window) []byte {
	width := float64(columns)*cellWidth + 2*padding
	var body strings.Builder
	top := 0.0
	for i, w := range windows {
		if i > 0 {
			top += gap
		}
		height := titleBar + float64(len(w.Rows))*cellHeight + padding
		body.WriteString(w.draw(top, width, height))
		top += height
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" `, width, top, width, top)
	fmt.Fprintf(&out, `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%d">`+"\n", fontSize)
	out.WriteString(body.String())
	out.WriteString("</svg>\n")
	return []byte(out.String())
}

func (w Window) draw(top, width, height float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<rect y="%.1f" width="%.1f" height="%.1f" rx="9" fill="#1c2128"/>`+"\n", top, width, height)
	for i, colour := range []string{"#f47067", "#d9a343", "#57ab5a"} {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="5.5" fill="%s"/>`, padding+6+float64(i)*19, top+titleBar/2, colour)
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#8b949e" text-anchor="middle">%s</text>`+"\n", width/2, top+titleBar/2+5, escaped(w.Title))
	for y, row := range w.Rows {
		baseline := top + titleBar + float64(y)*cellHeight + 14
		for start := 0; start < len(row); {
			end := start + 1
			for end < len(row) && row[end].Style == row[start].Style && kindOf(row[end].Rune) == kindOf(row[start].Rune) {
				end++
			}
			x := padding + float64(start)*cellWidth
			if kindOf(row[start].Rune) == frameKind {
				b.WriteString(frame(row[start:end], x, baseline))
			} else {
				b.WriteString(run(row[start:end], x, baseline))
			}
			start = end
		}
	}
	return b.String()
}

// frameKind is the kind of the characters that frame a table.
const frameKind = -1

// kindOf tells apart what is drawn differently: text, frames, bars of each opacity.
func kindOf(r rune) float64 {
	if _, is := arms[r]; is {
		return frameKind
	}
	return boxOpacity(r)
}

// arms are the lines from the middle of a frame's character: left, right, up, down.
var arms = map[rune][4]bool{
	'─': {true, true, false, false}, '│': {false, false, true, true}, '┼': {true, true, true, true},
	'╭': {false, true, false, true}, '╮': {true, false, false, true}, '╰': {false, true, true, false}, '╯': {true, false, true, false},
	'├': {false, true, true, true}, '┤': {true, false, true, true}, '┬': {true, true, false, true}, '┴': {true, true, true, false},
}

// frame draws lines, so that those of one row reach those of the next.
func frame(cells []Cell, x, baseline float64) string {
	var path strings.Builder
	for i, c := range cells {
		cx, cy := x+(float64(i)+0.5)*cellWidth, baseline-14+cellHeight/2
		for arm, end := range [4][2]float64{{-cellWidth / 2, 0}, {cellWidth / 2, 0}, {0, -cellHeight / 2}, {0, cellHeight / 2}} {
			if arms[c.Rune][arm] {
				fmt.Fprintf(&path, "M%.1f %.1fl%.1f %.1f", cx, cy, end[0], end[1])
			}
		}
	}
	return fmt.Sprintf(`<path d="%s" stroke="%s" opacity="0.45"/>`+"\n", path.String(), palette[0])
}

// boxOpacity is that of a character which is drawn as a box; 0 for all others.
func boxOpacity(r rune) float64 {
	switch r {
	case '█':
		return 1
	case '▓':
		return 0.75
	case '░':
		return 0.22
	}
	return 0
}

// run draws characters of one look.
func run(cells []Cell, x, baseline float64) string {
	style, width := cells[0].Style, float64(len(cells))*cellWidth
	fill := palette[style.Colour]
	if fill == "" {
		fill = palette[style.Colour-60]
	}
	if opacity := boxOpacity(cells[0].Rune); opacity > 0 {
		return fmt.Sprintf(`<rect x="%.1f" y="%.1f" width="%.1f" height="13" fill="%s" opacity="%.2f"/>`+"\n", x, baseline-11, width, fill, opacity)
	}
	if !slices.ContainsFunc(cells, func(c Cell) bool { return c.Rune != ' ' }) {
		return ""
	}
	text := strings.TrimSuffix(Text([][]Cell{cells}), "\n")
	looks := ""
	if style.Bold {
		looks = ` font-weight="bold"`
	}
	if style.Faint {
		looks += ` opacity="0.6"`
	}
	return fmt.Sprintf(`<text x="%.1f" y="%.1f" fill="%s"%s textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve">%s</text>`+"\n",
		x, baseline, fill, looks, width, escaped(text))
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
