// Package archtest keeps the shape of the code as a test: which package may import which,
// how long files and functions get, what has a comment, what is not used at all. The rules
// are those of docs/ARCHITECTURE.md; table.go is its package table as data.
//
// Files are parsed, not compiled, so the whole check takes about a second and sees files of
// every build constraint.
//
// Non-goals: what go vet, staticcheck and workflowcheck already say.
package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the prefix of our import paths.
const module = "everfold"

// File is one parsed Go file.
type File struct {
	Path  string // slash-separated, from the repository root
	Test  bool   // *_test.go
	Lines int
	AST   *ast.File
	fset  *token.FileSet
}

// Dir is the file's folder from the repository root, "." for the root itself.
func (f File) Dir() string { return path.Dir(f.Path) }

// at names a place in the file for a message.
func (f File) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.Path, f.fset.Position(n.Pos()).Line)
}

// imports returns the file's import paths.
func (f File) imports() []string {
	var paths []string
	for _, spec := range f.AST.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic("archtest: import path of " + f.Path + " is not a string")
		}
		paths = append(paths, p)
	}
	return paths
}

// skipped are folders without Go code of this module.
var skipped = []string{".git", "bin", "outputs", "testdata", "tools"}

// Load parses every Go file of the module below root.
func Load(root fs.FS) ([]File, error) {
	var files []File
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (slices.Contains(skipped, d.Name()) || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parse(root, p)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the source tree: %w", err)
	}
	return files, nil
}

func parse(root fs.FS, p string) (File, error) {
	src, err := fs.ReadFile(root, p)
	if err != nil {
		return File{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, err
	}
	return File{
		Path: p, Test: strings.HasSuffix(p, "_test.go"), Lines: bytes.Count(src, []byte("\n")),
		AST: tree, fset: fset,
	}, nil
}
