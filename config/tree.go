package config

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Bounds on any input, checked before or while the tree is built: a spec comes from
// outside, and YAML aliases can unfold to any size.
const (
	maxBytes = 4 << 20
	maxNodes = 200_000
	maxDepth = 32
)

type nodeKind int

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	textNode
	listNode
	mapNode
)

// node is the common form of YAML and JSON before anything is checked, with positions.
type node struct {
	kind   nodeKind
	line   int
	set    bool   // came from --set
	text   string // textNode: the string; numberNode: a literal that strconv reads
	truth  bool
	items  []*node
	fields []field
}

type field struct {
	key   string
	line  int
	value *node
}

func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i := range n.fields {
		if n.fields[i].key == key {
			return n.fields[i].value
		}
	}
	return nil
}

func (n *node) put(key string, value *node) {
	for i := range n.fields {
		if n.fields[i].key == key {
			n.fields[i].value = value
			return
		}
	}
	n.fields = append(n.fields, field{key: key, line: value.line, value: value})
}

// describe names the value as it was written, shortened.
func (n *node) describe() string {
	switch n.kind {
	case nullNode:
		return "nothing (null)"
	case boolNode:
		return strconv.FormatBool(n.truth)
	case numberNode:
		return "the number " + shorten(n.text)
	case textNode:
		return strconv.Quote(shorten(n.text))
	case listNode:
		return "a list"
	default:
		return "a group of keys"
	}
}

// class names the kind of value without the value.
func (n *node) class() string {
	switch n.kind {
	case numberNode:
		return "a number"
	case textNode:
		return "text"
	default:
		return n.describe()
	}
}

func shorten(s string) string {
	const longest = 60
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	return string([]rune(s)[:longest]) + "…"
}

// grower counts nodes and depth while a tree is built.
type grower struct {
	nodes int
}

func (g *grower) enter(line, depth int) *Problem {
	g.nodes++
	switch {
	case g.nodes > maxNodes:
		return &Problem{Line: line, Text: fmt.Sprintf("the spec unfolds to more than %d values", maxNodes)}
	case depth > maxDepth:
		return &Problem{Line: line, Text: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
	}
	return nil
}

// checkInput is what holds for every input before it is parsed.
func checkInput(data []byte) *Problem {
	if len(data) > maxBytes {
		return &Problem{Text: fmt.Sprintf("%d bytes; a spec has at most %d", len(data), maxBytes)}
	}
	if !utf8.Valid(data) {
		return &Problem{Text: "not valid UTF-8 text"}
	}
	return nil
}

// duplicate reports the first key given twice in one map.
func duplicate(fields []field) *Problem {
	seen := make(map[string]int, len(fields))
	for _, f := range fields {
		if first, ok := seen[f.key]; ok {
			text := fmt.Sprintf("key %q is given twice", shorten(f.key))
			if first > 0 && first != f.line {
				text += fmt.Sprintf("; first in line %d", first)
			}
			return &Problem{Line: f.line, Text: text}
		}
		seen[f.key] = f.line
	}
	return nil
}
