// Command agreement writes the README's table of agreement: every model and metric, the
// reference it is compared with, and the largest deviation found. It runs the tests that
// compare with stored reference values (survival/oracle) and needs neither R nor Python.
//
// Each of these tests checks its own lines of the table whenever it runs.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const (
	page   = "README.md"
	begin  = "<!-- agreement: written by make agreement -->\n"
	end    = "<!-- /agreement -->\n"
	header = "| model or metric | reference | compared | largest deviation |\n|---|---|---|---|\n"
	// oracles is the package that all tests against reference values import.
	oracles = "everfold/survival/oracle"
	// tests are the names of tests that compare with reference values.
	tests = "Equal|ScoresAs|Reproduces"
)

func main() {
	if err := run(); err != nil {
		slog.Error("agreement", "error", err)
		os.Exit(1)
	}
}

func run() error {
	packages, err := comparing()
	if err != nil {
		return err
	}
	args := append([]string{"test", "-count", "1", "-json", "-run", tests}, packages...)
	output, failed := exec.Command("go", append(args, "-agreement")...).Output()
	lines, err := table(output)
	if err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), failed)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	text, err = replace(text, lines)
	if err != nil {
		return err
	}
	return os.WriteFile(page, text, 0o644)
}

// comparing lists the packages whose tests compare with reference values.
func comparing() ([]string, error) {
	const format = `{{range .TestImports}}{{if eq . "` + oracles + `"}}{{$.ImportPath}}{{"\n"}}{{end}}{{end}}` +
		`{{range .XTestImports}}{{if eq . "` + oracles + `"}}{{$.ImportPath}}{{"\n"}}{{end}}{{end}}`
	output, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	packages := strings.Fields(string(output))
	slices.Sort(packages)
	return slices.Compact(packages), nil
}

// event is what `go test -json` writes a line of.
type event struct{ Package, Test, Output string }

// table collects the lines that tests print, by package, test and order of Agree; a test
// prints its lines last to first, as it cleans up.
func table(output []byte) ([]string, error) {
	byTest := map[event][]string{}
	var order []event
	scanner := bufio.NewScanner(bytes.NewReader(output))
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("output of go test -json: %w", err)
		}
		_, line, found := strings.Cut(e.Output, "agreement: ")
		if !found {
			continue
		}
		key := event{Package: e.Package, Test: e.Test}
		if byTest[key] == nil {
			order = append(order, key)
		}
		byTest[key] = append(byTest[key], strings.TrimSpace(line))
	}
	slices.SortStableFunc(order, func(a, b event) int { return strings.Compare(a.Package, b.Package) })
	var lines []string
	for _, key := range order {
		slices.Reverse(byTest[key])
		lines = append(lines, byTest[key]...)
	}
	return lines, scanner.Err()
}

var errMarkers = errors.New(page + " lacks the markers of the table")

// replace puts the lines between the markers.
func replace(text []byte, lines []string) ([]byte, error) {
	before, rest, found := bytes.Cut(text, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return nil, errMarkers
	}
	inner := begin + header + strings.Join(lines, "\n") + "\n" + end
	return slices.Concat(before, []byte(inner), after), nil
}
