package dataset_test

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/dataset"
	"everfold/survival/preprocess"
)

// hdfailKept are, per outer fold of the Burk benchmark, the drive models that its rule
// keeps, with the training rows that each then has, and the test rows with a model unseen
// in training; computed by R 4.2.2 from table(), see testdata/PROVENANCE.md.
var hdfailKept = []struct {
	levels map[string]int
	unseen int
}{
	{map[string]int{"ST4000DM000": 10097, "HGST HMS5C4040ALE640": 4766, "Hitachi HDS722020ALA330": 3225, "ST3000DM001": 3099,
		"Hitachi HDS5C3030ALA630": 3096, "HGST HMS5C4040BLE640": 2071, "Hitachi HDS5C4040ALE630": 8585}, 5},
	{map[string]int{"ST4000DM000": 10122, "HGST HMS5C4040ALE640": 4789, "Hitachi HDS722020ALA330": 3199, "Hitachi HDS5C3030ALA630": 3153,
		"ST3000DM001": 3129, "HGST HMS5C4040BLE640": 2093, "Hitachi HDS5C4040ALE630": 8455}, 7},
	{map[string]int{"ST4000DM000": 10265, "HGST HMS5C4040ALE640": 4781, "ST3000DM001": 3176, "Hitachi HDS722020ALA330": 3124,
		"Hitachi HDS5C3030ALA630": 3071, "HGST HMS5C4040BLE640": 2066, "Hitachi HDS5C4040ALE630": 8458}, 5},
}

// On hdfail the rare-level rule of the Burk benchmark keeps the levels that R finds, and
// merges the others into the least frequent of them.
func TestRareKeepOnHdfail(t *testing.T) {
	table, _, err := dataset.Read(context.Background(), dataset.Source{Name: "hdfail.csv", Open: file("testdata", "burk", "hdfail.csv")},
		dataset.Schema{Time: "time", Event: "status"})
	require.NoError(t, err)
	for k, want := range hdfailKept {
		test, train := burkFold(t, "hdfail", k, table.Rows())
		p, err := preprocess.Fit(context.Background(), table.Frame(), train,
			preprocess.Options{Encode: "onehot", RareLevel: 0.05, RareKeep: 5, RareMerge: "least-kept"})
		require.NoError(t, err)
		d, warnings, err := p.Apply(context.Background(), table.Frame(), train)
		require.NoError(t, err)
		require.Empty(t, warnings)
		got := map[string]int{}
		for _, c := range d.Columns {
			if c.Term != "model" {
				continue
			}
			for _, v := range c.Values {
				got[c.Name[len("model="):]] += int(v)
			}
		}
		require.Equal(t, want.levels, got)
		_, warnings, err = p.Apply(context.Background(), table.Frame(), test)
		require.NoError(t, err)
		require.Contains(t, warnings[0].Message, strconv.Itoa(want.unseen)+" of ")
	}
}

// burkFold reads one outer fold of a benchmark data set.
func burkFold(t *testing.T, name string, fold, n int) (test, train []int) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "burk", name+".folds.csv"))
	require.NoError(t, err)
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	inTest := make([]bool, n)
	for _, record := range records[1:] {
		if record[0] == strconv.Itoa(fold) {
			row, err := strconv.Atoi(record[1])
			require.NoError(t, err)
			inTest[row] = true
		}
	}
	for i, in := range inTest {
		if in {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return test, train
}
