package survival

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoEvents: the data hold no observed event, so nothing can be estimated.
	ErrNoEvents = errors.New("no events: every row is censored")
	// ErrNotConverged: no finite estimate exists. A finite estimate that merely missed the
	// criterion is not an error: Report.Converged is false and a warning is added.
	ErrNotConverged = errors.New("no finite estimate exists")
	// ErrBadModelFile: the bytes are not a model file of a known type and version, or are damaged.
	ErrBadModelFile = errors.New("not a readable model file")
)

// DataError names a row and column whose value is not allowed. It never holds the value.
type DataError struct {
	Row     int // 0-based
	Column  string
	Problem string
}

func (e *DataError) Error() string {
	return fmt.Sprintf("row %d: %s %s", e.Row, e.Column, e.Problem)
}

// AtRow is err with the row of its *DataError counted as row counts it; what err says before that
// stays. An err without one is returned as it is.
func AtRow(err error, row func(int) int) error {
	var bad *DataError
	if !errors.As(err, &bad) {
		return err
	}
	moved := &DataError{Row: row(bad.Row), Column: bad.Column, Problem: bad.Problem}
	if before, found := strings.CutSuffix(err.Error(), bad.Error()); found && before != "" {
		return fmt.Errorf("%s%w", before, moved)
	}
	return moved
}

// ColumnError names a column that the model needs and the design lacks.
type ColumnError struct{ Column string }

func (e *ColumnError) Error() string { return fmt.Sprintf("column %q is missing", e.Column) }
