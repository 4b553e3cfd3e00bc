package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"everfold/survival"
)

// logLine is a record of a log file as far as it is shown.
type logLine struct {
	Time     time.Time       `json:"time"`
	Level    string          `json:"level"`
	Msg      string          `json:"msg"`
	Model    string          `json:"model"`
	Fold     *int            `json:"fold"` // nil: of no fold, or of the fit on all rows
	Attempt  int             `json:"attempt"`
	Category string          `json:"category"`
	Reason   string          `json:"reason"`
	Error    json.RawMessage `json:"error"`
	Reuse    int             `json:"reuse"` // of "folds planned"
}

// maxLine bounds a line of a log; a longer one, and one that is no record, is passed over.
const maxLine = 1 << 16

// logLines hands over the records of a kind of log file, file after file.
func (b *builder) logLines(ctx context.Context, kind string, use func(l *logLine)) error {
	return b.Logs(ctx, kind, func(in io.Reader) error { return readLines(ctx, in, use) })
}

// readLines hands over the records of one file.
func readLines(ctx context.Context, in io.Reader, use func(l *logLine)) error {
	lines := bufio.NewReaderSize(in, maxLine)
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := survival.Check(ctx, 0, 1); err != nil {
				return err
			}
		}
		text, err := lines.ReadSlice('\n')
		whole := err == nil || err == io.EOF && len(text) > 0
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		l := &logLine{}
		if whole && json.Unmarshal(bytes.TrimSpace(text), l) == nil {
			use(l)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// why is what a record says of the cause.
func (l *logLine) why() string {
	if l.Reason != "" {
		return l.Reason
	}
	var text string
	if json.Unmarshal(l.Error, &text) == nil {
		return text
	}
	return ""
}
