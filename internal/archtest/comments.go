package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// selfExplaining are methods whose meaning the interface they implement gives.
var selfExplaining = []string{
	"Error", "String", "Unwrap", "Is", "Len", "Less", "Swap", "Push", "Pop", "LogValue",
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML",
}

// badNames say nothing about what a package is for.
var badNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "shared"}

// CheckComments reports packages without a package comment or with a name that says
// nothing, exported identifiers without a comment, tests that do not open with their claim,
// and comments that put work off.
func CheckComments(files []File) []string {
	var bad []string
	commented := map[string]bool{}
	for _, f := range files {
		commented[f.Dir()] = commented[f.Dir()] || f.AST.Doc != nil
		if slices.Contains(badNames, f.AST.Name.Name) {
			bad = append(bad, fmt.Sprintf("%s: a package named %s says nothing", f.Path, f.AST.Name.Name))
		}
		bad = append(bad, putOff(f)...)
		if f.Test {
			bad = append(bad, withoutClaim(f)...)
			continue
		}
		for _, d := range f.AST.Decls {
			bad = append(bad, undocumented(f, d)...)
		}
	}
	for _, f := range files {
		if !commented[f.Dir()] {
			bad = append(bad, f.Dir()+": no package comment")
			commented[f.Dir()] = true
		}
	}
	return bad
}

func undocumented(f File, d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc != nil || !d.Name.IsExported() || !exportedReceiver(d) {
			return nil
		}
		if d.Recv != nil && slices.Contains(selfExplaining, d.Name.Name) {
			return nil
		}
		return []string{fmt.Sprintf("%s: %s has no comment", f.at(d), d.Name.Name)}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || (d.Doc != nil && d.Tok != token.TYPE) {
			return nil
		}
		return undocumentedSpecs(f, d)
	}
	return nil
}

func undocumentedSpecs(f File, d *ast.GenDecl) []string {
	var bad []string
	single := d.Doc != nil && len(d.Specs) == 1
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && !single {
				bad = append(bad, fmt.Sprintf("%s: type %s has no comment", f.at(s), s.Name.Name))
			}
		case *ast.ValueSpec:
			if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil {
				bad = append(bad, fmt.Sprintf("%s: %s has no comment", f.at(s), s.Names[0].Name))
			}
		}
	}
	return bad
}

// exportedReceiver is true for functions and for methods of exported types.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// withoutClaim lists tests and fuzz tests that do not say what they show, above
// the function or as the first thing in it.
func withoutClaim(f File) []string {
	var bad []string
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Doc != nil || !opensTest(fn.Name.Name) {
			continue
		}
		if len(fn.Body.List) > 0 && commentBetween(f, fn.Body.Lbrace, fn.Body.List[0].Pos()) {
			continue
		}
		bad = append(bad, fmt.Sprintf("%s: %s does not open with its claim", f.at(fn), fn.Name.Name))
	}
	return bad
}

func opensTest(name string) bool {
	if name == "TestMain" {
		return false
	}
	return strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")
}

func commentBetween(f File, from, to token.Pos) bool {
	return slices.ContainsFunc(f.AST.Comments, func(c *ast.CommentGroup) bool { return c.Pos() > from && c.End() < to })
}

// putOff lists comments that promise work for later: that is what issues are for.
func putOff(f File) []string {
	var bad []string
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			for _, mark := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"} {
				if strings.Contains(c.Text, mark) {
					bad = append(bad, fmt.Sprintf("%s: %s in a comment", f.at(c), mark))
				}
			}
		}
	}
	return bad
}
