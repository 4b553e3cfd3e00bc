package report

import (
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(c color.NRGBA) float64 {
	of := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*of(c.R) + 0.7152*of(c.G) + 0.0722*of(c.B)
}

func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Texts have a contrast of at least 4.5 with everything that they stand on, lines and dots of 3
// with the background, on paper and on a dark screen.
func TestContrast(t *testing.T) {
	for _, text := range []hue{ink, muted, link, alarm} {
		for _, on := range []hue{paper, panel} {
			require.GreaterOrEqual(t, contrast(text.light, on.light), 4.5, "%v on %v", text, on)
			require.GreaterOrEqual(t, contrast(text.dark, on.dark), 4.5, "%v on %v", text, on)
		}
	}
	for _, line := range append(append([]hue{}, palette...), scale...) {
		require.GreaterOrEqual(t, contrast(line.light, paper.light), 3.0, "%v", line)
		require.GreaterOrEqual(t, contrast(line.dark, paper.dark), 3.0, "%v", line)
	}
}

// No two colours of pictures are written alike, else one would turn into the other's dark one.
func TestColoursAreTold(t *testing.T) {
	seen := map[string]hue{}
	for _, h := range all() {
		for _, name := range []string{written(h.light), written(band(h.light))} {
			other, twice := seen[name]
			require.True(t, !twice || other == h, "%s", name)
			seen[name] = h
		}
	}
}

// The places on the scale of n steps go from its first colour to its last.
func TestScale(t *testing.T) {
	for n := 2; n <= len(scale); n++ {
		require.Equal(t, scale[0], stepOf(0, n))
		require.Equal(t, scale[len(scale)-1], stepOf(n-1, n))
		for k := 1; k < n; k++ {
			require.NotEqual(t, stepOf(k-1, n), stepOf(k, n))
		}
	}
	require.Equal(t, scale[1], stepOf(0, 1))
}
