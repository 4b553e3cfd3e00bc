package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"everfold/artifact"
)

const (
	maxColumns   = 15 // columns whose importance is shown
	maxDependent = 6  // columns whose partial dependence is drawn
)

// howToExplain is where the two sections of explanation have nothing to show.
const howToExplain = "It was not asked for: in the spec, explain: {importance: 5, dependence: 12} has it computed with the folds."

// importance is what the models lose when a column is shuffled.
func (b *builder) importance(ctx context.Context) (section, error) {
	s := section{ID: "importance", Title: "Importance of columns"}
	rows := artifact.Importances(b.Folds)
	if len(rows) == 0 {
		s.Blocks = append(s.Blocks, block{Text: howToExplain})
		return s, nil
	}
	order := columnOrder(rows, b.subject)
	shown := order[:min(maxColumns, len(order))]
	drawn, err := b.draw(ctx, b.importances(rows, shown))
	if err != nil {
		return s, err
	}
	s.Blocks = append(s.Blocks,
		block{Text: "How much the C-index falls when a column of the test rows is shuffled, so that it says nothing any more: what a model relies on. Of columns that " +
			"say the same, each alone may look unimportant."},
		block{Pictures: []*picture{drawn}}, block{Table: importanceTable(rows, shown, b.models)})
	if left := len(order) - len(shown); left > 0 {
		s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("%s more: artifacts/importance_summary.csv.", counted(left, "column"))})
	}
	return s, nil
}

// columnOrder are the columns by importance for a model, then those of other models alone.
func columnOrder(rows []artifact.ImportanceOf, model string) []string {
	var order []string
	sorted := slices.Clone(rows)
	first := func(r artifact.ImportanceOf) int {
		if r.Model == model {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(sorted, func(a, c artifact.ImportanceOf) int { return cmp.Compare(first(a), first(c)) })
	for _, r := range sorted {
		if !slices.Contains(order, r.Column) {
			order = append(order, r.Column)
		}
	}
	return order
}

func (b *builder) importances(rows []artifact.ImportanceOf, shown []string) *figure {
	p := newPlot("fall of the C-index", "")
	p.Add(lattice(true, false))
	labels := make(names, len(shown))
	var present []string
	for _, model := range b.models {
		if slices.ContainsFunc(rows, func(r artifact.ImportanceOf) bool { return r.Model == model }) {
			present = append(present, model)
		}
	}
	f := &figure{name: "importance", title: "Permutation importance: mean over folds, with 95 % intervals of " + b.subject, width: wide, plot: p,
		height: vg.Length(50 + 20*len(shown))}
	p.Add(span(0, -0.6, 0, float64(len(shown))-0.4, pen(muted.light, 1)))
	var said []string
	for k, column := range shown {
		at := float64(len(shown) - 1 - k)
		labels[len(shown)-1-k] = short(column, 30)
		for _, r := range rows {
			if r.Column != column || r.Drop == nil {
				continue
			}
			hue := b.color(r.Model).light
			if r.Model != b.subject {
				p.Add(dots([]float64{*r.Drop}, []float64{at}, hue, 2.4, true))
				continue
			}
			if r.Lo != nil {
				p.Add(span(*r.Lo, at, *r.Hi, at, pen(hue, 1.4)))
			}
			p.Add(dots([]float64{*r.Drop}, []float64{at}, hue, 3.6, false))
			said = append(said, fmt.Sprintf("%s %.4f", column, *r.Drop))
		}
	}
	for _, model := range present {
		f.legend = append(f.legend, b.line(model))
	}
	p.Y.Tick.Marker, p.Y.Min, p.Y.Max = labels, -0.6, float64(len(shown))-0.4
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	f.alt = fmt.Sprintf("Columns by importance for %s: %s.", b.subject, strings.Join(said, "; "))
	return f
}

func importanceTable(rows []artifact.ImportanceOf, shown, models []string) *table {
	t := &table{Caption: "Fall of the C-index, mean over folds"}
	head := columns("Column")
	at := map[[2]string]artifact.ImportanceOf{}
	for _, r := range rows {
		at[[2]string{r.Model, r.Column}] = r
	}
	var present []string
	for _, model := range models {
		if slices.ContainsFunc(rows, func(r artifact.ImportanceOf) bool { return r.Model == model }) {
			head, present = append(head, column{Name: model}), append(present, model)
		}
	}
	t.Head = numbers(head, 1)
	for _, name := range shown {
		cells := []string{name}
		for _, model := range present {
			cells = append(cells, score(at[[2]string{model, name}].Drop))
		}
		t.add(cells...)
	}
	return t
}

// dependence is how the predicted survival changes with one column.
func (b *builder) dependence(ctx context.Context) (section, error) {
	s := section{ID: "dependence", Title: "Partial dependence"}
	all := dependences(b.folds(b.subject))
	if len(all) == 0 {
		s.Blocks = append(s.Blocks, block{Text: howToExplain})
		return s, nil
	}
	order := columnOrder(artifact.Importances(b.Folds), b.subject)
	rank := func(column string) int {
		if k := slices.Index(order, column); k >= 0 {
			return k
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(x, y artifact.Dependence) int { return cmp.Compare(rank(x.Column), rank(y.Column)) })
	var pictures []*picture
	shown := all[:min(maxDependent, len(all))]
	low, high := 1.0, 0.0
	for _, d := range shown {
		for _, curve := range d.Survival {
			low, high = min(low, slices.Min(curve)), max(high, slices.Max(curve))
		}
	}
	room := 0.03 * (high - low)
	scale := [2]float64{max(0, low-room), min(1, high+room)} // one for all columns
	for k, d := range shown {
		f := b.dependenceOf(d, k, scale)
		p, err := b.draw(ctx, f)
		if err != nil {
			return s, err
		}
		pictures = append(pictures, p)
	}
	s.Blocks = append(s.Blocks,
		block{Text: fmt.Sprintf("The mean survival that %s predicts if every row had this value of the column and kept all others. "+
			"It says what the model makes of a column, not what changing it would do.", b.subject)},
		block{Pictures: pictures})
	if left := len(all) - len(pictures); left > 0 {
		s.Blocks = append(s.Blocks, block{Note: fmt.Sprintf("%s more: artifacts/dependence.csv.", counted(left, "column"))})
	}
	return s, nil
}

// dependences are means over the folds that have a column, at the values and horizons of the
// first of them.
func dependences(folds []*artifact.Manifest) []artifact.Dependence {
	var out []artifact.Dependence
	var counts []float64
	for _, m := range folds {
		if m.Explanation == nil {
			continue
		}
		for _, d := range m.Explanation.Dependence {
			at := slices.IndexFunc(out, func(o artifact.Dependence) bool { return o.Column == d.Column })
			if at < 0 {
				d.Survival = deepCopy(d.Survival)
				out, counts = append(out, d), append(counts, 1)
				continue
			}
			if !slices.Equal(out[at].Values, d.Values) || !slices.Equal(out[at].Horizons, d.Horizons) {
				continue // of a grid of its own
			}
			counts[at]++
			for v, curve := range d.Survival {
				for h, s := range curve {
					out[at].Survival[v][h] += s
				}
			}
		}
	}
	for k := range out {
		for _, curve := range out[k].Survival {
			for h := range curve {
				curve[h] /= counts[k]
			}
		}
	}
	return out
}

func deepCopy(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, r := range rows {
		out[i] = slices.Clone(r)
	}
	return out
}

// categorical says whether a column's values are levels, whatever they look like.
func (b *builder) categorical(column string) bool {
	return b.profile != nil && slices.ContainsFunc(b.profile.Columns, func(c profiled) bool { return c.Name == column && c.Role == "categorical" })
}

// dependenceOf draws one column: lines over numbers, or levels below each other, whose names may
// be long.
func (b *builder) dependenceOf(d artifact.Dependence, k int, scale [2]float64) *figure {
	f := &figure{name: fmt.Sprintf("dependence_%d", k+1), title: "Predicted survival by " + d.Column, width: half, height: tall}
	at, numeric := b.placesOf(d)
	if numeric {
		f.plot = newPlot(short(d.Column, 40), "mean survival")
		f.plot.Y.Min, f.plot.Y.Max = scale[0], scale[1]
		f.plot.Add(lattice(false, true))
	} else {
		labels := make(names, len(d.Values))
		for i, v := range d.Values {
			labels[int(at[i])] = short(v, 22)
		}
		f.plot = newPlot("mean survival", "")
		f.plot.X.Min, f.plot.X.Max = scale[0], scale[1]
		f.plot.Y.Min, f.plot.Y.Max, f.plot.Y.Tick.Marker = -0.6, float64(len(at))-0.4, labels
		f.plot.Add(lattice(true, false))
		f.height = max(tall, vg.Length(50+13*len(at)))
	}
	for h, horizon := range d.Horizons {
		survival := make([]float64, len(at))
		for v := range survival {
			survival[v] = d.Survival[v][h]
		}
		hue := stepOf(h, len(d.Horizons)).light
		if numeric {
			f.plot.Add(through(at, survival, pen(hue, lineWidth)), dots(at, survival, hue, 2.2, false))
		} else {
			f.plot.Add(dots(survival, at, hue, 3, false))
		}
		f.legend = append(f.legend, entry{text: b.unit() + " " + brief(horizon), color: hue})
		low, high := slices.Index(survival, slices.Min(survival)), slices.Index(survival, slices.Max(survival))
		f.alt += fmt.Sprintf("At %s from %.3f (%s) to %.3f (%s). ", brief(horizon), survival[low], d.Values[low], survival[high], d.Values[high])
	}
	return f
}

// placesOf are the numbers that a column was set to, or places of its levels, the first on top.
func (b *builder) placesOf(d artifact.Dependence) (at []float64, numeric bool) {
	at, numeric = make([]float64, len(d.Values)), !b.categorical(d.Column)
	for i, v := range d.Values {
		x, err := strconv.ParseFloat(v, 64)
		numeric = numeric && err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
		at[i] = x
	}
	if !numeric {
		for i := range at {
			at[i] = float64(len(at) - 1 - i)
		}
	}
	return at, numeric
}
