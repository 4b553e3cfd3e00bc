package oracle

import (
	"bufio"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Line is a line of the README's table of agreement.
type Line struct {
	Subject   string  // the model or metric of ours
	Reference string  // what it is compared with
	Quantity  string  // what is compared, and in which unit
	Tolerance float64 // the largest deviation allowed, in that unit
}

// cells are the columns that identify the line.
func (l Line) cells() string {
	return "| " + l.Subject + " | " + l.Reference + " | " + l.Quantity + " |"
}

// Agreement compares numbers with a reference and keeps the largest deviation.
type Agreement struct {
	t     testing.TB
	line  Line
	worst float64
	count int
}

var measuring = flag.Bool("agreement", false, "print the table of agreement instead of comparing with the README's")

// Agree begins a line. At the end of the test its largest deviation must not be more than
// the README states (twice that, for the last bits of another processor); `make agreement`
// writes it there.
func Agree(t testing.TB, line Line) *Agreement {
	t.Helper()
	a := &Agreement{t: t, line: line}
	t.Cleanup(a.finish)
	return a
}

// Near is an error of the test unless got is within the tolerance, in units of scale, of want.
func (a *Agreement) Near(what string, got, want, scale float64) {
	a.t.Helper()
	a.count++
	deviation := math.Abs(got - want)
	if scale != 1 && deviation > 0 {
		deviation /= scale
	}
	if !(deviation <= a.line.Tolerance) {
		a.t.Errorf("%s: %s is %.15g, want %.15g within %.1g", a.line.Subject, what, got, want, a.line.Tolerance*scale)
	}
	a.worst = math.Max(a.worst, deviation)
}

// NearAll is Near for every element, at scale 1; the lengths must be equal.
func (a *Agreement) NearAll(what string, got, want []float64) {
	a.t.Helper()
	if len(got) != len(want) {
		a.t.Errorf("%s: %s has %d values, want %d", a.line.Subject, what, len(got), len(want))
		return
	}
	for i := range got {
		a.Near(what, got[i], want[i], 1)
	}
}

func (a *Agreement) finish() {
	if a.count == 0 {
		a.t.Errorf("%s: nothing was compared with %s", a.line.Subject, a.line.Reference)
		return
	}
	reached := RoundUp(a.worst)
	if *measuring {
		a.t.Logf("agreement: %s %s |", a.line.cells(), reached)
		return
	}
	stated, err := a.line.stated()
	if err != nil {
		a.t.Error(err)
		return
	}
	if a.worst > 2*stated {
		a.t.Errorf("README states %g for %s where %s was reached: run `make agreement`", stated, a.line.cells(), reached)
	}
}

// stated is what the README says of a line.
func (l Line) stated() (float64, error) {
	root, err := repository()
	if err != nil {
		return 0, err
	}
	f, err := os.Open(filepath.Join(root, "README.md"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), l.cells()); found {
			return strconv.ParseFloat(strings.Trim(rest, " |"), 64)
		}
	}
	return 0, fmt.Errorf("README.md has no line %s: run `make agreement`", l.cells())
}

// repository is the nearest folder above the test with a go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", fmt.Errorf("no go.mod above the test")
		}
		dir = above
	}
}

// RoundUp writes a deviation with one significant digit, never less than it is.
func RoundUp(v float64) string {
	if v == 0 {
		return "0"
	}
	text := strconv.FormatFloat(v, 'e', 0, 64)
	if rounded, _ := strconv.ParseFloat(text, 64); rounded < v {
		power := math.Pow(10, math.Floor(math.Log10(v)))
		text = strconv.FormatFloat(rounded+power, 'e', 0, 64)
	}
	return strings.Replace(text, "e-0", "e-", 1)
}
