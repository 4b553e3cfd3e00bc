package resample

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// FileError is a folds file that breaks the format. Line is 1-based, 0 where the problem
// is not on one line.
type FileError struct {
	Line    int
	Problem string
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return "folds file: " + e.Problem
	}
	return fmt.Sprintf("folds file: line %d: %s", e.Line, e.Problem)
}

// role is what a listed row does in its fold.
type role byte

const (
	roleUnlisted role = iota
	roleTest
	roleTrain
	roleIgnore
)

var roles = map[string]role{"test": roleTest, "train": roleTrain, "ignore": roleIgnore}

// Bounds on a folds file: folds, which are as many as a run may have otherwise; cells of all
// folds, each a fold's word on a row, of which every one costs eight bytes in the end; bytes of
// a line.
const (
	mostFolds = 500
	mostCells = 1 << 28
	mostLine  = 1 << 16
)

// FromFile reads folds from CSV with the header `fold,row` or `fold,row,set`. A fold is a
// number ≥ 0, not necessarily from 0 or dense; a row is a 0-based data row of the source
// file, which rowOf maps to its row of the prepared table, or to false where preparation
// dropped it: such lines are skipped. rows is the length of the prepared table.
//
// Without set the listed rows test and all others train. With set, the values are test,
// train and ignore; rows that a fold does not list train if it lists no train row, and
// are left out if it lists any.
//
// Folds come in ascending order of their number, with Repeat 0. A *FileError names the
// line of: a wrong header, field count, number or set; a row twice in one fold. It names
// the fold that is left without test or training rows. So do more than 500 folds, and folds
// whose rows come to more than 2²⁸. Read errors are returned wrapped.
func FromFile(r io.Reader, rowOf func(sourceRow int64) (int, bool), rows int) ([]Fold, error) {
	lines := &shortLines{in: r}
	reader := csv.NewReader(lines)
	reader.ReuseRecord = true
	width, err := header(reader)
	if err != nil {
		return nil, err
	}
	listed := make(map[int][]role)
	for {
		lines.seen = 0
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, readError(err)
		}
		line, _ := reader.FieldPos(0)
		if err := place(listed, record, line, placement{rowOf, rows, width}); err != nil {
			return nil, err
		}
	}
	return collect(listed)
}

// header reads the first line and returns the number of columns.
func header(reader *csv.Reader) (int, error) {
	record, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return 0, &FileError{Problem: "is empty"}
	}
	if err != nil {
		return 0, readError(err)
	}
	if slices.Equal(record, []string{"fold", "row"}) || slices.Equal(record, []string{"fold", "row", "set"}) {
		return len(record), nil
	}
	return 0, &FileError{Line: 1, Problem: `the header must be "fold,row" or "fold,row,set"`}
}

func readError(err error) error {
	var parse *csv.ParseError
	var long *FileError
	if errors.As(err, &long) {
		return long
	}
	if errors.As(err, &parse) {
		return &FileError{Line: parse.Line, Problem: parse.Err.Error()}
	}
	return fmt.Errorf("read folds file: %w", err)
}

// shortLines ends a file whose records have more bytes than any can need: a quote that is never
// closed would take all that follows into memory.
type shortLines struct {
	in   io.Reader
	seen int // bytes since the last record, but for what was read ahead
}

func (s *shortLines) Read(b []byte) (int, error) {
	if s.seen > mostLine {
		return 0, &FileError{Problem: fmt.Sprintf("has a line of more than %d bytes; is a quote left open?", mostLine)}
	}
	n, err := s.in.Read(b)
	s.seen += n
	return n, err
}

type placement struct {
	rowOf func(int64) (int, bool)
	rows  int
	width int
}

// place enters one line into the roles of its fold.
func place(listed map[int][]role, record []string, line int, p placement) error {
	fold, err := strconv.ParseUint(record[0], 10, 31)
	if err != nil {
		return &FileError{line, "fold must be a whole number ≥ 0"}
	}
	source, err := strconv.ParseUint(record[1], 10, 62)
	if err != nil {
		return &FileError{line, "row must be a whole number ≥ 0"}
	}
	what := roleTest
	if p.width == 3 {
		var known bool
		if what, known = roles[record[2]]; !known {
			return &FileError{line, "set must be test, train or ignore"}
		}
	}
	of := listed[int(fold)]
	if of == nil {
		switch {
		case len(listed) == mostFolds:
			return &FileError{line, fmt.Sprintf("more than %d folds", mostFolds)}
		case (len(listed)+1)*p.rows > mostCells && len(listed) > 0:
			return &FileError{line, fmt.Sprintf("%d folds of %d rows are more than can be held; at most %d rows in all", len(listed)+1, p.rows, mostCells)}
		}
		of = make([]role, p.rows)
		listed[int(fold)] = of
	}
	row, kept := p.rowOf(int64(source))
	if !kept {
		return nil
	}
	if row < 0 || row >= p.rows {
		panic(fmt.Sprintf("resample: rowOf gave row %d of a table of %d", row, p.rows))
	}
	if of[row] != roleUnlisted {
		return &FileError{line, fmt.Sprintf("row %d is listed twice in fold %d", source, fold)}
	}
	of[row] = what
	return nil
}

// collect turns roles into folds.
func collect(listed map[int][]role) ([]Fold, error) {
	if len(listed) == 0 {
		return nil, &FileError{Problem: "lists no fold"}
	}
	folds := make([]Fold, 0, len(listed))
	for _, index := range slices.Sorted(maps.Keys(listed)) {
		of := listed[index]
		others := roleTrain
		if slices.Contains(of, roleTrain) {
			others = roleIgnore
		}
		fold := Fold{Index: index}
		for row, what := range of {
			if what == roleUnlisted {
				what = others
			}
			switch what {
			case roleTest:
				fold.Test = append(fold.Test, row)
			case roleTrain:
				fold.Train = append(fold.Train, row)
			}
		}
		if len(fold.Test) == 0 || len(fold.Train) == 0 {
			return nil, &FileError{Problem: fmt.Sprintf("fold %d has %d test and %d training rows; each needs at least 1",
				index, len(fold.Test), len(fold.Train))}
		}
		folds = append(folds, fold)
	}
	return folds, nil
}
