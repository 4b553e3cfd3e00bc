package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"everfold/artifact"
)

// maxCoefficients bounds those of a model that are shown.
const maxCoefficients = 15

// aft is the model type whose coefficients are of log time, not of log hazard.
const aft = "weibull_aft"

// settings are the models as they were fitted, and the coefficients of final linear ones.
func (b *builder) settings(ctx context.Context) (section, error) {
	s := section{ID: "models", Title: "Models"}
	if b.Run == nil {
		s.Blocks = append(s.Blocks, block{Text: "Without run.json it is not known how the models were set."})
		return s, nil
	}
	t := &table{Caption: "As they were fitted", Head: columns("Model", "Type", "Settings")}
	for _, m := range b.Run.Spec.AllModels() {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(m.Settings)) {
			value, err := json.Marshal(m.Settings[name])
			if err != nil {
				value = []byte("?")
			}
			words = append(words, name+": "+strings.Trim(string(value), `"`))
		}
		t.add(m.Name, m.Type, cmp.Or(strings.Join(words, ", "), "none"))
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	for _, info := range b.Finals {
		if len(info.Coefficients) == 0 {
			continue
		}
		blocks, err := b.coefficients(ctx, info)
		if err != nil {
			return s, err
		}
		s.Blocks = append(s.Blocks, blocks...)
	}
	return s, nil
}

// ratio is what a coefficient means: a factor on the hazard, or on the time, per unit.
type ratio struct {
	column      string
	scaled      float64  // log ratio per unit as the model saw it: a standard deviation where it scales
	se          *float64 // of it; nil: none
	unit        float64  // log ratio per original unit
	z           float64  // what they are sorted by
	significant *float64
}

func (b *builder) coefficients(ctx context.Context, info *artifact.ModelInfo) ([]block, error) {
	var all []ratio
	for _, c := range info.Coefficients {
		r := ratio{column: c.Column, scaled: c.Scaled, unit: c.Estimate, z: math.Abs(c.Scaled)}
		se := c.SE
		if c.RobustSE != nil {
			se = c.RobustSE
		}
		if se != nil && *se > 0 && c.Estimate != 0 {
			z := math.Abs(c.Estimate / *se)
			p, scaled := math.Erfc(z/math.Sqrt2), math.Abs(c.Scaled)/z
			r.z, r.significant, r.se = z, &p, &scaled
		}
		if c.Scaled != 0 {
			all = append(all, r)
		}
	}
	what, means := "hazard ratio", "above 1: earlier events"
	if info.Type == aft {
		what, means = "time ratio", "above 1: later events"
	}
	if len(all) == 0 {
		return []block{{Heading: "What " + info.Model + " makes of the columns"}, {Text: "All of its coefficients are 0."}}, nil
	}
	slices.SortStableFunc(all, func(x, y ratio) int { return cmp.Compare(y.z, x.z) })
	shown := all[:min(maxCoefficients, len(all))]
	drawn, err := b.draw(ctx, b.forest(info, shown, what, means))
	if err != nil {
		return nil, err
	}
	t := &table{Caption: fmt.Sprintf("%s of %s, fitted on all rows: per standard deviation or level, %s", strings.ToUpper(what[:1])+what[1:]+"s", info.Model, means),
		Head: numbers(columns("Column", "Ratio"), 1)}
	certain := slices.ContainsFunc(shown, func(r ratio) bool { return r.se != nil })
	if certain {
		t.Head = append(t.Head, numbers(columns("95 % interval", "p"), 0)...)
	}
	t.Head = append(t.Head, column{Name: "Per original unit", Numbers: true})
	for _, r := range shown {
		cells := []string{r.column, factor(r.scaled, 4)}
		if certain {
			interval := dash
			if r.se != nil {
				half := normalQuantile * *r.se
				interval = factor(r.scaled-half, 4) + " to " + factor(r.scaled+half, 4)
			}
			cells = append(cells, interval, pvalue(r.significant))
		}
		t.add(append(cells, factor(r.unit, 7))...)
	}
	note := "Per standard deviation of a number and per level of a factor, so that columns can be compared. "
	if hidden := len(info.Coefficients) - len(shown); hidden > 0 {
		note += fmt.Sprintf("%s of %d are not shown: they are 0, or less certain; model.json has all. ", amount(hidden), len(info.Coefficients))
	}
	if !certain {
		note += "A penalised fit has no standard errors."
	}
	return []block{{Heading: "What " + info.Model + " makes of the columns"}, {Pictures: []*picture{drawn}}, {Table: t}, {Note: note}}, nil
}

// factor is e^v for reading.
func factor(v float64, digits int) string {
	if r := math.Exp(v); digits == 4 && r >= 0.1 && r < 10 {
		return strconv.FormatFloat(r, 'f', 3, 64)
	}
	return strconv.FormatFloat(math.Exp(v), 'g', digits, 64)
}

// forest draws ratios on a log scale.
func (b *builder) forest(info *artifact.ModelInfo, shown []ratio, what, means string) *figure {
	p := newPlot(fmt.Sprintf("%s per standard deviation or level (%s)", what, means), "")
	p.Add(lattice(true, false))
	labels := make(names, len(shown))
	hue := b.color(info.Model).light
	p.Add(span(0, -0.6, 0, float64(len(shown))-0.4, pen(muted.light, 1)))
	var said []string
	for k, r := range shown {
		at := float64(len(shown) - 1 - k)
		labels[len(shown)-1-k] = short(r.column, 34)
		if r.se != nil {
			half := normalQuantile * *r.se
			p.Add(span(max(r.scaled-half, -5), at, min(r.scaled+half, 5), at, pen(hue, 1.4)))
		}
		if math.Abs(r.scaled) <= 5 {
			p.Add(dots([]float64{r.scaled}, []float64{at}, hue, 3.2, false))
		}
		said = append(said, fmt.Sprintf("%s %s", r.column, factor(r.scaled, 4)))
	}
	p.Y.Tick.Marker, p.Y.Min, p.Y.Max = labels, -0.6, float64(len(shown))-0.4
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	room := 0.03*(p.X.Max-p.X.Min) + 1e-3
	p.X.Min, p.X.Max, p.X.Tick.Marker = p.X.Min-room, p.X.Max+room, factors{}
	return &figure{name: "coefficients_" + info.Model, title: fmt.Sprintf("%ss of %s, with 95 %% intervals where the fit has standard errors", strings.ToUpper(what[:1])+what[1:], info.Model),
		alt: strings.Join(said, "; ") + ".", width: wide, height: vg.Length(44 + 20*len(shown)), plot: p}
}

// factors are marks of a log axis, labelled by what they are factors of.
type factors struct{}

// Ticks implements plot.Ticker.
func (factors) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for _, steps := range [][]float64{{1, 2, 5}, {1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8}, {1, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 0.95, 0.9, 0.8}} {
		out = nil
		for power := -3; power <= 3; power++ {
			for _, m := range steps {
				v := math.Log(m * math.Pow(10, float64(power)))
				if v >= low && v <= high && !slices.ContainsFunc(out, func(t plot.Tick) bool { return math.Abs(t.Value-v) < 0.02*(high-low) }) {
					out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(math.Exp(v), 'g', 3, 64)})
				}
			}
		}
		if len(out) >= 4 {
			break
		}
	}
	if len(out) < 2 {
		for _, t := range (round{}).Ticks(low, high) {
			out = append(out, plot.Tick{Value: t.Value, Label: strconv.FormatFloat(math.Exp(t.Value), 'g', 3, 64)})
		}
	}
	return out
}
