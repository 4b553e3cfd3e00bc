package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"everfold/artifact"
)

// leaderboard is the table of the models, their scores fold by fold, and what the best score is
// worth.
func (b *builder) leaderboard(ctx context.Context) (section, error) {
	s := section{ID: "leaderboard", Title: "Leaderboard"}
	if len(b.Standings) == 0 {
		s.Blocks = append(s.Blocks, block{Text: "No fold is complete yet, so there are no scores."})
		return s, nil
	}
	s.Blocks = append(s.Blocks, block{Table: b.board()})
	if text := b.optimism(); text != "" {
		s.Blocks = append(s.Blocks, block{Text: text})
	}
	s.Blocks = append(s.Blocks, block{Note: "Means over folds, of models that were fitted without the rows they are scored on. " +
		"C-index: 0.5 is chance, 1 is perfect order. IBS, the integrated Brier score: lower is better. IPA: the share of the Kaplan–Meier " +
		"curve’s Brier score that a model removes. Intervals: 95 %, by Nadeau and Bengio (2003), which allows for folds that share training rows."})
	var pictures []*picture
	for _, f := range []*figure{
		b.scores("scores_cindex", "C-index ("+b.cindex()+") by fold: mean and 95 % interval", "C-index, higher is better",
			func(m *artifact.Manifest) *float64 { return m.Scores.CIndex },
			func(st artifact.Standing) (mean, lo, hi *float64) { return st.CIndexMean, st.CIndexLo, st.CIndexHi }),
		b.scores("scores_ibs", "Integrated Brier score by fold, and its mean", "IBS, lower is better",
			func(m *artifact.Manifest) *float64 { return m.Scores.IBS },
			func(st artifact.Standing) (mean, lo, hi *float64) { return st.IBSMean, nil, nil }),
	} {
		if f == nil {
			continue
		}
		p, err := b.draw(ctx, f)
		if err != nil {
			return s, err
		}
		pictures = append(pictures, p)
	}
	if pictures != nil {
		s.Blocks = append(s.Blocks, block{Heading: "Fold by fold"}, block{Pictures: pictures})
	}
	if t := b.differences(); t != nil {
		s.Blocks = append(s.Blocks, block{Heading: "Are the differences real?"}, block{Table: t},
			block{Note: "Corrected paired tests on the folds that both models have. p, Holm: adjusted for all pairs of models."})
	}
	return s, nil
}

// cindex is which C-index the leaderboard has.
func (b *builder) cindex() string {
	if b.Run == nil {
		return "as in model_metrics.csv"
	}
	return map[string]string{"ipcw": "Uno’s, censoring-weighted", "harrell": "Harrell’s"}[b.Run.Spec.Metrics.CIndex]
}

func (b *builder) board() *table {
	t := &table{Caption: "Models by rank", Head: numbers(columns("Model", "Rank", "C-index", "95 % interval", "IBS", "IPA", "Mean AUC", "Folds", "Fit, a fold"), 1)}
	for _, st := range b.Standings {
		rank := dash
		if st.Rank > 0 {
			rank = strconv.Itoa(st.Rank)
		}
		auc, fit := mean(b.folds(st.Model), func(m *artifact.Manifest) *float64 { return m.Scores.AUCMean }), dash
		if seconds := mean(b.folds(st.Model), func(m *artifact.Manifest) *float64 { return &m.FitSeconds }); seconds != nil {
			fit = lasting(*seconds)
		}
		t.add(st.Model, rank, score(st.CIndexMean), between(st.CIndexLo, st.CIndexHi), score(st.IBSMean), score(st.IPAMean),
			score(auc), fmt.Sprintf("%d of %d", st.Folds, st.Folds+st.FailedFolds), fit)
		t.Rows[len(t.Rows)-1].Strong = st.Rank == 1
	}
	return t
}

// mean is over the folds that have a value; nil where none has.
func mean(folds []*artifact.Manifest, of func(*artifact.Manifest) *float64) *float64 {
	sum, n := 0.0, 0.0
	for _, m := range folds {
		if v := of(m); v != nil {
			sum, n = sum+*v, n+1
		}
	}
	if n == 0 {
		return nil
	}
	sum /= n
	return &sum
}

// metricNames are the metrics of selection and comparison as they are read.
var metricNames = map[string]string{"cindex": "C-index", "ibs": "IBS"}

// optimism says what the best score is worth, since it was chosen for being the best.
func (b *builder) optimism() string {
	c := b.Selection
	switch {
	case c == nil:
		return ""
	case c.Corrected == nil:
		return fmt.Sprintf("The first of %d models is the best of them by cross-validation, which is optimistic; how much could not be computed: %s.", c.Models, c.Reason)
	}
	where := ""
	if b.sampled() {
		where = fmt.Sprintf(" on a sample of %s", counted(c.Rows, "row"))
	}
	return fmt.Sprintf("%s is the best of %d by cross-validation, optimistic:%s its %s is %s as chosen, and about %s (95 %% interval %s) once corrected "+
		"for having been chosen by it. It came first in %d of %d bootstrap samples of the out-of-fold predictions.",
		c.Model, c.Models, where, metricNames[c.Metric], score(c.Apparent), score(c.Corrected), between(c.Low, c.Hi), c.Chosen, c.Replicates)
}

// sampled says that the correction is of a part of the rows: its scores are not those of the
// leaderboard, what it takes off is.
func (b *builder) sampled() bool { return b.Run != nil && b.Selection.Rows < b.Run.Data.Rows }

// flattered is how optimistic the first model's C-index is, in short; "" where that is not known.
func (b *builder) flattered(model string) string {
	c := b.Selection
	switch {
	case c == nil || c.Corrected == nil || c.Optimism == nil || c.Model != model || c.Metric != "cindex":
		return ""
	case b.sampled():
		return fmt.Sprintf(": best of %d by cross-validation, optimistic by about %s", c.Models, score(c.Optimism))
	}
	return fmt.Sprintf(": best of %d by cross-validation, optimistic; about %s corrected for the choice", c.Models, score(c.Corrected))
}

// differences compares the first model with the others; nil where there are none.
func (b *builder) differences() *table {
	if len(b.Standings) == 0 || b.Standings[0].Rank != 1 {
		return nil
	}
	best := b.Standings[0].Model
	t := &table{Caption: "Differences from " + best, Head: numbers(columns("Model", "Metric", "Difference", "95 % interval", "p", "p, Holm"), 2)}
	for _, metric := range []string{"cindex", "ibs"} {
		for _, st := range b.Standings[1:] {
			for _, c := range b.Comparisons {
				if c.Metric != metric || !(c.A == st.Model && c.B == best || c.A == best && c.B == st.Model) || c.Difference == nil {
					continue
				}
				d, lo, hi := *c.Difference, c.Low, c.Hi
				if c.A == best {
					d, lo, hi = -d, negative(c.Hi), negative(c.Low)
				}
				t.add(st.Model, metricNames[metric], signed(d), between(lo, hi), pvalue(c.P), pvalue(c.PHolm))
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func negative(v *float64) *float64 {
	if v == nil {
		return nil
	}
	n := -*v
	return &n
}

// scores is a picture of one score of every model: a dot a fold, a bar for the mean, a line for
// its interval. nil where no fold has it.
func (b *builder) scores(name, title, axis string, of func(*artifact.Manifest) *float64, summary func(artifact.Standing) (mean, lo, hi *float64)) *figure {
	var shown []artifact.Standing
	for _, st := range slices.Backward(b.Standings) { // the first model on top
		constant := st.Model == km && name == "scores_cindex" // one half, which would only stretch the axis
		if m, _, _ := summary(st); m != nil && len(b.folds(st.Model)) > 0 && !constant {
			shown = append(shown, st)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	p := newPlot(axis, "")
	labels := make(names, len(shown))
	p.Add(lattice(true, false))
	var said []string
	for k, st := range shown {
		labels[k] = short(st.Model, 28)
		at, hue := float64(k), b.color(st.Model).light
		m, lo, hi := summary(st)
		if lo != nil && hi != nil {
			p.Add(span(*lo, at, *hi, at, pen(hue, 1.6)))
		}
		var xs, ys []float64
		for _, fold := range b.folds(st.Model) {
			if v := of(fold); v != nil {
				xs, ys = append(xs, *v), append(ys, at)
			}
		}
		p.Add(dots(xs, ys, hue, 3, true), tick(*m, at, 7, hue))
		text := fmt.Sprintf("%s %s", st.Model, score(m))
		if lo != nil {
			text += " (" + between(lo, hi) + ")"
		}
		said = append(said, text)
	}
	slices.Reverse(said)
	p.Y.Tick.Marker, p.Y.Min, p.Y.Max = labels, -0.6, float64(len(shown))-0.4
	room := 0.02 * (p.X.Max - p.X.Min)
	p.X.Min, p.X.Max = p.X.Min-room, p.X.Max+room
	p.Y.Tick.Length, p.Y.LineStyle.Width = 0, 0
	return &figure{name: name, title: title, alt: "One ring a fold, a bar at the mean. " + strings.Join(said, "; ") + ".",
		width: wide, height: vg.Length(44 + 25*len(shown)), plot: p}
}
