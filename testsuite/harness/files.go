package harness

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ReadFiles is the content of all files of a pattern, one after another; there must be some. One that
// vanishes meanwhile, as the journal of a database does with each transaction, was not there.
func ReadFiles(tb testing.TB, pattern string) string {
	tb.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		tb.Fatalf("harness: no files %s: %v", pattern, err)
	}
	var all strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			tb.Fatalf("harness: %v", err)
		}
		all.Write(content)
	}
	return all.String()
}

// FilesWith lists the files below a folder that hold a text. What vanishes meanwhile was not there.
func FilesWith(tb testing.TB, dir, text string) (found []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var content []byte
			if content, err = os.ReadFile(path); bytes.Contains(content, []byte(text)) {
				found = append(found, path)
			}
		}
		if path != dir && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return found
}
