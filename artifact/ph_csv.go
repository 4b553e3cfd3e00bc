package artifact

import (
	"context"
	"errors"
	"strconv"

	"everfold/store"
)

var phHeader = []string{"model", "fold", "term", "transform", "chisq", "df", "p"}

// FormatPHTests is ph_tests.csv of the manifests, in their order. Undefined values are
// empty cells.
func FormatPHTests(manifests []*Manifest) []byte {
	records := [][]string{phHeader}
	for _, m := range manifests {
		for _, t := range m.PHTests {
			records = append(records, []string{m.Model, strconv.Itoa(m.Fold), t.Term, t.Transform,
				optional(t.Chisq), strconv.Itoa(t.DF), optional(t.P)})
		}
	}
	return formatCSV(records)
}

// writePHTests brings ph_tests.csv in line with the manifests. A run without such tests has
// no such file, unless one is there already: it then loses its rows.
func writePHTests(ctx context.Context, s store.Store, manifests []*Manifest) error {
	tested := false
	for _, m := range manifests {
		tested = tested || len(m.PHTests) > 0
	}
	if !tested {
		_, _, err := store.ReadAll(ctx, s, PHTestsKey, maxTable)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return swapTable(ctx, s, PHTestsKey, func() ([]byte, error) { return FormatPHTests(manifests), nil })
}
