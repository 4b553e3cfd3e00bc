package report

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"image/color"
	"image/png"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// figure is a picture to be drawn: a plot below its legend.
type figure struct {
	name          string // of the files, without extension; unique in a report
	title         string // what it is
	alt           string // what it shows, in words
	width, height vg.Length
	plot          *plot.Plot
	legend        []entry
}

// entry is a line of a legend.
type entry struct {
	text  string
	color color.NRGBA
	dash  []vg.Length
}

// picture is a drawn figure.
type picture struct {
	Name, Title, Alt string
	Half             bool          // two go beside each other, on paper too
	SVG              template.HTML // for the page
	svgFile, pngFile []byte
}

const (
	wide      = vg.Length(680) // a picture across the page
	half      = vg.Length(335) // two beside each other
	tall      = vg.Length(230)
	pngDPI    = 144
	fontSize  = vg.Length(10)
	margin    = vg.Length(4)
	swatch    = vg.Length(18)
	lineWidth = vg.Length(1.6)
)

var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// newPlot is an empty plot in the report's style.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for axis, label := range map[*plot.Axis]string{&p.X: x, &p.Y: y} {
		axis.Label.Text = plain(label)
		axis.Label.TextStyle.Font = font.From(sans, fontSize)
		axis.Label.TextStyle.Color = muted.light
		axis.Label.Padding = 3
		axis.Tick.Label.Font = font.From(sans, fontSize-1)
		axis.Tick.Label.Color = ink.light
		axis.Tick.LineStyle.Color = muted.light
		axis.Tick.Length = 3
		axis.Tick.Marker = round{}
		axis.LineStyle.Color = muted.light
		axis.Padding = 2
	}
	return p
}

func textStyle(c color.NRGBA) text.Style {
	return text.Style{Color: c, Font: font.From(sans, fontSize-0.5), YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
}

// draw puts legend and plot on a canvas.
func (f *figure) draw(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c.Max.Y -= f.drawLegend(c)
	f.plot.Draw(c)
}

// drawLegend writes the entries in lines from the top and returns what height they took.
func (f *figure) drawLegend(c draw.Canvas) vg.Length {
	if len(f.legend) == 0 {
		return 0
	}
	const line = vg.Length(14)
	style := textStyle(ink.light)
	x, y := c.Min.X, c.Max.Y-line/2
	for _, e := range f.legend {
		width := swatch + 4 + style.Width(e.text) + 12
		if x > c.Min.X && x+width > c.Max.X {
			x, y = c.Min.X, y-line
		}
		stroke := draw.LineStyle{Color: e.color, Width: 2 * lineWidth, Dashes: e.dash}
		c.StrokeLine2(stroke, x, y, x+swatch, y)
		c.FillText(style, vg.Point{X: x + swatch + 4, Y: y}, e.text)
		x += width
	}
	return c.Max.Y - y + line
}

// render draws both files of a figure.
func (f *figure) render() (*picture, error) {
	out := &picture{Name: f.name, Title: f.title, Alt: f.alt, Half: f.width == half}
	svg := vgsvg.New(f.width, f.height)
	f.draw(draw.New(svg))
	var text bytes.Buffer
	if _, err := svg.WriteTo(&text); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.name, err)
	}
	_, body, found := strings.Cut(text.String(), `xmlns:xlink="http://www.w3.org/1999/xlink">`)
	if !found {
		return nil, fmt.Errorf("draw %s: the picture does not begin as expected", f.name)
	}
	body = clean(lettering.Replace(body))
	out.SVG = template.HTML(f.open(false) + body)
	out.svgFile = []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + f.open(true) + body)

	canvas := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(paper.light))
	f.draw(draw.New(canvas))
	var pixels bytes.Buffer
	quick := png.Encoder{CompressionLevel: png.BestSpeed} // the default takes longer for files that are hardly smaller
	if err := quick.Encode(&pixels, canvas.Image()); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.name, err)
	}
	out.pngFile = pixels.Bytes()
	return out, nil
}

// lettering names fonts of the metrics that the text was set in, and leaves out what is usual.
var lettering = strings.NewReplacer(
	"font-family:Liberation Sans;", "font-family:Liberation Sans,Arial,Helvetica,sans-serif;",
	"font-variant:normal;", "", "font-weight:normal;", "", "font-style:normal;", "")

// open is the start of the picture: its size, and what it is for whom cannot see it.
func (f *figure) open(file bool) string {
	style := ""
	if file {
		style = "<style>" + pictureStyle() + "</style>\n"
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%gpt" height="%gpt" viewBox="0 0 %g %g" role="img" aria-labelledby="%s-title %s-text">
<title id="%s-title">%s</title>
<desc id="%s-text">%s</desc>
%s`, f.width, f.height, f.width, f.height, f.name, f.name,
		f.name, html.EscapeString(plain(f.title)), f.name, html.EscapeString(plain(f.alt)), style)
}

// clean is a text without what no document may hold or no reader should be led by: control
// characters but the ends of lines, broken encoding, marks that turn the direction of the text.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == 0xFFFE, r == 0xFFFF:
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// plain is a clean text in one line.
func plain(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(clean(s)) }

// short is a plain text of at most n characters, for a label.
func short(s string, n int) string {
	runes := []rune(plain(s))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}
