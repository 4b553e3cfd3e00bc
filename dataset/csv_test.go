package dataset

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func scanner(in io.Reader) *records {
	return newRecords(in, Limits{}.orDefault(), func() error { return nil })
}

// scan gives all records, cells joined by "|".
func scan(s *records) (out []string, err error) {
	for {
		err := s.read(1)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		var cells [][]byte
		for _, c := range s.spans {
			cells = append(cells, s.buf[c.from:c.to])
		}
		out = append(out, string(bytes.Join(cells, []byte("|"))))
	}
}

// scanTable is scan with as many cells in every record as in the first, many records at a time.
func scanTable(s *records) (out []string, err error) {
	for most := 1; ; most = batchRows {
		err := s.read(most)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		s.width = len(s.spans) / len(s.lines)
		for i := range s.lines {
			cells := make([]string, s.width)
			for k := range cells {
				cells[k] = string(s.cell(i, k))
			}
			out = append(out, strings.Join(cells, "|"))
		}
	}
}

// Records follow RFC 4180: quotes, doubled quotes, quoted line ends, CRLF, a last line
// without an end; blank lines are skipped. It does not matter how the input is cut.
func TestRecords(t *testing.T) {
	cases := map[string]string{
		"a,b\nc,d\n":                  "a|b;c|d",
		"a,b\r\nc,d\r\n":              "a|b;c|d",
		"a,b":                         "a|b",
		"a,b\r":                       "a|b",
		"\n\r\na\n\nb\n":              "a;b",
		"a,\n,b\n":                    "a|;|b",
		"\"\"\na\n":                   ";a",
		`"a","b,c"` + "\n":            "a|b,c",
		`"a ""quoted"" word",x`:       `a "quoted" word|x`,
		`"""",""""""`:                 `"|""`,
		"\"two\nlines\",\"x\r\ny\"\n": "two\nlines|x\r\ny",
		"\"a\"\r\n\"b\"\r":            "a;b",
		"a\rb,c\n":                    "a\rb|c",
	}
	for text, want := range cases {
		for name, in := range map[string]io.Reader{"whole": strings.NewReader(text), "bytewise": iotest.OneByteReader(strings.NewReader(text))} {
			got, err := scan(scanner(in))
			if err != nil || strings.Join(got, ";") != want {
				t.Errorf("%s %q: %q, %v; want %q", name, text, strings.Join(got, ";"), err, want)
			}
		}
	}
}

// Records longer than the buffer and records across its end are whole.
func TestRecordsAcrossBuffers(t *testing.T) {
	long := strings.Repeat(`x""y`, bufferBytes)
	var text strings.Builder
	for range 3 {
		text.WriteString(`"` + long + `",1` + "\n" + strings.Repeat("ab,cd\n", bufferBytes/5))
	}
	got, err := scan(scanner(strings.NewReader(text.String())))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(long, `""`, `"`) + "|1"
	for k, record := range got {
		if k%(1+bufferBytes/5) == 0 && record != want || k%(1+bufferBytes/5) != 0 && record != "ab|cd" {
			t.Fatalf("record %d has %d bytes", k, len(record))
		}
	}
	if len(got) != 3*(1+bufferBytes/5) {
		t.Errorf("%d records", len(got))
	}
}

// Lines count quoted line ends and blank lines, so a message points into the file.
func TestRecordLines(t *testing.T) {
	s := scanner(strings.NewReader("h\n\"two\nlines\"\n\nx\ny\"\n"))
	for _, want := range []struct{ line, row int64 }{{1, -1}, {2, 0}, {5, 1}} {
		if err := s.read(1); err != nil || s.at != want.line || s.row != want.row {
			t.Errorf("line %d row %d, %v; want %+v", s.at, s.row, err, want)
		}
	}
	var refused *InvalidError
	if err := s.read(1); !errors.As(err, &refused) || refused.Line != 6 || refused.Row != 2 {
		t.Errorf("%v", err)
	}
}

// An error of the reader is passed on as it is.
func TestRecordsReaderError(t *testing.T) {
	lost := errors.New("connection lost")
	in := io.MultiReader(strings.NewReader("a,b\nc"), iotest.ErrReader(lost))
	if _, err := scan(scanner(in)); !errors.Is(err, lost) {
		t.Errorf("%v", err)
	}
}

// Whatever the standard library reads is read alike, with records of any length and of one;
// nothing panics. (The library turns CRLF inside quotes into LF, so carriage returns are left to
// the tests above.)
func FuzzRecords(f *testing.F) {
	row := "1.25,-3,,level one,\"two, with\"\"quotes\"\n"
	for _, seed := range []string{"a,b\n1,2\n", "\"a\"\"b\",c\n", "\"x\ny\",\n\n", "a\"b\n", "\"a\"b\n", "\"open", "\xef\xbb\xbfa\n", ",,,\n",
		strings.Repeat("1.5,-2,x y,\n", 40), strings.Repeat("12345\n\n7\n", 20), strings.Repeat(row, 9) + "short,row\n", strings.Repeat("a,b\n", 50) + "\"q\",c\n" + strings.Repeat("é,+\n", 30)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for fields, scan := range map[int]func(*records) ([]string, error){-1: scan, 0: scanTable} {
			got, err := scan(scanner(iotest.HalfReader(strings.NewReader(text))))
			if strings.Contains(text, "\r") {
				continue
			}
			library := csv.NewReader(strings.NewReader(text))
			library.FieldsPerRecord = fields
			records, failed := library.ReadAll()
			if (err == nil) != (failed == nil) {
				t.Fatalf("error %v; encoding/csv: %v", err, failed)
			}
			if err != nil {
				continue
			}
			want := make([]string, len(records))
			for k, record := range records {
				want[k] = strings.Join(record, "|")
			}
			if strings.Join(got, ";") != strings.Join(want, ";") {
				t.Fatalf("%q; encoding/csv: %q", got, want)
			}
		}
	})
}

// Rows that end in CRLF, blank lines among them, are the same however many are split at a time,
// and so are the lines and rows that messages name.
func TestManyRecordsAtATime(t *testing.T) {
	text := "a,b\r\n" + strings.Repeat("1.5,x\r\n\r\n,\r\n\"two\r\nlines\",\"\"\r\n", 30) + "only one\r\n"
	s := scanner(strings.NewReader(text))
	got, err := scanTable(s)
	want, _ := scan(scanner(strings.NewReader(text)))
	if strings.Join(got, ";") != strings.Join(want[:len(want)-1], ";") {
		t.Errorf("%q; one at a time %q", got, want)
	}
	var refused *InvalidError
	if !errors.As(err, &refused) || refused.Line != 2+30*5 || refused.Row != 90 {
		t.Errorf("%v", err)
	}
}

// Records longer than one cell may be are read, and those with such a cell refused, in the same words
// however many are split at a time.
func TestLongCellsAtATime(t *testing.T) {
	for _, last := range []string{"1234,5678\n", "12345,1\n", "1,12345\r\n", "1,\"12345\"\n"} {
		limits := Limits{CellBytes: 4}.orDefault()
		text := strings.Repeat("a,b\n1234,5678\nab,cd\n", 30) + last + strings.Repeat("a,b\n", 30)
		fresh := func() *records {
			return newRecords(strings.NewReader(text), limits, func() error { return nil })
		}
		want, wantErr := scan(fresh())
		got, err := scanTable(fresh())
		if !slices.Equal(got, want) || (wantErr == nil) != (len(want) == 121) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%q: %d records, %v; one at a time %d, %v", last, len(got), err, len(want), wantErr)
		}
	}
}
