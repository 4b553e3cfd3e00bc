package harness

import (
	"fmt"
	"regexp"
	"strings"
)

// Every row of a marked table has an id and a note that begin with MarkedText, and numbers with
// MarkedDigits behind the point. Marks finds either.
const (
	MarkedText   = "MARK4711"
	MarkedDigits = "47114711"
)

// Marks finds what a row of a marked table is known by.
var Marks = regexp.MustCompile(MarkedText + "|" + MarkedDigits)

// MarkedHead is a marked table's first line, and MarkedData the keys of a spec's `data` for it,
// beside the URI.
const (
	MarkedHead = "id,time,event,age,usage,area,note,constant\n"
	MarkedData = "id: id, time: time, event: event, categorical: [area], ignore: [note]"
)

// MarkedRow is row i of a marked table: id, time, event, two numbers, a level, a note, and what is
// constant.
func MarkedRow(i int) []string {
	number := func(whole int) string { return fmt.Sprintf("%d.%s%03d", whole, MarkedDigits, i) }
	return []string{
		fmt.Sprintf("%sid%03d", MarkedText, i), number(1 + (i*37)%60), fmt.Sprint((i * 7 % 10) / 6), number(20 + (i*13)%50),
		number((i * 29) % 11), []string{"north", "south", "west"}[i%3], fmt.Sprintf("%s note, of the %d. customer", MarkedText, i), "1",
	}
}

// MarkedTable is a CSV file of n rows, changed by change where that is not nil.
func MarkedTable(n int, change func(i int, row []string)) string {
	var b strings.Builder
	b.WriteString(MarkedHead)
	for i := range n {
		row := MarkedRow(i)
		if change != nil {
			change(i, row)
		}
		for j, cell := range row {
			if strings.ContainsAny(cell, ",") {
				row[j] = `"` + cell + `"`
			}
		}
		b.WriteString(strings.Join(row, ",") + "\n")
	}
	return b.String()
}
