package report

import (
	"fmt"
	"image/color"
	"strings"
)

// hue is a colour on paper and on a dark screen. Pictures are drawn in the first; style sheets
// turn it into the second.
type hue struct{ light, dark color.NRGBA }

func rgb(light, dark uint32) hue {
	of := func(v uint32) color.NRGBA {
		return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
	}
	return hue{of(light), of(dark)}
}

// The colours that everything is drawn in. Texts have a contrast of at least 4.5 with the
// background, lines and dots of 3 (Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11).
var (
	paper = rgb(0xffffff, 0x15181d) // the background
	ink   = rgb(0x1f2328, 0xe6e8eb) // texts
	muted = rgb(0x5f6771, 0xa3abb5) // notes, axes, Kaplan–Meier and other references
	rules = rgb(0xdfe3e8, 0x31373f) // grids: decoration, no contrast is asked of them
	panel = rgb(0xf6f8fa, 0x1c2128) // behind tables' heads and facts
	link  = rgb(0x0b5cad, 0x6cb6ff)
	alarm = rgb(0xb42318, 0xff8a80)

	// palette is what models are drawn in, in the order of the spec. Neighbours differ in
	// lightness too, for whom red and green are alike.
	palette = []hue{
		rgb(0x0b62b0, 0x5cb0f5), rgb(0xc2520a, 0xf59056), rgb(0x0a7a55, 0x45c796), rgb(0x8a3fa8, 0xca93e6),
		rgb(0x8a6a00, 0xd9b645), rgb(0xb3265e, 0xf480a9), rgb(0x0b7285, 0x4cc3d4), rgb(0x5b6b12, 0xb1c44b),
	}
	// scale is for groups and horizons in their order, from the least.
	scale = []hue{rgb(0x4c9bd6, 0x9ad0ff), rgb(0x1f6fb5, 0x62aeee), rgb(0x8d5aa8, 0xc79ae0), rgb(0xb23a6b, 0xf083ab), rgb(0x8c1d18, 0xff7a70)}
)

// all lists every colour that may occur in a picture.
func all() []hue {
	out := append([]hue{ink, muted, rules, alarm}, palette...)
	return append(out, scale...)
}

// of is a place on the scale of n steps.
func stepOf(k, n int) hue {
	if n <= 1 {
		return scale[1]
	}
	return scale[(k*(len(scale)-1)+(n-1)/2)/(n-1)]
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }

// band is the colour of an area that lets lines through.
func band(c color.NRGBA) color.NRGBA {
	c.A = 0x30
	return c
}

// written is a colour as vgsvg writes it, which loses a little to rounding.
func written(c color.Color) string {
	r, g, b, a := c.RGBA()
	scale := 255.0 / float64(a)
	return fmt.Sprintf("#%02X%02X%02X", int(float64(r)*scale), int(float64(g)*scale), int(float64(b)*scale))
}

// darkPictures are the rules that turn pictures, drawn in light colours, dark. Colours stand
// in the elements' own style, so that programs without style sheets show them too.
func darkPictures() string {
	var b strings.Builder
	for _, h := range all() {
		names := []string{written(h.light)}
		if faint := written(band(h.light)); faint != names[0] {
			names = append(names, faint)
		}
		for _, name := range names {
			for _, property := range []string{"fill", "stroke"} {
				fmt.Fprintf(&b, "svg [style*=\"%s:%s\"]{%s:%s!important}\n", property, name, property, hex(h.dark))
			}
		}
	}
	return b.String()
}

// variables are the colours of the page, as custom properties.
func variables(dark bool) string {
	var b strings.Builder
	for _, v := range []struct {
		name string
		hue  hue
	}{{"paper", paper}, {"ink", ink}, {"muted", muted}, {"rules", rules}, {"panel", panel}, {"link", link}, {"alarm", alarm}} {
		c := v.hue.light
		if dark {
			c = v.hue.dark
		}
		fmt.Fprintf(&b, "--%s:%s;", v.name, hex(c))
	}
	return b.String()
}

// pictureStyle is what an SVG file has of its own.
func pictureStyle() string {
	return fmt.Sprintf("svg{background:%s}\n@media screen and (prefers-color-scheme:dark){svg{background:%s}\n%s}\n",
		hex(paper.light), hex(paper.dark), darkPictures())
}
