package dataset

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Numbers are the nearest float64, exactly as strconv reads them, however written.
func TestParseNumberEqualsStrconv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "value")
		verb := rapid.SampledFrom([]byte{'g', 'f', 'e'}).Draw(t, "verb")
		text := strconv.FormatFloat(v, verb, rapid.IntRange(-1, 20).Draw(t, "precision"), 64)
		sameNumber(t, text)
	})
	rapid.Check(t, func(t *rapid.T) {
		sameNumber(t, rapid.StringMatching(`[-+]?[0-9]{0,20}\.?[0-9]{0,20}(e[-+]?[0-9]{1,4})?`).Draw(t, "text"))
	})
}

func sameNumber(t *rapid.T, text string) {
	want, err := strconv.ParseFloat(text, 64)
	got, ok := parseNumber([]byte(text))
	if ok != (err == nil || math.IsInf(want, 0)) || ok && math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("parseNumber(%q) = %v, %v; strconv: %v, %v", text, got, ok, want, err)
	}
}

// A cell of up to eight bytes is the same number, or none, whether its bytes are read one by one
// or as a word, whatever follows it.
func TestWordsEqualBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`-?[0-9]{0,8}\.?[0-9]{0,7}`), rapid.StringMatching(`[-+.0-9e,/: ]{1,8}`),
			rapid.String()).Filter(func(s string) bool { return len(s) > 0 }).Draw(t, "text")
		text = text[:min(len(text), wordBytes)]
		after := rapid.SliceOfN(rapid.Byte(), wordBytes, wordBytes).Draw(t, "what follows")
		want, wantOK := parseShort([]byte(text))
		lines, value := records{buf: append([]byte(text), after...), spans: []span{{0, int32(len(text))}}, width: 1}, []float64{0}
		ok := parseWords(value, &lines, 0) == 1
		got := value[0]
		if ok != wantOK || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%q as a word: %v, %v; byte by byte %v, %v", text, got, ok, want, wantOK)
		}
	})
}

// Other notations are text, infinities are recognised so that they can be refused.
func TestParseNumberForms(t *testing.T) {
	for _, text := range []string{"", ".", "-", "+", "e5", "0x10", "0x1p-2", "1_000", "1,5", "12a", "--1", "nan", "ten", "1 2", "I", "1.2.3", "-."} {
		if v, ok := parseNumber([]byte(text)); ok {
			t.Errorf("%q is read as %v", text, v)
		}
	}
	for _, text := range []string{"inf", "-Inf", "Infinity", "+inf", "1e999"} {
		if v, ok := parseNumber([]byte(text)); !ok || !math.IsInf(v, 0) {
			t.Errorf("%q is read as %v, %v", text, v, ok)
		}
	}
}

// Dates are recognised in the usual notations; numbers, versions and ranges are not dates.
func TestLooksLikeDate(t *testing.T) {
	for _, text := range strings.Split("2024-01-31|2024/1/31|31.12.1999|12/31/1999|2024-01-31T10:00:00Z|2024-01-31 10:00", "|") {
		if !looksLikeDate([]byte(text)) {
			t.Errorf("%q is not taken for a date", text)
		}
	}
	for _, text := range strings.Split("|12|1.5|10-20|1.2.3|2024-01|a-b-c|2024-01/31|12345-1-1|2024-01-31 x|-1-2024|T cell|HGST 2024", "|") {
		if looksLikeDate([]byte(text)) {
			t.Errorf("%q is taken for a date", text)
		}
	}
}
