package cox

import (
	"context"
	"fmt"
	"testing"

	"everfold/survival"
	"everfold/survival/survtest"
)

// BenchmarkFit is the Cox fit of one production fold; R's coxph takes 4.0 s on such a
// table, scikit-survival 12.4 s.
func BenchmarkFit(b *testing.B) {
	x, y := survtest.Production()
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fit(context.Background(), x, y, Options{}, survival.FitOptions{Threads: threads}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
