package main

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"everfold/artifact"
)

// format is how a leaderboard is written.
type format string

// The formats of `results --format`.
const (
	formatTable    format = "table"
	formatCSV      format = "csv"
	formatJSON     format = "json"
	formatMarkdown format = "markdown"
)

var formats = []format{formatTable, formatCSV, formatJSON, formatMarkdown}

func parseFormat(word string) (format, error) {
	if f := format(word); slices.Contains(formats, f) {
		return f, nil
	}
	return "", usageError(didYouMean(word, []string{"table", "csv", "json", "markdown"}), "--format %q is not known: table, csv, json or markdown", word)
}

// writeLeaderboard writes the standings in the order given. Tables are rounded for
// reading; CSV is model_summary.csv, and JSON has every digit, too. Undefined scores are
// dashes, empty cells, or absent.
func writeLeaderboard(s screen, f format, board []artifact.Standing) error {
	switch f {
	case formatCSV:
		_, err := s.Write(artifact.FormatSummary(board))
		return err
	case formatJSON:
		return writeJSON(s, board)
	case formatMarkdown:
		s.printf("%s\n", leaderboardTable(board, false).RenderMarkdown())
	default:
		s.printf("%s\n", s.fitting(leaderboardTable(board, s.live), leaderboardTable(board, false), narrowLeaderboard(board)))
	}
	return nil
}

// writeOptimism says below a table that its best score is one that was chosen: the best of
// several by cross-validation is optimistic.
func writeOptimism(s screen, chosen *artifact.Selection) {
	if chosen == nil || chosen.Corrected == nil {
		return
	}
	s.printf("\n%s is the best of %d by cross-validation, optimistic: %s %s as chosen, about %s corrected for the choice.\n",
		chosen.Model, chosen.Models, chosen.Metric, score(chosen.Apparent), score(chosen.Corrected))
}

// fitting renders the first table that is no wider than a live screen, else the last; other
// screens get the first.
func (s screen) fitting(tables ...table.Writer) string {
	if !s.live {
		return tables[0].Render()
	}
	return firstThatFits(s.size().width, tables...)
}

func firstThatFits(width int, tables ...table.Writer) string {
	rendered := ""
	for _, t := range tables {
		if rendered = t.Render(); widest(rendered) <= width {
			break
		}
	}
	return rendered
}

// widest is the number of columns that a rendered table takes.
func widest(rendered string) int {
	most := 0
	for row := range strings.Lines(rendered) {
		most = max(most, text.StringWidthWithoutEscSequences(strings.TrimRight(row, "\n")))
	}
	return most
}

// narrowLeaderboard has the two scores and no more.
func narrowLeaderboard(board []artifact.Standing) table.Writer {
	t := newTable(false)
	t.AppendHeader(table.Row{"Rank", "Model", "C-index", "IBS"})
	for _, m := range board {
		t.AppendRow(table.Row{place(m.Rank), m.Model, score(m.CIndexMean), score(m.IBSMean)})
	}
	rightAlign(t, "Rank", "C-index", "IBS")
	return t
}

// place shows a rank; none is blank.
func place(rank int) string {
	if rank == 0 {
		return ""
	}
	return strconv.Itoa(rank)
}

func leaderboardTable(board []artifact.Standing, coloured bool) table.Writer {
	t := newTable(coloured)
	t.AppendHeader(table.Row{"Rank", "Model", "C-index", "IBS", "IPA", "Folds", "Failed"})
	for _, m := range board {
		t.AppendRow(table.Row{
			place(m.Rank), m.Model, scoreWithSpread(m.CIndexMean, m.CIndexStd), scoreWithSpread(m.IBSMean, m.IBSStd),
			score(m.IPAMean), m.Folds, m.FailedFolds,
		})
	}
	rightAlign(t, "Rank", "C-index", "IBS", "IPA", "Folds", "Failed")
	if coloured {
		t.SetRowPainter(func(row table.Row) text.Colors {
			if row[0] == "1" {
				return text.Colors{text.FgGreen}
			}
			return nil
		})
	}
	return t
}

// newTable has a light frame where a person looks and plain columns elsewhere.
func newTable(framed bool) table.Writer {
	t := table.NewWriter()
	style := table.StyleRounded
	if !framed {
		style = table.StyleDefault
		style.Options = table.OptionsNoBordersAndSeparators
	}
	style.Format.Header = text.FormatDefault
	style.Color.Header = nil
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}

func rightAlign(t table.Writer, columns ...string) {
	configs := make([]table.ColumnConfig, len(columns))
	for i, name := range columns {
		configs[i] = table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	t.SetColumnConfigs(configs)
}

// writeJSON writes one indented document.
func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}
