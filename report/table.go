package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// section is a part of the page. Without blocks its note says why there is nothing.
type section struct {
	ID, Title string
	Blocks    []block
}

// block is one of its kinds: the one that is set.
type block struct {
	Text     string
	Note     string // smaller, after what it is about
	Facts    []fact
	Table    *table
	Pictures []*picture
	Heading  string // between other blocks
	Commands []command
}

// fact is a number with its meaning.
type fact struct{ Value, Name, More string }

// command is a line for a shell, and what it does.
type command struct{ Does, Line string }

// table has a head for every column, the first cell of a row is the row's.
type table struct {
	Caption string
	Head    []column
	Rows    []row
}

// column is the head of a column.
type column struct {
	Name    string
	Numbers bool // aligned to the right
}

// row is a line of a table.
type row struct {
	Cells  []string
	Strong bool // the one to look at
}

func columns(names ...string) []column {
	out := make([]column, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// numbers marks the columns from the k-th on as numbers.
func numbers(head []column, from int) []column {
	for i := from; i < len(head); i++ {
		head[i].Numbers = true
	}
	return head
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, row{Cells: cells}) }

// dash stands where there is no value.
const dash = "–"

// score is a number with four digits after the point.
func score(v *float64) string {
	if v == nil {
		return dash
	}
	return minus(strconv.FormatFloat(*v, 'f', 4, 64))
}

// signed is a difference.
func signed(v float64) string { return minus(fmt.Sprintf("%+.4f", v)) }

// minus writes a number's sign as it is printed; nothing below zero is left of −0.0000.
func minus(number string) string {
	rest, negative := strings.CutPrefix(number, "-")
	switch {
	case !negative:
		return number
	case strings.Trim(rest, "0.") == "":
		return rest
	}
	return "−" + rest
}

// between is an interval.
func between(lo, hi *float64) string {
	if lo == nil || hi == nil || *lo == *hi {
		return dash
	}
	return score(lo) + " to " + score(hi)
}

// pvalue is a probability of a test.
func pvalue(p *float64) string {
	switch {
	case p == nil:
		return dash
	case *p < 0.0001:
		return "< 0.0001"
	}
	return strconv.FormatFloat(*p, 'f', 4, 64)
}

// amount is a whole number with its thousands apart.
func amount(n int) string {
	s := strconv.Itoa(n)
	for k := len(s) - 3; k > 0 && s[k-1] != '-'; k -= 3 {
		s = s[:k] + "," + s[k:]
	}
	return s
}

// counted is such as "1 fold", "5 folds".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return amount(n) + " " + noun + "s"
}

// percent is a share.
func percent(part, whole int) string {
	if whole == 0 {
		return dash
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// brief is a number as it is read: whole from a thousand on, else with at most four digits.
func brief(v float64) string {
	if a := math.Abs(v); a >= 1000 && a < 1e12 {
		return minus(amount(int(math.Round(v))))
	}
	return minus(strconv.FormatFloat(v, 'g', 4, 64))
}

// lasting is a duration in its largest units.
func lasting(seconds float64) string {
	d := time.Duration(math.Round(seconds)) * time.Second
	switch {
	case seconds < 0.0005:
		return "< 1 ms"
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	case seconds < 60:
		return fmt.Sprintf("%.1f s", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// moment is an instant, in UTC: the same report everywhere.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
