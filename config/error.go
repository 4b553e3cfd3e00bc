package config

import (
	"fmt"
	"sort"
	"strings"
)

// maxReported is how many problems an Error spells out; the rest is counted.
const maxReported = 50

// Problem is one thing that is wrong with a spec.
type Problem struct {
	Path string // key path such as models[1].ties; "" is the whole document
	Line int    // 1-based; 0 where there is none (a default, --set, single-line JSON)
	Text string // what is wrong and what is allowed
}

// String is "line 3: folds.k: …", without the parts that are unknown.
func (p Problem) String() string {
	s := p.Text
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Error is everything found wrong with one spec, in the order of the document. It never
// quotes a URI or a notification target, since those may hold passwords.
type Error struct {
	File     string // "" where the spec is not a file
	Problems []Problem
}

// Error is one line for one problem, else a heading and one line per problem.
func (e *Error) Error() string {
	prefix := "run spec"
	if e.File != "" {
		prefix = e.File
	}
	if len(e.Problems) == 1 {
		return prefix + ": " + e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems", prefix, len(e.Problems))
	for i, p := range e.Problems {
		if i == maxReported {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-maxReported)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// problems collects what is found while checking.
type problems struct {
	list []Problem
}

func (p *problems) add(path string, n *node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	line := 0
	if n != nil {
		line = n.line
		if n.set {
			text += " (given by --set)"
		}
	}
	p.list = append(p.list, Problem{Path: path, Line: line, Text: text})
}

// err is nil without problems: a typed nil must not escape as an error.
func (p *problems) err(file string) error {
	if len(p.list) == 0 {
		return nil
	}
	sort.SliceStable(p.list, func(i, j int) bool { return p.list[i].Line < p.list[j].Line })
	return &Error{File: file, Problems: p.list}
}

// orList is "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Nearest is the word closest to got, or "" where none is near: about one edit per three
// letters, transpositions counting one (Damerau–Levenshtein, restricted).
func Nearest(got string, words []string) string {
	const longest = 64 // far beyond any key; keeps hostile input cheap
	if len(got) > longest {
		return ""
	}
	best, bestDistance := "", longest
	for _, w := range words {
		near := max(1, (max(len(got), len(w))+1)/3)
		if d := editDistance(strings.ToLower(got), w); d <= near && d < bestDistance {
			best, bestDistance = w, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	before, previous := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous = previous, row
	}
	return previous[len(b)]
}

// didYouMean is "; did you mean …?" or "".
func didYouMean(got string, words []string) string {
	if w := Nearest(got, words); w != "" {
		return fmt.Sprintf("; did you mean %q?", w)
	}
	return ""
}
