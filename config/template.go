package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // so that a time zone means the same where the machine has no database of them
)

// period is a variable of a run template: the period of that length which a time is in.
// All have a fixed width and sort by time.
type period struct {
	name    string
	digits  string // what it can be, as a regular expression
	example string
	of      func(time.Time) string
}

func layout(l string) func(time.Time) string { return func(t time.Time) string { return t.Format(l) } }

var periods = []period{
	{"date", `\d{4}-\d{2}-\d{2}`, "2026-11-28", layout("2006-01-02")},
	{"datetime", `\d{4}-\d{2}-\d{2}-\d{6}`, "2026-11-28-013000", layout("2006-01-02-150405")},
	{"hour", `\d{4}-\d{2}-\d{2}-\d{2}`, "2026-11-28-01", layout("2006-01-02-15")},
	{"week", `\d{4}-w\d{2}`, "2026-w48", isoWeek},
	{"month", `\d{4}-\d{2}`, "2026-11", layout("2006-01")},
	{"quarter", `\d{4}-q\d`, "2026-q4", func(t time.Time) string {
		return fmt.Sprintf("%04d-q%d", t.Year(), (int(t.Month())+2)/3)
	}},
	{"year", `\d{4}`, "2026", layout("2006")},
}

// isoWeek has the year that the week belongs to, which differs around New Year.
func isoWeek(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%04d-w%02d", year, week)
}

var variable = regexp.MustCompile(`\{[^{}]*\}`)

// Template is a run name with variables, such as churn-{date}, for runs that a schedule
// starts. Its names sort by time.
type Template string

// Variables lists the variables that a template may have, each with an example.
func Variables() (names, examples []string) {
	for _, p := range periods {
		names, examples = append(names, "{"+p.name+"}"), append(examples, p.example)
	}
	return names, examples
}

// Expand is the name of the run that is due at a time, in that time's zone.
func (t Template) Expand(at time.Time) string {
	return t.replace(func(p period) string { return p.of(at) })
}

// Stem is the template without its variables, such as churn.
func (t Template) Stem() string {
	return strings.Trim(t.replace(func(period) string { return "" }), "-_.")
}

// Names matches the names that the template can give, and no others.
func (t Template) Names() *regexp.Regexp {
	pattern := regexp.QuoteMeta(string(t))
	for _, p := range periods {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta("{"+p.name+"}"), p.digits)
	}
	return regexp.MustCompile("^" + pattern + "$")
}

func (t Template) replace(with func(period) string) string {
	return variable.ReplaceAllStringFunc(string(t), func(word string) string {
		if p, ok := periodOf(word); ok {
			return with(p)
		}
		return word
	})
}

func periodOf(word string) (period, bool) {
	i := slices.IndexFunc(periods, func(p period) bool { return "{"+p.name+"}" == word })
	if i < 0 {
		return period{}, false
	}
	return periods[i], true
}

// checkTemplate says what is wrong with a template, or "".
func checkTemplate(s string) string {
	names, _ := Variables()
	found := variable.FindAllString(s, -1)
	for _, word := range found {
		if _, ok := periodOf(word); !ok {
			return fmt.Sprintf("unknown variable %s%s; allowed: %s", shorten(word), didYouMean(word, names), strings.Join(names, ", "))
		}
	}
	if len(found) == 0 {
		return fmt.Sprintf("%q has no variable, so every start would be of the same run; allowed: %s", shorten(s), strings.Join(names, ", "))
	}
	example := Template(s).Expand(time.Date(2026, 11, 28, 1, 30, 0, 0, time.UTC))
	if !runName.MatchString(example) {
		return fmt.Sprintf("gives names such as %q; want names matching %s", shorten(example), runName)
	}
	return ""
}

// checkTimezone says what is wrong with the name of a time zone, or "". "Local" would mean
// another zone on every machine.
func checkTimezone(s string) string {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return fmt.Sprintf("%q is no time zone; want a name such as Europe/Berlin or UTC", shorten(s))
	}
	return ""
}
