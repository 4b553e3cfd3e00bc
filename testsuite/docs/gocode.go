package docs

import (
	"fmt"
	"strings"
)

// Program is one ```go block of a page, and the files that it shares with others.
type Program struct {
	Page   string
	Line   int      // of its first line
	Files  []string // its own last
	Output string   // what it says that it prints
}

const outputMark = "// Output:\n"

// Programs returns the programs of a page. One that does not say what it prints is an error.
func Programs(page, text string) ([]Program, error) {
	all, err := fences(page, text)
	if err != nil {
		return nil, err
	}
	var programs []Program
	var shared []string
	for _, f := range all {
		if f.info != "go" {
			continue
		}
		code := strings.Join(f.body, "\n") + "\n"
		if !strings.Contains(code, "func main()") {
			shared = append(shared, code)
			continue
		}
		_, comment, ok := strings.Cut(code, outputMark)
		if !ok {
			return nil, fmt.Errorf("%s:%d: the program does not end with %q", page, f.line, strings.TrimSpace(outputMark))
		}
		p := Program{Page: page, Line: f.line + 1, Output: uncomment(comment)}
		p.Files = append(append(p.Files, shared...), code)
		programs = append(programs, p)
	}
	return programs, nil
}

// uncomment takes the comment marks off.
func uncomment(comment string) string {
	var text strings.Builder
	for line := range strings.Lines(comment) {
		text.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "//"), " "))
	}
	return text.String()
}
