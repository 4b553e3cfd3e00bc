package dataset

import (
	"fmt"
	"strings"
)

// InvalidError says why a table is refused: where, what, and what is allowed. It never
// holds the content of a cell (codes of an event column excepted).
type InvalidError struct {
	Source  string // name of the file
	Line    int64  // physical line of the file, from 1; 0 where it does not apply
	Row     int64  // data row, from 0; −1 where it does not apply
	Column  string // "" where it does not apply
	Problem string // what is wrong
	Allowed string // what would be right; may be empty
	Err     error  // the cause or class, such as survival.ErrNoEvents; may be nil
}

// Error is "source: line 7 (row 5): column "age": problem; allowed: …".
func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString(e.Source)
	switch {
	case e.Line > 0 && e.Row >= 0:
		fmt.Fprintf(&b, ": line %d (row %d)", e.Line, e.Row)
	case e.Line > 0:
		fmt.Fprintf(&b, ": line %d", e.Line)
	case e.Row >= 0:
		fmt.Fprintf(&b, ": row %d", e.Row)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ": column %q", e.Column)
	}
	b.WriteString(": " + e.Problem)
	if e.Allowed != "" {
		b.WriteString("; allowed: " + e.Allowed)
	}
	return b.String()
}

// Unwrap gives the cause or class, so that errors.Is(err, survival.ErrNoEvents) holds.
func (e *InvalidError) Unwrap() error { return e.Err }

// refusal is an InvalidError before the place is known. A nil refusal means accepted.
type refusal struct{ problem, allowed string }

// invalid is a refusal of the whole file or of a column.
func invalid(column, problem, allowed string) *InvalidError {
	return &InvalidError{Row: -1, Column: column, Problem: problem, Allowed: allowed}
}

// invalidRow is a refusal of one data row.
func invalidRow(row int, column, problem, allowed string) *InvalidError {
	return &InvalidError{Row: int64(row), Column: column, Problem: problem, Allowed: allowed}
}

// nearMatches are up to three of names closest to name: equal but for case, or few edits away.
func nearMatches(name string, names []string) []string {
	var near []string
	most := len(name)/3 + 1
	for edits := 0; edits <= most; edits++ {
		for _, candidate := range names {
			if len(near) < 3 && editDistance(strings.ToLower(name), strings.ToLower(candidate)) == edits {
				near = append(near, candidate)
			}
		}
	}
	return near
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
