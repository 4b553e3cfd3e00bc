package survival_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/survival"
)

// A row is counted anew in place, as often as it must be: what an error says before it stays, and its
// type is found. Other errors are left as they are.
func TestAtRow(t *testing.T) {
	bad := &survival.DataError{Row: 1, Column: "age", Problem: "must be finite"}
	add := func(row int) int { return row + 10 }
	require.EqualError(t, survival.AtRow(bad, add), "row 11: age must be finite")
	err := survival.AtRow(fmt.Errorf("base cox: %w", bad), add)
	require.EqualError(t, err, "base cox: row 11: age must be finite")
	err = survival.AtRow(fmt.Errorf("fold 2: %w", err), add)
	require.EqualError(t, err, "fold 2: base cox: row 21: age must be finite")
	var moved *survival.DataError
	require.ErrorAs(t, err, &moved)
	require.Equal(t, 21, moved.Row)
	require.Equal(t, 1, bad.Row)

	require.EqualError(t, survival.AtRow(fmt.Errorf("%w, of all rows", bad), add), "row 11: age must be finite")
	require.Equal(t, survival.ErrNoEvents, survival.AtRow(survival.ErrNoEvents, add))
	require.NoError(t, survival.AtRow(nil, add))
	require.ErrorIs(t, survival.AtRow(errors.Join(survival.ErrNoEvents), add), survival.ErrNoEvents)
}
