package report

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"everfold/artifact"
	"everfold/survival"
)

// Input is what a report is made of.
type Input struct {
	*artifact.Contents
	Outcome survival.Outcome     // of the prepared table's rows; empty where it cannot be read
	RowID   func(row int) string // the id of a row of that table
	Also    []artifact.Problem   // what is wrong beside Contents.Problems
}

// Report is the files of a report and what there is to say about them.
type Report struct {
	Files    []artifact.ReportFile
	Pictures int
	Problems []artifact.Problem // what was left out, and why; the page names them too
}

// builder makes a report.
type builder struct {
	Input
	models   []string // in the order of the spec, km last
	subject  string   // the model that is looked at closely; "" where nothing is complete
	profile  *profile // nil: there is none
	pictures []*picture
	problems []artifact.Problem
}

// New makes the report of a run. Errors are ctx's and those of reading large files; whatever is
// missing or damaged is a problem, not an error.
func New(ctx context.Context, in Input) (*Report, error) {
	b := &builder{Input: in, problems: slices.Concat(in.Problems, in.Also)}
	b.order()
	b.readProfile()
	shown, err := b.examine(ctx)
	if err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	p := page{}
	for _, part := range []func(context.Context) (section, error){
		b.leaderboard, b.curves,
		func(ctx context.Context) (section, error) { return b.calibration(ctx, shown) },
		func(ctx context.Context) (section, error) { return b.stratification(ctx, shown) },
		b.importance, b.dependence, b.settings, b.proportional, b.data, b.warnings, b.timeline, b.files,
	} {
		s, err := part(ctx)
		if err != nil {
			return nil, fmt.Errorf("make report: %w", err)
		}
		p.Sections = append(p.Sections, s)
	}
	b.head(&p)
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, p); err != nil {
		return nil, fmt.Errorf("make report: %w", err)
	}
	out := &Report{Problems: b.problems, Pictures: len(b.pictures)}
	out.Files = append(out.Files, artifact.ReportFile{Name: "index.html", Content: []byte(units.Replace(clean(text.String())))})
	for _, picture := range b.pictures {
		out.Files = append(out.Files,
			artifact.ReportFile{Name: picture.Name + ".svg", Content: picture.svgFile},
			artifact.ReportFile{Name: picture.Name + ".png", Content: picture.pngFile})
	}
	return out, nil
}

// km is the baseline that every run has.
const km = "km"

// order finds the models, and the one that is looked at closely: that of the predictions, else
// the first of the leaderboard.
func (b *builder) order() {
	if b.Run != nil {
		for _, m := range b.Run.Spec.AllModels() {
			b.models = append(b.models, m.Name)
		}
	}
	for _, st := range b.Standings {
		if !slices.Contains(b.models, st.Model) {
			b.models = append(b.models, st.Model)
		}
	}
	for _, st := range b.Standings {
		if st.Folds > 0 {
			b.subject = st.Model
			break
		}
	}
	if b.Predictions != nil && slices.Contains(b.models, b.Predictions.Model) {
		b.subject = b.Predictions.Model
	}
}

// color is a model's in every picture.
func (b *builder) color(model string) hue {
	k := slices.Index(b.models, model)
	if model == km || k < 0 {
		return muted
	}
	return palette[k%len(palette)]
}

// line is how a model's line is drawn: km is a reference.
func (b *builder) line(model string) entry {
	e := entry{text: short(model, 40), color: b.color(model).light}
	if k := slices.Index(b.models, model); model == km || k >= len(palette) {
		e.dash = dashes
	}
	return e
}

// unit is what times are in: the name of the time column.
func (b *builder) unit() string {
	if b.Run == nil {
		return "time"
	}
	return b.Run.Spec.Data.Time
}

// draw draws a figure for the page and the files beside it.
func (b *builder) draw(ctx context.Context, f *figure) (*picture, error) {
	if err := survival.Check(ctx, float64(len(b.pictures)), 20); err != nil {
		return nil, err
	}
	drawn, err := f.render()
	if err != nil {
		return nil, err
	}
	b.pictures = append(b.pictures, drawn)
	return drawn, nil
}

// leave names what could not be used.
func (b *builder) leave(what, why string) {
	b.problems = append(b.problems, artifact.Problem{What: what, Why: why})
}

// first is the model that ranks first; nil where none is ranked.
func (b *builder) first() *artifact.Standing {
	if len(b.Standings) == 0 || b.Standings[0].Rank != 1 {
		return nil
	}
	return &b.Standings[0]
}

// folds are the complete folds of a model.
func (b *builder) folds(model string) []*artifact.Manifest {
	var out []*artifact.Manifest
	for _, m := range b.Folds {
		if m.Model == model {
			out = append(out, m)
		}
	}
	return out
}

// page is what the template shows.
type page struct {
	Title    string
	Lead     []string
	Facts    []fact
	Problems []artifact.Problem
	Missing  []string
	Sections []section
	Style    template.CSS
}

// units stay with their numbers at the end of a line.
var units = strings.NewReplacer(" %", "\u00a0%")

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))
