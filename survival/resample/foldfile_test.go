package resample

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func identity(source int64) (int, bool) { return int(source), source < 6 }

// Listed rows test and the others train; with set, test/ignore files train on the rest and
// files that name train rows train on those alone. Fold numbers are the file's.
func TestFromFile(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []Fold
	}{
		{"listed test", "fold,row\n0,1\n0,0\n1,5\n", []Fold{
			{Test: []int{0, 1}, Train: []int{2, 3, 4, 5}}, {Index: 1, Test: []int{5}, Train: []int{0, 1, 2, 3, 4}}}},
		{"numbers", "fold,row\r\n70,0\r\n3,1\r\n", []Fold{
			{Index: 3, Test: []int{1}, Train: []int{0, 2, 3, 4, 5}}, {Index: 70, Test: []int{0}, Train: []int{1, 2, 3, 4, 5}}}},
		{"ignore", "fold,row,set\n0,1,test\n0,2,ignore\n", []Fold{{Test: []int{1}, Train: []int{0, 3, 4, 5}}}},
		{"train", "fold,row,set\n0,4,train\n0,1,test\n", []Fold{{Test: []int{1}, Train: []int{4}}}},
		{"dropped", "fold,row\n0,1\n0,9\n", []Fold{{Test: []int{1}, Train: []int{0, 2, 3, 4, 5}}}},
	} {
		folds, err := FromFile(strings.NewReader(c.file), identity, 6)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, folds, c.name)
	}
}

// Rows are numbered as in the file read; preparation's dropped rows shift the table's.
func TestFromFileRenumbers(t *testing.T) {
	prepared := map[int64]int{0: 0, 2: 1, 3: 2} // source row 1 was dropped
	rowOf := func(s int64) (int, bool) { r, ok := prepared[s]; return r, ok }
	folds, err := FromFile(strings.NewReader("fold,row\n0,1\n0,2\n"), rowOf, 3)
	require.NoError(t, err)
	require.Equal(t, []Fold{{Test: []int{1}, Train: []int{0, 2}}}, folds)
}

// Everything else in the file is refused, naming the line and what is allowed.
func TestFromFileErrors(t *testing.T) {
	for _, c := range []struct {
		name, file string
		line       int
		want       string
	}{
		{"empty", "", 0, "is empty"},
		{"no fold", "fold,row\n", 0, "lists no fold"},
		{"header", "row,fold\n0,0\n", 1, `"fold,row" or "fold,row,set"`},
		{"fields", "fold,row\n0,0\n0\n", 3, "wrong number of fields"},
		{"fold", "fold,row\n-1,0\n", 2, "fold must be a whole number"},
		{"fold text", "fold,row\na,0\n", 2, "fold must be a whole number"},
		{"row", "fold,row\n0,1.0\n", 2, "row must be a whole number"},
		{"set", "fold,row,set\n0,1,Test\n", 2, "set must be test, train or ignore"},
		{"twice", "fold,row\n0,1\n0,1\n", 3, "row 1 is listed twice in fold 0"},
		{"both sets", "fold,row,set\n0,1,test\n0,1,train\n", 3, "listed twice"},
		{"no test", "fold,row\n0,9\n", 0, "fold 0 has 0 test and 6 training rows"},
		{"no train", "fold,row\n2,0\n2,1\n2,2\n2,3\n2,4\n2,5\n", 0, "fold 2 has 6 test and 0 training rows"},
		{"quote", "fold,row\n\"0,1\n", 2, ""},
		{"quoted header", "\"fold,row\n", 1, ""},
	} {
		_, err := FromFile(strings.NewReader(c.file), identity, 6)
		var bad *FileError
		require.ErrorAs(t, err, &bad, c.name)
		require.Equal(t, c.line, bad.Line, c.name)
		require.ErrorContains(t, err, c.want, c.name)
	}
}

// A failing reader is not a format error; a row map outside the table is a caller's bug.
func TestFromFileReader(t *testing.T) {
	cause := errors.New("disk gone")
	_, err := FromFile(iotest.ErrReader(cause), identity, 6)
	require.ErrorIs(t, err, cause)
	require.Panics(t, func() { _, _ = FromFile(strings.NewReader("fold,row\n0,5\n"), identity, 3) })
}

func ExampleFromFile() {
	file := strings.NewReader("fold,row\n0,0\n0,1\n1,2\n")
	folds, err := FromFile(file, func(row int64) (int, bool) { return int(row), true }, 4)
	fmt.Println(folds[0].Test, folds[0].Train, folds[1].Test, err)
	// Output: [0 1] [2 3] [2] <nil>
}

// No input makes the reader panic, and folds it accepts are disjoint.
func FuzzFromFile(f *testing.F) {
	f.Add("fold,row\n0,1\n")
	f.Add("fold,row,set\n0,1,test\n0,2,ignore\n")
	f.Fuzz(func(t *testing.T, file string) {
		folds, err := FromFile(strings.NewReader(file), identity, 6)
		if err != nil {
			return
		}
		for _, fold := range folds {
			used := map[int]bool{}
			for _, i := range append(append([]int{}, fold.Test...), fold.Train...) {
				if used[i] {
					t.Fatalf("row %d is used twice", i)
				}
				used[i] = true
			}
		}
	})
}
