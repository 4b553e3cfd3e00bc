package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// rule is what one value may be: the union of its non-empty branches. The same rule
// checks a value, words the message and writes the JSON Schema.
type rule struct {
	words    []string // these strings
	text     *textRule
	number   *numberRule
	boolean  bool
	duration bool
	list     *listRule
	group    *shape // a group of keys
	model    bool   // one entry of models, whose keys depend on its type
	spec     bool   // a whole run spec, which decode checks
	secret   bool   // never quote the value: it may hold a password
}

type textRule struct {
	what    string         // "a column name"
	pattern *regexp.Regexp // also in the schema; nil: any text
	valid   func(string) string
}

// numberRule is an interval; min = max allows one number.
type numberRule struct {
	integer          bool
	min, max         float64
	openMin, openMax bool
}

type listRule struct {
	item       rule
	what       string // "column names"
	min, max   int
	unique     bool
	increasing bool
}

// shape is a group of keys, in the order of the contract.
type shape struct {
	keys     []key
	reserved []string // "not available yet"
}

// key is one key: def is its default as JSON value. Without def it is optional (null is
// the same as absent) unless required.
type key struct {
	name     string
	doc      string
	rule     rule
	def      any
	required bool
}

func (s *shape) find(name string) *key {
	for i := range s.keys {
		if s.keys[i].name == name {
			return &s.keys[i]
		}
	}
	return nil
}

// below is "; did you mean "folds.k"?" of a key that groups of the shape have, or "".
func (s *shape) below(name string) string {
	var found []string
	for _, k := range s.keys {
		if k.rule.group != nil && k.rule.group.find(name) != nil {
			found = append(found, strconv.Quote(k.name+"."+name))
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + orList(found) + "?"
}

func (s *shape) names() []string {
	names := make([]string, len(s.keys))
	for i, k := range s.keys {
		names[i] = k.name
	}
	return names
}

// maxText bounds every string of a spec.
const maxText = 4096

// maxExact is the largest integer that JSON readers with float64 numbers keep exactly.
const maxExact = 1 << 53

func integer(from, to float64) rule {
	return rule{number: &numberRule{integer: true, min: from, max: to}}
}

func words(w ...string) rule { return rule{words: w} }

func positive() *numberRule {
	return &numberRule{min: 0, openMin: true, max: math.MaxFloat64}
}

// allowed says in words what the rule accepts.
func (r rule) allowed() string {
	var parts []string
	parts = append(parts, r.words...)
	if r.text != nil {
		parts = append(parts, r.text.what)
	}
	if r.number != nil {
		parts = append(parts, r.number.allowed())
	}
	if r.boolean {
		parts = append(parts, "true or false")
	}
	if r.duration {
		parts = append(parts, `a duration above zero such as "90m"`)
	}
	if r.list != nil {
		parts = append(parts, r.list.allowed())
	}
	if r.group != nil {
		parts = append(parts, "a group of keys: "+strings.Join(r.group.names(), ", "))
	}
	if r.model {
		parts = append(parts, "a model such as {type: cox_ph}")
	}
	if r.spec {
		parts = append(parts, "a run spec")
	}
	return orList(parts)
}

func (l *listRule) allowed() string {
	s := "a list"
	switch {
	case l.min > 0 && l.max > 0:
		s = fmt.Sprintf("a list of %d to %d", l.min, l.max)
	case l.max > 0:
		s = fmt.Sprintf("a list of at most %d", l.max)
	}
	if l.increasing {
		s += " increasing"
	}
	return s + " " + l.what
}

func (r *numberRule) allowed() string {
	what := "a number"
	if r.integer {
		what = "an integer"
	}
	low, high := literal(r.min), literal(r.max)
	bounded := r.max < math.MaxFloat64
	switch {
	case r.min == r.max:
		return low
	case r.openMin && !bounded:
		return fmt.Sprintf("%s above %s", what, low)
	case !bounded:
		return fmt.Sprintf("%s of at least %s", what, low)
	case r.openMin && r.openMax:
		return fmt.Sprintf("%s above %s and below %s", what, low, high)
	case r.openMin:
		return fmt.Sprintf("%s above %s, at most %s", what, low, high)
	case r.openMax:
		return fmt.Sprintf("%s of at least %s, below %s", what, low, high)
	default:
		return fmt.Sprintf("%s from %s to %s", what, low, high)
	}
}

// literal is v as a person writes it. The float64 nearest to the largest uint64 is one
// above it, and means it.
func literal(v float64) string {
	if v == math.MaxUint64 {
		return strconv.FormatUint(math.MaxUint64, 10)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e19 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// holds says whether v is in the interval.
func (r *numberRule) holds(v float64) bool {
	if v < r.min || v > r.max {
		return false
	}
	return !(r.openMin && v == r.min) && !(r.openMax && v == r.max)
}
