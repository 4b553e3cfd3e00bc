package artifact

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"
	"strings"
)

// rowBuffer is how much text rows hold back.
const rowBuffer = 1 << 16

// rows writes the rows of a large CSV table with the bytes of encoding/csv, but makes no strings
// of numbers. The first error of its writer stays.
type rows struct {
	out  io.Writer
	text []byte
	cell int // of the row that is being written
	err  error
}

func newRows(out io.Writer, header []string) *rows {
	r := &rows{out: out, text: make([]byte, 0, rowBuffer+1<<10)}
	for _, name := range header {
		r.string(name)
	}
	_ = r.end() // err keeps it
	return r
}

// next begins a cell.
func (r *rows) next() {
	if r.cell > 0 {
		r.text = append(r.text, ',')
	}
	r.cell++
}

// unquoted says whether a text is never quoted, the usual ids and names among others.
func unquoted(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c-'0' > 9 && c|0x20-'a' > 'z'-'a' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func (r *rows) string(s string) {
	r.next()
	if !unquoted(s) {
		var quoted strings.Builder
		w := csv.NewWriter(&quoted)
		_ = w.Write([]string{s, ""}) // a strings.Builder takes everything
		w.Flush()
		s = strings.TrimSuffix(quoted.String(), ",\n")
	}
	r.text = append(r.text, s...)
}

// float writes a number; NaN is an empty cell.
func (r *rows) float(v float64) {
	r.next()
	if !math.IsNaN(v) {
		r.text = strconv.AppendFloat(r.text, v, 'g', -1, 64)
	}
}

func (r *rows) int(v int) {
	r.next()
	r.text = strconv.AppendInt(r.text, int64(v), 10)
}

func (r *rows) bool(v bool) {
	r.next()
	r.text = strconv.AppendBool(r.text, v)
}

// end ends a row.
func (r *rows) end() error {
	r.text, r.cell = append(r.text, '\n'), 0
	if len(r.text) >= rowBuffer {
		return r.flush()
	}
	return r.err
}

func (r *rows) flush() error {
	if r.err == nil {
		_, r.err = r.out.Write(r.text)
	}
	r.text = r.text[:0]
	return r.err
}
