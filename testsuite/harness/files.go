package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ReadFiles is the content of all files of a pattern, one after another; there must be some.
func ReadFiles(tb testing.TB, pattern string) string {
	tb.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		tb.Fatalf("harness: no files %s: %v", pattern, err)
	}
	var all strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			tb.Fatalf("harness: %v", err)
		}
		all.Write(content)
	}
	return all.String()
}

// FilesWith lists the files below a folder that hold a text.
func FilesWith(tb testing.TB, dir, text string) (found []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return found
}
