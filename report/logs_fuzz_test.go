package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzLogs: whatever a log file holds, its records are handed over, at most one a line, and nothing else of it
// is an error.
func FuzzLogs(f *testing.F) {
	f.Add(`{"time":"2026-11-29T10:00:00Z","level":"WARN","msg":"tried again","model":"rsf","fold":3,"attempt":2,"error":"x"}` + "\n")
	f.Add("\n{}\n{\"fold\":-1,\"error\":{}}\nno record\n{\"msg\":\"" + strings.Repeat("x", maxLine) + "\"}\n{\"msg\":\"torn")
	f.Fuzz(func(t *testing.T, text string) {
		records := 0
		require.NoError(t, readLines(t.Context(), strings.NewReader(text), func(l *logLine) {
			records++
			_ = l.why()
		}))
		require.LessOrEqual(t, records, strings.Count(text, "\n")+1)
	})
}
