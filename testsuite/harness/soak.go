package harness

import (
	"os"
	"strconv"
	"testing"
)

// Soak is how many seeds the random moments of a test are drawn with: few, or what EVERFOLD_SOAK
// says (`make soak`). long says that tests take their long forms: real time-outs and outages.
func Soak(tb testing.TB, few int) (seeds int, long bool) {
	tb.Helper()
	text := os.Getenv("EVERFOLD_SOAK")
	if text == "" {
		return few, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		tb.Fatalf("harness: EVERFOLD_SOAK=%s: want a number of seeds", text)
	}
	return n, true
}
