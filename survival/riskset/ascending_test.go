package riskset

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Negative, zero, subnormal and infinite values come in numeric order, equals by index.
func TestAscending(t *testing.T) {
	v := []float64{3, -1, math.Inf(1), 0, math.Copysign(0, -1), -1, 5e-324, math.Inf(-1), -2}
	require.Equal(t, []int{7, 8, 1, 5, 3, 4, 6, 0, 2}, Ascending(v))
	require.Empty(t, Ascending(nil))
}
