package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// ban is something that only some packages may use, and why.
type ban struct {
	pkg   string   // import path
	names []string // exported names, or prefixes ending in "*"; none: the whole package
	tests bool     // tests, and packages for tests only, are bound too
	where []string // packages that may, patterns as in the table
	why   string
}

var bans = []ban{
	{
		pkg: "math/rand", where: []string{"survival/resample"},
		why: "randomness is a sub-seed of survival/resample",
	},
	{
		pkg: "math/rand/v2", where: []string{"survival/resample"},
		why: "randomness is a sub-seed of survival/resample",
	},
	{
		pkg: "os", names: []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
		// Activities resolve tracker and notify secrets on the worker that runs them.
		where: []string{"worker", "starter", "internal/app/...", "activities", "bench/..."},
		why:   "the environment is read at the edge",
	},
	{
		pkg: "fmt", names: []string{"Print*"}, where: []string{"bench/..."},
		why: "libraries log through log/slog, commands write to the stream they are given",
	},
	{pkg: "log", why: "logs go through log/slog"},
	{
		pkg: "time", names: []string{"Sleep"}, tests: true,
		why: "wait for the event, not for a while",
	},
}

// CheckForbidden reports uses of what only some packages may use, and tests that skip.
func CheckForbidden(files []File) []string {
	var bad []string
	for _, f := range files {
		for _, b := range bans {
			forTests := f.Test || anyWithin(f.Dir(), testOnly)
			if (forTests && !b.tests) || anyWithin(f.Dir(), b.where) || !slices.Contains(f.imports(), b.pkg) {
				continue
			}
			bad = append(bad, uses(f, b)...)
		}
		if f.Test {
			bad = append(bad, skips(f)...)
		}
	}
	return bad
}

func uses(f File, b ban) []string {
	if len(b.names) == 0 {
		return []string{fmt.Sprintf("%s: imports %s: %s", f.Path, b.pkg, b.why)}
	}
	var bad []string
	local := localName(f, b.pkg)
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && named(sel.Sel.Name, b.names) {
			bad = append(bad, fmt.Sprintf("%s: %s.%s: %s", f.at(sel), local, sel.Sel.Name, b.why))
		}
		return true
	})
	return bad
}

func named(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		prefix, open := strings.CutSuffix(n, "*")
		return name == n || (open && strings.HasPrefix(name, prefix))
	})
}

// localName is what the file calls an imported package of the standard library.
func localName(f File, pkg string) string {
	for _, spec := range f.AST.Imports {
		if spec.Path.Value == `"`+pkg+`"` && spec.Name != nil {
			return spec.Name.Name
		}
	}
	return pkg[strings.LastIndexByte(pkg, '/')+1:]
}

// skips lists calls of a test's own Skip: a fixture that is missing fails, so that green
// means tested. rapid's Skip, which draws again, is called on another type's parameter rt.
func skips(f File) []string {
	var bad []string
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "t" || x.Name == "b" || x.Name == "tb") {
			bad = append(bad, fmt.Sprintf("%s: %s.%s: nothing skips", f.at(sel), x.Name, sel.Sel.Name))
		}
		return true
	})
	return bad
}
