package dataset

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What Schema.ZeroTime and Schema.Impute may say. Other values of Impute mean nothing here.
const (
	ZeroError   = "error"    // a time of zero refuses the table; also ""
	ZeroDrop    = "drop"     // rows with a time of zero are dropped
	ZeroReplace = "replace"  // a time of zero becomes Schema.ZeroValue
	DropRow     = "drop-row" // rows with a missing covariate are dropped
	RefuseGaps  = "error"    // a missing covariate refuses the table
)

// Schema says what the columns of a file mean. Empty names mean "none".
type Schema struct {
	ID     string // row numbers where empty; without Group ids must differ
	Time   string // required: > 0, finite
	Event  string // required: 0/1 or true/false
	Entry  string // finite, before the time
	Weight string // > 0, finite
	Group  string // any text; rows of one group belong together. May be the id column

	Numeric     []string // nil: every other column of numbers
	Categorical []string // nil: every other column of text
	Ignore      []string

	ZeroTime  string  // ZeroError, ZeroDrop or ZeroReplace
	ZeroValue float64 // > 0, finite; with ZeroReplace
	Impute    string  // DropRow and RefuseGaps act here, all else is for preprocess

	unnamed bool // for messages: no run spec names these columns
}

// role is what a column of the file is used for.
type role string

const (
	roleID          role = "id"
	roleTime        role = "time"
	roleEvent       role = "event"
	roleEntry       role = "entry"
	roleWeight      role = "weight"
	roleGroup       role = "group"
	roleNumeric     role = "numeric"     // declared
	roleCategorical role = "categorical" // declared
	roleIgnored     role = "ignored"
	roleInferred    role = "inferred"   // the cells tell the kind
	roleUnlisted    role = "not listed" // both kinds are listed, this column in neither
)

// checkSchema panics on what the caller could have known.
func (s Schema) check() {
	if s.Time == "" || s.Event == "" {
		panic("dataset: Schema.Time and Schema.Event are required")
	}
	switch s.ZeroTime {
	case "", ZeroError, ZeroDrop:
	case ZeroReplace:
		if !(s.ZeroValue > 0) || s.ZeroValue > maxFinite {
			panic("dataset: Schema.ZeroValue must be positive and finite")
		}
	default:
		panic(fmt.Sprintf("dataset: Schema.ZeroTime %q; allowed: error, drop, replace", s.ZeroTime))
	}
}

const maxFinite = 1.79769313486231570814527423731704356798070e+308

// named is one use that the schema makes of a name.
type named struct {
	role role
	key  string // of the run spec, for messages; "": not by one
	name string
}

func (s Schema) uses() []named {
	uses := []named{{roleID, "data.id", s.ID}, {roleTime, "data.time", s.Time}, {roleEvent, "data.event", s.Event},
		{roleEntry, "data.entry", s.Entry}, {roleWeight, "data.weight", s.Weight}, {roleGroup, "data.group", s.Group}}
	uses = slices.DeleteFunc(uses, func(u named) bool { return u.name == "" })
	for _, name := range s.Numeric {
		uses = append(uses, named{roleNumeric, "data.numeric", name})
	}
	for _, name := range s.Categorical {
		uses = append(uses, named{roleCategorical, "data.categorical", name})
	}
	for _, name := range s.Ignore {
		uses = append(uses, named{roleIgnored, "data.ignore", name})
	}
	if s.unnamed {
		for i := range uses {
			uses[i].key = ""
		}
	}
	return uses
}

// roles tells for every column of the header what it is used for; a column that is both
// id and group has two roles.
func (s Schema) roles(header []string) ([][]role, error) {
	at := make(map[string]int, len(header))
	for j, name := range header {
		if first, ok := at[name]; ok {
			return nil, invalid(name, fmt.Sprintf("is the name of columns %d and %d", first+1, j+1), "different names")
		}
		at[name] = j
	}
	uses := s.uses()
	if refused := unknownColumns(uses, at, header); refused != nil {
		return nil, refused
	}
	roles, keys := make([][]role, len(header)), make([]string, len(header))
	for _, u := range uses {
		j := at[u.name]
		idAndGroup := u.role == roleGroup && len(roles[j]) == 1 && roles[j][0] == roleID
		if len(roles[j]) > 0 && !idAndGroup {
			return nil, invalid(u.name, fmt.Sprintf("is named by %s and by %s", keys[j], u.key), "one use a column")
		}
		roles[j], keys[j] = append(roles[j], u.role), u.key
	}
	rest := roleInferred
	if s.Numeric != nil && s.Categorical != nil {
		rest = roleUnlisted
	}
	for j := range roles {
		if roles[j] == nil {
			roles[j] = []role{rest}
		}
	}
	return roles, nil
}

// unknownColumns refuses names that the header lacks, all at once; nil where there are none.
func unknownColumns(uses []named, at map[string]int, header []string) *InvalidError {
	var unknown []named
	var others []string
	for _, u := range uses {
		if _, ok := at[u.name]; !ok {
			if unknown = append(unknown, u); len(unknown) > 1 {
				others = append(others, u.name)
			}
		}
	}
	if unknown == nil {
		return nil
	}
	refused := unknownColumn(unknown[0], header)
	if others != nil {
		refused.Problem += fmt.Sprintf(" (nor %s)", quoteAll(others))
	}
	return refused
}

func unknownColumn(u named, header []string) *InvalidError {
	allowed := fmt.Sprintf("one of the %d columns of the header line", len(header))
	if near := nearMatches(u.name, header); len(near) > 0 {
		allowed = fmt.Sprintf("a column of the file; near: %q", near)
	}
	why := "is needed"
	if u.key != "" {
		why = "is named by " + u.key
	}
	return invalid(u.name, why+", but the file has no such column", allowed)
}

// checkHeader copies the names out of the record read last.
func checkHeader(lines *records) ([]string, error) {
	header := make([]string, lines.width)
	for j := range header {
		cell := lines.cell(0, j)
		header[j] = string(cell)
		switch {
		case !utf8.Valid(cell):
			return nil, invalid("", fmt.Sprintf("the name of column %d is not valid UTF-8", j+1), "text in UTF-8")
		case strings.ContainsRune(header[j], '\r'):
			return nil, invalid("", "the header line holds a lone carriage return", "lines that end in LF or CRLF")
		case strings.TrimSpace(header[j]) == "":
			return nil, invalid("", fmt.Sprintf("column %d has no name", j+1), "a header line that names every column")
		}
	}
	if len(header) == 1 && strings.ContainsAny(header[0], ";\t|") {
		return nil, invalid("", "the header line has no comma", "cells separated by commas, not by semicolons, tabs or bars")
	}
	return header, nil
}
