package linear

import (
	"math"
	"testing"
)

// The bulk exponential equals math.Exp to 4e-16 over its whole range, is exactly 1 at 0, and
// takes the shift off first.
func TestExponential(t *testing.T) {
	e := NewExponential()
	x := make([]float64, 400_001)
	for i := range x {
		x[i] = -699 + 1398*float64(i)/float64(len(x)-1) + 3
	}
	got := make([]float64, len(x))
	e.Of(got, x, 3)
	for i, v := range got {
		if want := math.Exp(x[i] - 3); !(math.Abs(v-want) <= 4e-16*want) {
			t.Fatalf("exp(%v) is %v, want %v", x[i]-3, v, want)
		}
	}
	if e.Of(got[:1], []float64{0}, 0); got[0] != 1 {
		t.Errorf("exp(0) is %v", got[0])
	}
}
