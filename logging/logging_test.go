package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"everfold/logging"

	"github.com/stretchr/testify/require"
)

// withoutTime makes output comparable.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func jsonLogger(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
}

// A fold's activity puts its names into the context once; every record below carries them.
func Example() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	ctx := logging.Into(context.Background(), log)
	ctx = logging.With(ctx, slog.String(logging.KeyModel, "cox_ph"), slog.Int(logging.KeyFold, 3))

	logging.From(ctx).Warn("2 rows dropped", logging.CategoryData.Attr())
	logging.Performance{Duration: 1500 * time.Millisecond, AvgCIndex: 0.75, AvgIBS: 0.125, Folds: 1}.
		Log(ctx, "fold done")
	// Output:
	// {"level":"WARN","msg":"2 rows dropped","model":"cox_ph","fold":3,"category":"data"}
	// {"level":"INFO","msg":"fold done","model":"cox_ph","fold":3,"category":"performance","duration_seconds":1.5,"avg_cindex":0.75,"avg_ibs":0.125,"n_folds":1}
}

// Claim: a later With replaces an attribute of the same key, Into changes the logger and
// keeps the attributes, and neither touches the context it started from.
func TestContextAttributesReplaceByKey(t *testing.T) {
	var first, second bytes.Buffer
	outer := logging.With(logging.Into(t.Context(), jsonLogger(&first)),
		slog.String("model", "rsf"), slog.Int("fold", 0))
	inner := logging.With(outer, slog.Int("fold", 1), slog.Int("attempt", 2))

	logging.From(inner).Info("in")
	logging.From(outer).Info("out")
	logging.From(logging.Into(inner, jsonLogger(&second))).Info("moved")

	require.Equal(t, `{"level":"INFO","msg":"in","model":"rsf","fold":1,"attempt":2}
{"level":"INFO","msg":"out","model":"rsf","fold":0}
`, first.String())
	require.Equal(t, `{"level":"INFO","msg":"moved","model":"rsf","fold":1,"attempt":2}
`, second.String())
}

// Claim: without a logger in the context From is slog.Default, with or without attributes.
func TestFromFallsBackToDefault(t *testing.T) {
	var b bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(jsonLogger(&b))

	logging.From(t.Context()).Info("bare")
	logging.From(logging.With(t.Context(), slog.Int("fold", 4))).Info("with")
	require.Equal(t, `{"level":"INFO","msg":"bare"}
{"level":"INFO","msg":"with","fold":4}
`, b.String())
}

// Claim: colour adds escape sequences and short levels; without it lines are key=value and
// free of escapes; both leave out what is below the level.
func TestTerminal(t *testing.T) {
	for _, c := range []struct {
		name   string
		colour bool
		want   []string
	}{
		{"plain", false, []string{`level=WARN`, `msg="disk is slow"`, `category=storage`}},
		{"colour", true, []string{"\x1b[", "WRN", "disk is slow", "storage"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(logging.Terminal(&b, slog.LevelWarn, c.colour))
			log.Info("unseen")
			log.Warn("disk is slow", logging.CategoryStorage.Attr())
			for _, want := range c.want {
				require.Contains(t, b.String(), want)
			}
			require.NotContains(t, b.String(), "unseen")
			require.Equal(t, c.colour, strings.Contains(b.String(), "\x1b"))
			require.Equal(t, 1, strings.Count(b.String(), "\n"))
		})
	}
}

// Claim: an undefined average is null in the record, never NaN text, and the keys stay.
func TestPerformanceUndefinedIsNull(t *testing.T) {
	for _, undefined := range []float64{math.NaN(), math.Inf(1)} {
		var b bytes.Buffer
		ctx := logging.Into(t.Context(), jsonLogger(&b))
		logging.Performance{Duration: time.Second, AvgCIndex: undefined, AvgIBS: undefined, Folds: 5}.Log(ctx, "model done")
		var record map[string]any
		require.NoError(t, json.Unmarshal(b.Bytes(), &record))
		require.Equal(t, map[string]any{
			"level": "INFO", "msg": "model done", "category": "performance",
			"duration_seconds": 1.0, "avg_cindex": nil, "avg_ibs": nil, "n_folds": 5.0,
		}, record)
	}
}
