package archtest

import (
	"fmt"
	"go/ast"
)

const (
	maxFileLines     = 500
	maxFunctionLines = 70
)

// CheckSizes reports files and functions above the limits, tests included. Aim for 300
// lines and 40: the limits are where splitting stops being a matter of taste.
func CheckSizes(files []File) []string {
	var bad []string
	for _, f := range files {
		if f.Lines > maxFileLines {
			bad = append(bad, fmt.Sprintf("%s: %d lines, at most %d are allowed", f.Path, f.Lines, maxFileLines))
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
			if lines > maxFunctionLines {
				bad = append(bad, fmt.Sprintf("%s: %s has %d lines, at most %d are allowed", f.at(fn), fn.Name.Name, lines, maxFunctionLines))
			}
		}
	}
	return bad
}
