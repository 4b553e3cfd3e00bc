package activities

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/survival/resample"
)

// Claim: a sample run goes on with sample_rows rows, in file order, and its profile says so
// beside what was read.
func TestPrepareSample(t *testing.T) {
	l := newLab(t)
	p, err := Prepare(t.Context(), openFile, l.spec("type=sample", "data.sample_rows=60"))
	require.NoError(t, err)
	require.Equal(t, 60, p.Table.Rows())
	require.IsIncreasing(t, p.Table.SourceRow)
	require.Equal(t, 137, p.Profile.RowsKept)
	require.Equal(t, 60, p.Profile.Sampled.Rows)
	require.Equal(t, p.Table.Outcome.Events(), p.Profile.Sampled.Events)
	require.Equal(t, p.Table.Digest(), p.Profile.Sampled.Digest)
	require.NotEqual(t, p.Profile.Digest, p.Profile.Sampled.Digest)

	p, err = Prepare(t.Context(), openFile, l.spec())
	require.NoError(t, err)
	require.Nil(t, p.Profile.Sampled)
}

// Claim: a folds file assigns rows as read, with k, repeats and stratify ignored; rows it
// ignores neither train nor test; what it cannot mean is refused by name.
func TestPrepareFoldsFile(t *testing.T) {
	l := newLab(t)
	file := filepath.Join(l.dir, "folds.csv")
	prepare := func(header string, line func(row int) string) (*Preparation, error) {
		lines := []string{header}
		for row := range 137 {
			lines = append(lines, line(row))
		}
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
		return Prepare(t.Context(), openFile, l.spec("folds.file="+file, "folds.k=9", "folds.repeats=2"))
	}
	p, err := prepare("fold,row,set", func(row int) string {
		return fmt.Sprintf("4,%d,%s", row, []string{"test", "train", "train", "ignore"}[row%4])
	})
	require.NoError(t, err)
	require.Len(t, p.Folds, 1)
	require.Equal(t, 4, p.Folds[0].Index)
	require.Zero(t, p.Folds[0].Repeat)
	require.Len(t, p.Folds[0].Test, 35)
	require.Len(t, p.Folds[0].Train, 68)

	p, err = prepare("fold,row", func(row int) string { return fmt.Sprintf("%d,%d", row%2, row) })
	require.NoError(t, err)
	require.Len(t, p.Folds, 2)
	require.Len(t, p.Folds[1].Test, 68)
	require.Len(t, p.Folds[1].Train, 69)

	var bad *resample.FileError
	_, err = prepare("fold,row", func(row int) string { return fmt.Sprintf("0,%d", row+500) })
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "lists row 636, but the data have rows 0 to 136")
	_, err = prepare("fold,line", func(row int) string { return "0,1" })
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "the header must be")
}

// Claim: strata that the data do not hold are refused before anything is fitted, whether
// the file has no such column or the spec leaves it out.
func TestPrepareStrata(t *testing.T) {
	l := newLab(t)
	stratified := func(column string) string {
		return "models=[{type: cox_ph}, {type: cox_stratified, strata: [" + column + "]}]"
	}
	_, err := Prepare(t.Context(), openFile, l.spec(stratified("celltype")))
	require.NoError(t, err)
	for _, column := range []string{"nosuch", "karno"} {
		_, err = Prepare(t.Context(), openFile, l.spec(stratified(column), "data.ignore=[karno]"))
		var bad *dataset.InvalidError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, column, bad.Column)
		require.ErrorContains(t, err, "models[1].strata")
	}
}

// Claim: what a run may have of fits holds for folds files, too, which tell only when they are read.
func TestFoldsFileOfTooManyFits(t *testing.T) {
	l := newLab(t)
	file := filepath.Join(l.dir, "folds.csv")
	folds, models := "fold,row\n", ""
	for row := range 130 {
		folds += fmt.Sprintf("%d,%d\n", row, row)
	}
	for m := range 40 {
		models += fmt.Sprintf("{name: cox_%d, type: cox_ph}, ", m)
	}
	require.NoError(t, os.WriteFile(file, []byte(folds), 0o600))
	_, err := Prepare(t.Context(), openFile, l.spec("folds.file="+file, "models=["+models+"]"))
	require.ErrorContains(t, err, "41 models × 130 folds are 5330 fits; at most 5000 are allowed")
	require.Equal(t, ErrInvalidSpec, ErrorType(err))
}

// Reasons of a result are whole for the first folds and brief for the others, which may be thousands.
func TestBriefReasons(t *testing.T) {
	long := strings.Repeat("ä", briefReason)
	require.Equal(t, long, Briefly(maxReasons-1, long))
	require.Equal(t, strings.Repeat("ä", briefReason/2)+" …", Briefly(maxReasons, long))
	require.Equal(t, "short", Briefly(maxReasons, "short"))
}
