package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// logLimit is the size from which a log is moved to <name>.1 at the next start.
const logLimit = 16 << 20

// logFile is a child's output, appended to.
type logFile struct {
	*os.File
	from int64 // where this start's lines begin
}

func openLog(path string) (*logFile, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("log file: %w", err)
	case info.Size() > logLimit:
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("log file: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	return &logFile{File: f, from: end}, nil
}

// said returns what was written since the log was opened, at most the first 64 KiB: why a
// program could not start comes before the goroutines of its panic.
func (l *logFile) said() string {
	text, err := io.ReadAll(io.NewSectionReader(l.File, l.from, 64<<10))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
