package activities

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: wait gives the error of what ran beside, as often as it is asked, and panics with what
// that panicked with and where.
func TestBeside(t *testing.T) {
	broken := errors.New("broken")
	wait := beside(func() error { return broken })
	require.ErrorIs(t, wait(), broken)
	require.ErrorIs(t, wait(), broken)
	require.NoError(t, beside(func() error { return nil })())
	wait = beside(func() error { panic("no such leaf") })
	defer func() {
		text, _ := recover().(string)
		require.Contains(t, text, "no such leaf")
		require.Contains(t, text, "beside_test.go")
	}()
	_ = wait()
}
