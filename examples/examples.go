// Package examples holds the specs and data that everfold ships, as files of the repository
// and inside the programs, so that the quickstart works from any folder.
//
// The specs name their data by paths relative to themselves, so Install keeps the layout.
//
// Non-goals: data for tests, which is beside the tests.
package examples

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Quickstart is the name of the spec that `starter quickstart` runs.
const Quickstart = "hdfail.yaml"

//go:embed *.yaml data/*.csv data/PROVENANCE.md
var files embed.FS

// FS returns the shipped files, read-only: specs at its root, tables under data.
func FS() fs.FS { return files }

// Install writes the shipped files under dir, which it creates, and leaves files that
// already have the right content alone. A file appears whole or not at all, so that a run
// that is reading an installed table is not disturbed by a second Install.
func Install(dir string) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("examples: read %s: %w", name, err)
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return fmt.Errorf("examples: create folder: %w", err)
			}
			return nil
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("examples: read %s: %w", name, err)
		}
		return install(target, content)
	})
}

// install writes content to path by way of a temporary file beside it.
func install(path string, content []byte) error {
	if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, content) {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".install-*")
	if err != nil {
		return fmt.Errorf("examples: write %s: %w", path, err)
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(content)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(temporary.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("examples: write %s: %w", path, err)
	}
	return nil
}
