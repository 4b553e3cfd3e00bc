package archtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dependenciesHeading opens the part of docs/DECISIONS.md with one line per dependency.
const dependenciesHeading = "## Dependencies"

var dependencyLine = regexp.MustCompile("(?m)^- `([^`]+)`: .{20,}")

// CheckDependencies reports direct dependencies of go.mod that docs/DECISIONS.md gives no
// reason for, and reasons for modules that are no dependency any more.
func CheckDependencies(goMod, decisions string) []string {
	_, section, found := strings.Cut(decisions, dependenciesHeading+"\n")
	if !found {
		return []string{"docs/DECISIONS.md: no section " + dependenciesHeading}
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var explained []string
	for _, m := range dependencyLine.FindAllStringSubmatch(section, -1) {
		explained = append(explained, m[1])
	}
	direct := directDependencies(goMod)
	var bad []string
	for _, d := range direct {
		if !slices.Contains(explained, d) {
			bad = append(bad, fmt.Sprintf("docs/DECISIONS.md: no line for the dependency %s", d))
		}
	}
	for _, e := range explained {
		if !slices.Contains(direct, e) {
			bad = append(bad, fmt.Sprintf("docs/DECISIONS.md: %s is not a direct dependency", e))
		}
	}
	return bad
}

// directDependencies lists the modules that go.mod requires without "// indirect".
func directDependencies(goMod string) []string {
	var direct []string
	inBlock := false
	for line := range strings.Lines(goMod) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "require ("):
			inBlock = true
			continue
		case line == ")":
			inBlock = false
		}
		single, isSingle := strings.CutPrefix(line, "require ")
		if isSingle {
			line = single
		}
		if (inBlock || isSingle) && line != "" && !strings.HasSuffix(line, "// indirect") {
			direct = append(direct, strings.Fields(line)[0])
		}
	}
	return direct
}
