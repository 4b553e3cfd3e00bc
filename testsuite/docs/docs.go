// Package docs reads everfold's Markdown pages for the tests beside it, which run every
// command that a page shows, look for every path that it names, and hold the compose file
// against the programs. A page that has gone stale fails a test.
//
// A fenced block that opens with ```sh is a list of commands, one a line; a line may go on
// with a backslash or a heredoc, and end in "# exit N" where N is the status to expect. In a
// ```console block the lines after "$ " are commands and the others what they print, which
// is not compared. A ```python block is one program. ```sh no-test: REASON is not run;
// docs/TESTING.md lists the reasons.
//
// A ```go block is a whole file: a program that ends with what it prints, as an example of
// a test does, or, without a main function, a file that the programs after it share.
//
// Non-goals: prose, and Markdown beyond fences, inline code and links.
package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Command is one command of a page.
type Command struct {
	Line int    // of the page, from 1
	Text string // may span lines
	Exit int    // the expected exit status
}

// Block is one fenced block of commands.
type Block struct {
	Page     string
	Line     int
	Untested string // why it is not run; empty: it is
	Commands []Command
}

var (
	expectedExit = regexp.MustCompile(`\s+# exit (\d+)\s*$`)
	heredoc      = regexp.MustCompile(`<<-?\s*'?([A-Z]+)'?`)
)

// fence is a fenced block of any language.
type fence struct {
	line int    // of the opening line, from 1
	info string // what stands after the backquotes
	body []string
}

// fences returns the fenced blocks of a page. One that never closes is an error.
func fences(page, text string) ([]fence, error) {
	var all []fence
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		info, isFence := strings.CutPrefix(strings.TrimSpace(lines[i]), "```")
		if !isFence {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.TrimSpace(lines[end]) != "```" {
			end++
		}
		if end == len(lines) {
			return nil, fmt.Errorf("%s:%d: the fence is never closed", page, i+1)
		}
		all = append(all, fence{line: i + 1, info: info, body: lines[i+1 : end]})
		i = end
	}
	return all, nil
}

// Blocks returns the command blocks of a page. A fence that never closes, and an empty
// reason, are errors.
func Blocks(page, text string) ([]Block, error) {
	all, err := fences(page, text)
	if err != nil {
		return nil, err
	}
	var blocks []Block
	for _, f := range all {
		block, ok, err := commandBlock(page, f.line, f.info, f.body)
		if err != nil {
			return nil, err
		}
		if ok {
			blocks = append(blocks, block)
		}
	}
	return blocks, nil
}

func commandBlock(page string, line int, info string, body []string) (Block, bool, error) {
	language, rest, _ := strings.Cut(info, " ")
	if language != "sh" && language != "console" && language != "python" {
		return Block{}, false, nil
	}
	b := Block{Page: page, Line: line}
	if rest = strings.TrimSpace(rest); rest != "" {
		reason, ok := strings.CutPrefix(rest, "no-test:")
		if b.Untested = strings.TrimSpace(reason); !ok || b.Untested == "" {
			return Block{}, false, fmt.Errorf("%s:%d: %q after the language: only \"no-test: REASON\" is known", page, line, rest)
		}
	}
	if language == "python" {
		text := "python3 - <<'EOF'\n" + strings.Join(body, "\n") + "\nEOF"
		b.Commands = []Command{{Line: line + 1, Text: text}}
		return b, true, nil
	}
	var err error
	b.Commands, err = commands(page, line+1, body, language == "console")
	return b, true, err
}

func commands(page string, first int, body []string, prompts bool) ([]Command, error) {
	var all []Command
	for i := 0; i < len(body); i++ {
		text := strings.TrimSpace(body[i])
		if prompts {
			command, ok := strings.CutPrefix(text, "$ ")
			if !ok {
				continue
			}
			text = command
		}
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		c := Command{Line: first + i}
		for strings.HasSuffix(text, "\\") && i+1 < len(body) {
			i++
			text += "\n" + body[i]
		}
		if m := expectedExit.FindStringSubmatch(text); m != nil {
			if _, err := fmt.Sscan(m[1], &c.Exit); err != nil {
				return nil, fmt.Errorf("%s:%d: exit status %q", page, c.Line, m[1])
			}
			text = expectedExit.ReplaceAllString(text, "")
		}
		if m := heredoc.FindStringSubmatch(text); m != nil {
			rest, ok := until(body[i+1:], m[1])
			if !ok {
				return nil, fmt.Errorf("%s:%d: the heredoc never ends in %s", page, c.Line, m[1])
			}
			i += len(rest)
			text += "\n" + strings.Join(rest, "\n")
		}
		c.Text = text
		all = append(all, c)
	}
	return all, nil
}

// until returns the lines up to and with the one that is end.
func until(lines []string, end string) ([]string, bool) {
	for i, l := range lines {
		if strings.TrimSpace(l) == end {
			return lines[:i+1], true
		}
	}
	return nil, false
}

// Script is a shell script that runs the block's commands in one shell, says each before it
// runs, and stops with status 1 at the first that exits otherwise than expected.
func (b Block) Script() string {
	var s strings.Builder
	s.WriteString("set -u\n")
	for _, c := range b.Commands {
		fmt.Fprintf(&s, "echo %s >&2\n%s\n", quote(fmt.Sprintf("+ %s:%d: %s", b.Page, c.Line, c.Text)), c.Text)
		fmt.Fprintf(&s, "status=$?; [ $status -eq %d ] || { echo \"%s:%d: exit status $status, the page says %d\" >&2; exit 1; }\n",
			c.Exit, b.Page, c.Line, c.Exit)
	}
	return s.String()
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
