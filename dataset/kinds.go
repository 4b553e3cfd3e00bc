package dataset

import (
	"fmt"
	"strings"

	"everfold/survival"
)

// An inferred categorical column may have at most inferredLevels levels, and more than
// fewLevels only where they are at most maxDistinct of its cells.
const (
	inferredLevels = 100
	fewLevels      = 20
	maxDistinct    = 0.05
)

// settleKinds decides the kind of every inferred feature. It gives the features that are
// used, and warnings about those that are not.
func (c *collector) settleKinds() ([]*feature, []survival.Warning, error) {
	if err := c.refuseUnclear(); err != nil {
		return nil, nil, err
	}
	var used []*feature
	var warnings []survival.Warning
	for _, f := range c.features {
		f.settle()
		list, kind := c.schema.Numeric, "numeric"
		if f.levels != nil {
			list, kind = c.schema.Categorical, "categorical"
		}
		if !f.declared && list != nil {
			warnings = append(warnings, survival.Warning{Category: "data",
				Message: fmt.Sprintf("column %q is not used: it is %s, but not listed in data.%s", f.name, kind, kind)})
			continue
		}
		if f.gaps() == c.rows {
			warnings = append(warnings, survival.Warning{Category: "data",
				Message: fmt.Sprintf("column %q has no observed cell", f.name)})
		}
		used = append(used, f)
	}
	if len(used) == 0 {
		warnings = append(warnings, survival.Warning{Category: "data", Message: "no column is left as a covariate: no model can tell rows apart"})
	}
	return used, warnings, nil
}

// refuseUnclear refuses features whose kind has to be said, all of one problem at once.
func (c *collector) refuseUnclear() error {
	const name = "list it in data.ignore, or list all categorical columns, it among them, in data.categorical"
	for _, problem := range []struct {
		text, allowed string
		row           func(*feature) int // −2: not so; −1: so, in no particular row
	}{
		{"holds both numbers and text", "one kind, with missing cells empty, NA, NaN or null; " + name, mixedRow},
		{"holds dates", "numbers such as days since a fixed day; " + name, c.dates},
		{fmt.Sprintf("holds text with more than %d levels, or more than %d that are over %g %% of its cells",
			inferredLevels, fewLevels, 100*maxDistinct), name, c.distinct},
		{"has too many levels", fmt.Sprintf("at most %d", c.limits.Levels), overLimit},
	} {
		var names []string
		first := -1
		for _, f := range c.features {
			row := problem.row(f)
			if row < -1 {
				continue
			}
			if names == nil {
				first = row
			}
			names = append(names, f.name)
		}
		if names == nil {
			continue
		}
		refused := invalidRow(first, names[0], problem.text, problem.allowed)
		if len(names) > 1 {
			refused.Problem += fmt.Sprintf(" (so do %s)", quoteAll(names[1:]))
		}
		return refused
	}
	return nil
}

func mixedRow(f *feature) int {
	if f.inferred == nil || f.inferred.mixed < 0 {
		return -2
	}
	return f.inferred.mixed
}

// inferredText is the text collected of an inferred feature that would be used, or nil.
func (c *collector) inferredText(f *feature) *levels {
	if f.inferred == nil || c.schema.Categorical != nil {
		return nil
	}
	return f.inferred.levels
}

func (c *collector) dates(f *feature) int {
	if l := c.inferredText(f); l == nil || !l.dates {
		return -2
	}
	return -1
}

func (c *collector) distinct(f *feature) int {
	l := c.inferredText(f)
	if l == nil {
		return -2
	}
	observed := float64(len(l.codes) - l.gaps)
	if n := len(l.names); l.over || n > fewLevels && float64(n) > maxDistinct*observed {
		return -1
	}
	return -2
}

func overLimit(f *feature) int {
	if f.levels == nil || !f.levels.over {
		return -2
	}
	return -1
}

// quoteAll lists names, at most five of them.
func quoteAll(names []string) string {
	const most = 5
	var b strings.Builder
	for k, name := range names[:min(len(names), most)] {
		if k > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	if len(names) > most {
		fmt.Fprintf(&b, " and %d more", len(names)-most)
	}
	return b.String()
}
