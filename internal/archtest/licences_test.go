package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// licenceFile is what the file of a licence is called.
var licenceFile = regexp.MustCompile(`(?i)^(un)?licen[cs]e([.-].*)?$|^copying([.-].*)?$`)

// licences are known by words in their texts. The first that matches counts.
var licences = []struct{ says, name string }{
	{"GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL"},
	{"GNU LESSER GENERAL PUBLIC LICENSE", "LGPL"},
	{"GNU GENERAL PUBLIC LICENSE", "GPL"},
	{"The FreeType License", "FTL"}, // or the GPL, by choice
	{"SIL OPEN FONT LICENSE", "OFL-1.1"},
	{"Creative Commons Attribution 4.0 International", "CC-BY-4.0"},
	{"Mozilla Public License", "MPL-2.0"},
	{"Apache License", "Apache-2.0"},
	{"Permission is hereby granted, free of charge", "MIT"},
	{"Redistributions in binary form", "BSD"},
	{"Permission to use, copy, modify, and", "ISC"},
}

// without are modules that come without a licence's file, and why they may be used.
var without = map[string]string{
	"github.com/nexus-rpc/nexus-proto-annotations": "none in the module: generated code that Temporal's API, MIT, is made with",
}

// Claim: every module that is in one of the programs has a licence, and none asks for the
// programs' own source; docs/LICENCES.md lists them.
func TestLicences(t *testing.T) {
	modules := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Dir}}{{end}}", "everfold/starter", "everfold/worker")
	modules.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := modules.Output()
	require.NoError(t, err)
	page, err := fs.ReadFile(repository, "docs/LICENCES.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if path == "" || path == module || seen[path] {
			continue
		}
		seen[path] = true
		name := licenceOf(t, dir)
		if name == "" {
			name = without[path]
		}
		require.NotEmpty(t, name, "%s has no licence that this test knows", path)
		require.NotContains(t, name, "GPL", path)
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s |\n", path, name), "docs/LICENCES.md")
	}
	require.Greater(t, len(seen), 20)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		require.True(t, seen[row[1]], "docs/LICENCES.md: %s is in none of the programs", row[1])
	}
}

// licenceOf names the licences of a module's folder: one, or several of its parts.
func licenceOf(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if !licenceFile.MatchString(e.Name()) || e.IsDir() {
			continue
		}
		text, err := os.ReadFile(dir + "/" + e.Name())
		require.NoError(t, err)
		for _, l := range licences {
			if strings.Contains(strings.Join(strings.Fields(string(text)), " "), l.says) {
				if !slices.Contains(names, l.name) {
					names = append(names, l.name)
				}
				break
			}
		}
	}
	return strings.Join(names, ", ")
}
