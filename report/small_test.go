package report

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
)

func jsonText(s string) (string, error) {
	out, err := json.Marshal(s)
	return string(out), err
}

// Long pauses are cut out of the time axis, short ones are not; places keep their order.
func TestClock(t *testing.T) {
	at := func(from, to float64) fit { return fit{from: from, to: to} }
	c := newClock([]fit{at(0, 100), at(50, 120), at(125, 200), at(90_000, 90_100)})
	require.Len(t, c.pieces, 2)
	require.Len(t, c.cuts, 1)
	require.InDelta(t, 90_100, c.whole, 1e-9)
	require.Contains(t, c.axis, "minutes")
	require.Contains(t, c.axis, "without pauses")
	require.Zero(t, c.at(0))
	require.InDelta(t, 200.0/60, c.at(200), 1e-9)
	require.Greater(t, c.at(90_000), c.cuts[0])
	require.InDelta(t, 100.0/60, c.at(90_100)-c.at(90_000), 1e-9)
}

// A curve is linear between its times and has no value beyond; the mean is over the folds that
// have one.
func TestMeanCurve(t *testing.T) {
	c := curve{times: []float64{1, 3}, values: []float64{0, 1}}
	require.Equal(t, 0.5, c.at(2))
	require.Equal(t, 1.0, c.at(3))
	require.True(t, math.IsNaN(c.at(0.5)))
	require.True(t, math.IsNaN(c.at(3.5)))
	of := map[int]curve{0: {times: []float64{1, 2, 3}, values: []float64{1, 1, 1}}, 1: {times: []float64{2, 3}, values: []float64{2, 3}}}
	mean := meanCurve([]*artifact.Manifest{{Fold: 0}, {Fold: 1}}, func(m *artifact.Manifest) curve { return of[m.Fold] })
	require.Equal(t, curve{times: []float64{1, 2, 3}, values: []float64{1, 1.5, 2}}, mean)
}

// Numbers and durations are written for reading.
func TestWords(t *testing.T) {
	require.Equal(t, "287,013", amount(287013))
	require.Equal(t, "-1,000", amount(-1000))
	require.Equal(t, "999", amount(999))
	require.Equal(t, "1 fold", counted(1, "fold"))
	require.Equal(t, "50 ms", lasting(0.05))
	require.Equal(t, "12.3 s", lasting(12.3))
	require.Equal(t, "2 min 05 s", lasting(125))
	require.Equal(t, "31 h 00 min", lasting(31*3600))
	p := 1e-9
	require.Equal(t, "< 0.0001", pvalue(&p))
	require.Equal(t, dash, score(nil))
	require.Equal(t, `'/a b/it'\''s'`, quote("/a b/it's"))
	require.Equal(t, "/a/b", quote("/a/b"))
	require.Equal(t, "abc…", short("abcdef", 4))
	require.Equal(t, "a�b c", plain("a\x07b\nc"))
}
