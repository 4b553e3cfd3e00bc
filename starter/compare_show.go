package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"everfold/internal/app"
)

// write writes the comparison. Tables are rounded for reading; CSV and JSON have every digit.
func (c *compared) write(s screen, f format) error {
	switch f {
	case formatCSV:
		_, err := s.Write(c.csv())
		return err
	case formatJSON:
		return writeJSON(s, c)
	case formatMarkdown:
		c.markdown(s)
	default:
		c.present(s)
	}
	return nil
}

var comparedHeader = []string{"metric", "model_a", "model_b", "best", "n_folds", "mean_a", "mean_b", "difference", "se", "lo", "hi",
	"t", "df", "p", "p_holm", "reason"}

// csv is a row a comparison; undefined values are empty cells.
func (c *compared) csv() []byte {
	cell := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	records := [][]string{comparedHeader}
	for _, d := range c.Comparisons {
		records = append(records, []string{d.Metric, d.A, d.B, strconv.FormatBool(d.Best), strconv.Itoa(d.Folds), cell(d.MeanA), cell(d.MeanB),
			cell(d.Difference), cell(d.SE), cell(d.Low), cell(d.High), cell(d.T), strconv.Itoa(d.DF), cell(d.P), cell(d.PHolm), d.Reason})
	}
	_ = w.WriteAll(records) // a Buffer never fails
	return out.Bytes()
}

// heading is what is compared, as pairs of a label and words.
func (c *compared) heading() [][2]string {
	lines := [][2]string{
		{"A", c.A.describe()},
		{"B", c.B.describe()},
		{"Shared", fmt.Sprintf("%s and %s, digest %.12s; %s", countOf(c.Shared.Rows, "row"), countOf(c.Shared.Events, "event"),
			c.Shared.DataDigest, foldsOf(c.Shared.Folds))},
	}
	for _, side := range []struct {
		name string
		run  comparedRun
	}{{"A", c.A}, {"B", c.B}} {
		only := side.run.OnlyHere
		if len(side.run.OnlyFolds) > 0 {
			only = append(only[:len(only):len(only)], foldsOf(side.run.OnlyFolds))
		}
		if len(only) > 0 {
			lines = append(lines, [2]string{"Only " + side.name, strings.Join(only, ", ")})
		}
	}
	if len(c.Settings) == 0 {
		lines = append(lines, [2]string{"Specs", "the same settings"})
	}
	for i, d := range c.Settings {
		words := fmt.Sprintf("%s: %s → %s", d.Key, valueText(d.A), valueText(d.B))
		lines = append(lines, [2]string{map[bool]string{true: "Specs"}[i == 0], words})
	}
	return lines
}

// describe is such as "production/veteran, best cox_ph by cindex".
func (r comparedRun) describe() string {
	if r.Best == "" {
		return r.Run + ", no model has every planned fold yet"
	}
	return fmt.Sprintf("%s, best %s by %s", r.Run, r.Best, r.Select)
}

func foldsOf(folds []int) string {
	noun := "folds "
	if len(folds) == 1 {
		noun = "fold "
	}
	return noun + ranges(folds)
}

func (c *compared) present(s screen) {
	for _, line := range c.heading() {
		s.printf("%s %s\n", label(s, line[0]), line[1])
	}
	for _, metric := range comparedMetrics {
		if t := c.table(metric.name, s.live); t.Length() > 0 {
			s.printf("\n%s\n%s\n", metric.title(c), s.fitting(t, c.table(metric.name, false), c.narrowTable(metric.name)))
		}
	}
	s.printf("\n%s\n", c.verdict())
}

func (c *compared) markdown(s screen) {
	for _, line := range c.heading() {
		if line[0] != "" {
			s.printf("- **%s** %s\n", line[0], line[1])
		} else {
			s.printf("  - %s\n", line[1])
		}
	}
	for _, metric := range comparedMetrics {
		if t := c.table(metric.name, false); t.Length() > 0 {
			s.printf("\n%s\n\n%s\n", metric.title(c), t.RenderMarkdown())
		}
	}
	s.printf("\n%s\n", c.verdict())
}

// comparedMetric is a metric by which runs are compared.
type comparedMetric struct {
	name, said string
	up         bool // higher is better
}

var comparedMetrics = []comparedMetric{{"cindex", "C-index", true}, {"ibs", "IBS", false}}

func (m comparedMetric) title(c *compared) string {
	said, better := m.said, "lower"
	if m.up {
		said, better = fmt.Sprintf("%s (%s)", m.said, c.Shared.CIndex), "higher"
	}
	return said + ", " + better + " is better"
}

// table has a row a comparison by one metric.
func (c *compared) table(metric string, framed bool) table.Writer {
	t := newTable(framed)
	header := table.Row{"Model", "A", "B", "B − A", "95 % interval", "p", "adjusted"}
	noted := false
	var rows []table.Row
	for _, d := range c.Comparisons {
		if d.Metric != metric {
			continue
		}
		note := d.Reason
		if d.Folds > 0 && d.Folds < len(c.Shared.Folds) {
			note = strings.TrimPrefix(fmt.Sprintf("%s, on %d of %s", d.Reason, d.Folds, countOf(len(c.Shared.Folds), "fold")), ", ")
		}
		noted = noted || note != ""
		rows = append(rows, table.Row{modelsOf(d), score(d.MeanA), score(d.MeanB), signed(d.Difference), interval(d.Low, d.High),
			pValue(d.P), pValue(d.PHolm), note})
	}
	if noted {
		header = append(header, "Note")
	}
	t.AppendHeader(header)
	for _, row := range rows {
		t.AppendRow(row[:len(header)])
	}
	rightAlign(t, "A", "B", "B − A", "95 % interval", "p", "adjusted")
	return t
}

// narrowTable has differences and adjusted p-values only.
func (c *compared) narrowTable(metric string) table.Writer {
	t := newTable(false)
	t.AppendHeader(table.Row{"Model", "B − A", "adj. p"})
	for _, d := range c.Comparisons {
		if d.Metric == metric {
			t.AppendRow(table.Row{modelsOf(d), signed(d.Difference), pValue(d.PHolm)})
		}
	}
	rightAlign(t, "B − A", "adj. p")
	return t
}

// modelsOf is "cox_ph", or of two different ones, "cox_ph → rsf"; the best are said to be.
func modelsOf(d app.RunDifference) string {
	words := d.A
	if d.B != d.A {
		words += " → " + d.B
	}
	if d.Best {
		words += " (best)"
	}
	return words
}

// signed shows a difference with its sign and four digits; undefined is a dash.
func signed(v *float64) string {
	switch {
	case v == nil:
		return "–"
	case *v == 0:
		return "0"
	}
	return fmt.Sprintf("%+.4f", *v)
}

func interval(low, high *float64) string {
	if low == nil || high == nil {
		return "–"
	}
	return signed(low) + " to " + signed(high)
}

// pValue shows a p-value with three digits after the point.
func pValue(p *float64) string {
	switch {
	case p == nil:
		return "–"
	case *p < 0.001:
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", *p)
}

// significant is the level at which a difference is called one.
const significant = 0.05

// verdict is the last line: what of all this is more than chance.
func (c *compared) verdict() string {
	var found []string
	tested := 0
	for _, metric := range comparedMetrics {
		for _, d := range c.Comparisons {
			if d.Metric != metric.name || d.PHolm == nil {
				continue
			}
			tested++
			if *d.PHolm >= significant {
				continue
			}
			better := "better"
			if *d.Difference > 0 != metric.up {
				better = "worse"
			}
			found = append(found, fmt.Sprintf("%s is %s in B by %s", modelsOf(d), better, metric.said))
		}
	}
	switch {
	case tested == 0:
		return "No difference could be tested."
	case len(found) == 0:
		return "No difference is more than chance would give (adjusted p below 0.05)."
	}
	return "More than chance would give (adjusted p below 0.05): " + strings.Join(found, "; ") + "."
}
