package terminal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: the emulator does what terminals do with all that the programs write: wrapping, also
// at exactly the last column, scrolling, moving up, clearing to the end, and sequences that
// arrive in pieces.
func TestScreen(t *testing.T) {
	for written, want := range map[string]string{
		"ab\r\ncd":                           "ab\ncd\n",
		"abcdefgh":                           "abcdefgh\n",
		"abcdefgh\r\ni":                      "abcdefgh\ni\n",
		"abcdefghi":                          "abcdefgh\ni\n",
		"1\r\n2\r\n3\r\n4\r\n":               "1\n2\n3\n4\n",
		"old\r\nolder\r\n\r\x1b[2A\x1b[Jnew": "new\n",
		"x^C\r\x1b[Kdone":                    "done\n",
		"\x1b[1mbold\x1b[0m\x1b[?25lé":       "boldé\n",
		"a\tb":                               "a      b\n",
		"ab\bc":                              "ac\n",
	} {
		whole, pieces := NewScreen(8, 3), NewScreen(8, 3)
		fmt.Fprint(whole, written)
		for i := range len(written) {
			fmt.Fprint(pieces, written[i:i+1])
		}
		require.Equal(t, want, Text(whole.All()), "%q", written)
		require.Equal(t, want, Text(pieces.All()), "%q", written)
	}
	s := NewScreen(8, 3)
	fmt.Fprint(s, "1\r\n2\r\n3\r\n4")
	require.Equal(t, "2\n3\n4\n", Text(s.Rows()))
}

// Claim: a terminal that becomes narrower wraps what it shows, and goes on below it.
func TestScreenResize(t *testing.T) {
	s := NewScreen(8, 4)
	fmt.Fprint(s, "12345678\r\nab\r\n")
	s.Resize(4, 4)
	fmt.Fprint(s, "x")
	require.Equal(t, "1234\n5678\nab\nx\n", Text(s.All()))
	s.Resize(2, 2)
	require.Equal(t, "12\n34\n56\n78\nab\nx\n", Text(s.All()))
}

// Claim: a picture has the text in its colours, bars and frames as shapes, and nothing of it
// breaks the XML.
func TestSVG(t *testing.T) {
	s := NewScreen(20, 3)
	fmt.Fprint(s, "\x1b[1;32m<a> & b\x1b[0m ██░░\r\n╭─┬╮\r\n\x1b[2mfaint\x1b[91mred")
	drawn := string(SVG(20, Window{Title: "x < y", Rows: s.Rows()}))
	for _, want := range []string{`>x &lt; y</text>`, `fill="#57ab5a" font-weight="bold"`, ">&lt;a&gt; &amp; b</text>", `opacity="1.00"/>`, `opacity="0.22"/>`, "<path d=", `fill="#f47067" opacity="0.6"`} {
		require.Contains(t, drawn, want)
	}
	require.Equal(t, 2, strings.Count(drawn, "textLength=\"42.0\"")+strings.Count(drawn, "textLength=\"58.8\""))
}
