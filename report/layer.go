package report

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// layer is something in a plot: where it reaches, and how it is painted. Coordinates are
// finite.
type layer struct {
	xs, ys []float64
	paint  func(c draw.Canvas, x, y func(float64) vg.Length)
}

// Plot implements plot.Plotter.
func (l layer) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	l.paint(c, x, y)
}

// DataRange implements plot.DataRanger.
func (l layer) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, ymin, xmax, ymax = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, v := range l.xs {
		xmin, xmax = min(xmin, v), max(xmax, v)
	}
	for _, v := range l.ys {
		ymin, ymax = min(ymin, v), max(ymax, v)
	}
	return xmin, xmax, ymin, ymax
}

// pen is how a line is drawn.
func pen(c color.NRGBA, width vg.Length, dash ...vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width, Dashes: dash}
}

// dashes of references such as Kaplan–Meier.
var dashes = []vg.Length{4, 3}

// through is a line through points.
func through(xs, ys []float64, style draw.LineStyle) layer {
	return layer{xs: xs, ys: ys, paint: func(c draw.Canvas, x, y func(float64) vg.Length) {
		points := make([]vg.Point, len(xs))
		for i := range xs {
			points[i] = vg.Point{X: x(xs[i]), Y: y(ys[i])}
		}
		c.StrokeLines(style, c.ClipLinesXY(points)...)
	}}
}

// filled is the area between two lines over the same xs.
func filled(xs, low, high []float64, c color.NRGBA) layer {
	return layer{xs: xs, ys: append(append([]float64{}, low...), high...), paint: func(canvas draw.Canvas, x, y func(float64) vg.Length) {
		var points []vg.Point
		for i := range xs {
			points = append(points, vg.Point{X: x(xs[i]), Y: y(high[i])})
		}
		for i := len(xs) - 1; i >= 0; i-- {
			points = append(points, vg.Point{X: x(xs[i]), Y: y(low[i])})
		}
		canvas.FillPolygon(band(c), canvas.ClipPolygonXY(points))
	}}
}

// dots are filled circles, or rings.
func dots(xs, ys []float64, c color.NRGBA, radius vg.Length, ring bool) layer {
	return layer{xs: xs, ys: ys, paint: func(canvas draw.Canvas, x, y func(float64) vg.Length) {
		style := draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}
		if ring {
			style.Shape = draw.RingGlyph{}
		}
		for i := range xs {
			canvas.DrawGlyph(style, vg.Point{X: x(xs[i]), Y: y(ys[i])})
		}
	}}
}

// span is a line from one point to another.
func span(x1, y1, x2, y2 float64, style draw.LineStyle) layer {
	return through([]float64{x1, x2}, []float64{y1, y2}, style)
}

// box is a filled rectangle between two xs, that many points high around y.
func box(x1, x2, y float64, height vg.Length, c color.NRGBA) layer {
	return layer{xs: []float64{x1, x2}, ys: []float64{y}, paint: func(canvas draw.Canvas, x, at func(float64) vg.Length) {
		left, right := x(x1), max(x(x2), x(x1)+0.8)
		bottom, top := at(y)-height/2, at(y)+height/2
		canvas.FillPolygon(c, []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}})
	}}
}

// steps turns a step function's corners into a line.
func steps(from float64, before float64, times, values []float64, to float64) (xs, ys []float64) {
	xs, ys = []float64{from}, []float64{before}
	for i, t := range times {
		if t > to {
			break
		}
		xs, ys = append(xs, t, t), append(ys, ys[len(ys)-1], values[i])
	}
	return append(xs, to), append(ys, ys[len(ys)-1])
}

// lattice are lines at the marks of an axis, or both.
func lattice(vertical, horizontal bool) plot.Plotter {
	g := plotter.NewGrid()
	g.Vertical, g.Horizontal = pen(rules.light, 0.6), pen(rules.light, 0.6)
	if !vertical {
		g.Vertical.Color = nil
	}
	if !horizontal {
		g.Horizontal.Color = nil
	}
	return g
}

// names are the marks of an axis with a name at 0, 1, ….
type names []string

// Ticks implements plot.Ticker.
func (n names) Ticks(_, _ float64) []plot.Tick {
	out := make([]plot.Tick, len(n))
	for i, name := range n {
		out[i] = plot.Tick{Value: float64(i), Label: name}
	}
	return out
}

// round are marks at round values, about five of them.
type round struct{}

// Ticks implements plot.Ticker.
func (round) Ticks(low, high float64) []plot.Tick {
	step := stepFor((high - low) / 5)
	if !(step > 0) || math.IsInf(step, 0) || math.Abs(low)/step > 1e9 {
		return []plot.Tick{{Value: low, Label: brief(low)}} // one point, or hardly more
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	var out []plot.Tick
	for k := math.Ceil(low/step - 1e-9); k*step <= high+1e-9*step; k++ {
		label := strconv.FormatFloat(k*step, 'f', digits, 64)
		if digits == 0 && math.Abs(k*step) < 1e15 {
			label = amount(int(k * step))
		}
		out = append(out, plot.Tick{Value: k * step, Label: minus(label)})
	}
	return out
}

// stepFor is the least of 1, 2, 5, 10, … times a power of ten that is not below v.
func stepFor(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// tick is an upright stroke at a point, so far up and down.
func tick(at, level float64, reach vg.Length, color color.NRGBA) layer {
	return layer{xs: []float64{at}, ys: []float64{level}, paint: func(c draw.Canvas, x, y func(float64) vg.Length) {
		c.StrokeLine2(pen(color, 2.6), x(at), y(level)-reach, x(at), y(level)+reach)
	}}
}
