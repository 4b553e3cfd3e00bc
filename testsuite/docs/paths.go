package docs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Mention is a path that a page names, or a link that it has.
type Mention struct {
	Line int
	Path string // from the repository root
}

var (
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pathLike   = regexp.MustCompile(`^\.?[A-Za-z0-9_-][A-Za-z0-9_.*-]*(/[A-Za-z0-9_.*-]+)*/?$`)
	rootFile   = regexp.MustCompile(`^(Makefile|Dockerfile|[A-Za-z-]+\.(md|mod|sum|yml))$`)
	position   = regexp.MustCompile(`:\d+$`)
)

// built is what `make build` adds to a checkout.
var built = []string{"bin/starter", "bin/worker", "bin/temporal", "bin"}

// ofARun are paths of a run's output tree whose first element is at the repository's root, too.
var ofARun = []string{"report/index.html"}

// Mentions returns the repository paths in a page's inline code, outside fences, and the
// targets of its relative links. Code counts as a path where its first element is in top,
// the names at the repository's root, so that paths of a run's output tree do not.
func Mentions(page, text string, top []string) []Mention {
	var all []Mention
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
			if p, ok := repositoryPath(m[1], top); ok {
				all = append(all, Mention{Line: i + 1, Path: p})
			}
		}
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target != "" && !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
				all = append(all, Mention{Line: i + 1, Path: path.Join(path.Dir(page), target)})
			}
		}
	}
	return all
}

func repositoryPath(code string, top []string) (string, bool) {
	p := position.ReplaceAllString(code, "")
	if !pathLike.MatchString(p) {
		return "", false
	}
	first, _, deep := strings.Cut(p, "/")
	if (deep && slices.Contains(top, first)) || (!deep && rootFile.MatchString(p)) {
		return strings.TrimSuffix(p, "/"), true
	}
	return "", false
}

// Exists reports whether the repository has the path, which may hold wildcards.
func Exists(repository fs.FS, p string) bool {
	if slices.Contains(built, p) || slices.Contains(ofARun, p) {
		return true
	}
	found, err := fs.Glob(repository, p)
	return err == nil && len(found) > 0
}
