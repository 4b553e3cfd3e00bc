package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// CheckImports reports imports of ours that the table does not allow and packages that it
// does not know. It looks at non-test files; of test files it asks only that survival/ be
// usable, and testable, without the rest.
func CheckImports(files []File) []string {
	var bad []string
	for _, f := range files {
		row, known := rowOf(f.Dir())
		if !known {
			bad = append(bad, fmt.Sprintf("%s: package %s is not in the table (internal/archtest/table.go)", f.Path, f.Dir()))
			continue
		}
		for _, p := range f.imports() {
			ours, ok := strings.CutPrefix(p, module+"/")
			if !ok {
				continue
			}
			if reason := refusal(f, row, ours); reason != "" {
				bad = append(bad, fmt.Sprintf("%s: imports %s: %s", f.Path, ours, reason))
			}
		}
	}
	return bad
}

func refusal(f File, row Row, ours string) string {
	switch {
	case f.Test && within(f.Dir(), "survival/..."):
		if !within(ours, "survival/...") {
			return "survival/ is a leaf library, its tests included"
		}
	case f.Test:
	case anyWithin(ours, testOnly) && !anyWithin(f.Dir(), testOnly):
		return "for tests only"
	case isLeaf(ours) && within(f.Dir(), "survival/..."):
	case !anyWithin(ours, row.May):
		return fmt.Sprintf("%s may import %s", row.Package, allowed(row.May))
	}
	return ""
}

func allowed(may []string) string {
	if len(may) == 0 {
		return "none of ours"
	}
	return strings.Join(may, ", ")
}

// rowOf finds the row of a package: its own, then that of a pattern.
func rowOf(pkg string) (Row, bool) {
	i := slices.IndexFunc(Table, func(r Row) bool { return r.Package == pkg })
	if i < 0 {
		i = slices.IndexFunc(Table, func(r Row) bool { return within(pkg, r.Package) })
	}
	if i < 0 {
		return Row{}, false
	}
	return Table[i], true
}

func isLeaf(pkg string) bool {
	row, known := rowOf(pkg)
	return known && row.Package == leaves
}

func anyWithin(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(pkg, p) })
}

// within reports whether a pattern of the table covers pkg.
func within(pkg, pattern string) bool {
	if pattern == everything || pattern == pkg {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	base, ok := strings.CutSuffix(pattern, "/*")
	return ok && path.Dir(pkg) == base
}

// CheckTopLevel reports what should be at the repository's root and is not.
func CheckTopLevel(root fs.FS) []string {
	var bad []string
	for _, name := range topLevel {
		if _, err := fs.Stat(root, name); err != nil {
			bad = append(bad, name+": missing at the root")
		}
	}
	return bad
}

// CheckProvenance reports testdata folders with files that do not say where these are from.
func CheckProvenance(root fs.FS) ([]string, error) {
	var bad []string
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if p != "." && strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"bin", "outputs"}, p) {
			return fs.SkipDir
		}
		if d.Name() != "testdata" {
			return nil
		}
		found, err := provenance(root, p)
		if err == nil && !found {
			bad = append(bad, p+": no PROVENANCE.md says tool, version, command and seed")
		}
		return err
	})
	return bad, err
}

// provenance is true where the folder, or each of its folders, has the note. What the Go
// fuzzer found, under fuzz/, is its own provenance.
func provenance(root fs.FS, dir string) (bool, error) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "PROVENANCE.md" }) {
		return true, nil
	}
	for _, e := range entries {
		if e.Name() == "fuzz" {
			continue
		}
		if !e.IsDir() {
			return false, nil
		}
		if below, err := provenance(root, path.Join(dir, e.Name())); err != nil || !below {
			return false, err
		}
	}
	return true, nil
}
