package config

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// assign applies --set assignments to the tree, in order.
func assign(root *node, assignments []string) (*node, *Problem) {
	for _, a := range assignments {
		if root == nil || root.kind == nullNode {
			root = &node{kind: mapNode}
		}
		if p := assignOne(root, a); p != nil {
			return nil, p
		}
	}
	return root, nil
}

func assignOne(root *node, assignment string) *Problem {
	key, text, found := strings.Cut(assignment, "=")
	key = strings.TrimSpace(key)
	steps, err := parsePath(key)
	if !found || err != nil {
		return &Problem{Text: fmt.Sprintf("--set wants key=value with a key such as folds.k or models[0].alpha, not %q", shorten(key))}
	}
	value, p := yamlTree([]byte(text))
	if p != nil {
		return &Problem{Path: key, Text: p.Text + " (given by --set)"}
	}
	if value == nil {
		return &Problem{Path: key, Text: "no value (given by --set); write ~ to unset a key"}
	}
	markSet(value)
	if steps[0].name == "models" && root.get("models") == nil && len(steps) > 1 {
		root.put("models", fromValue(defaultModels()))
	}
	if reason := place(root, steps, value); reason != "" {
		return &Problem{Path: key, Text: reason + " (given by --set)"}
	}
	return nil
}

func markSet(n *node) {
	n.set, n.line = true, 0
	for _, item := range n.items {
		markSet(item)
	}
	for i := range n.fields {
		n.fields[i].line = 0
		markSet(n.fields[i].value)
	}
}

// step is one part of a key path: a name, or an index where name is "".
type step struct {
	name  string
	index int
}

// parsePath reads "models[1].ties" and "models.cox_ph.ties".
func parsePath(path string) ([]step, error) {
	var steps []step
	for _, part := range strings.Split(path, ".") {
		name, rest, _ := strings.Cut(part, "[")
		if name == "" || len(steps) > maxDepth {
			return nil, fmt.Errorf("bad key path")
		}
		steps = append(steps, step{name: name})
		if rest == "" && len(name) == len(part) {
			continue
		}
		for _, number := range strings.Split(strings.TrimSuffix(rest, "]"), "][") {
			index, err := strconv.ParseUint(number, 10, 16)
			if err != nil || !strings.HasSuffix(part, "]") {
				return nil, fmt.Errorf("bad index")
			}
			steps = append(steps, step{index: int(index)})
		}
	}
	return steps, nil
}

// place puts value where steps lead, making groups on the way. Keys that the spec does
// not have are left to the checker, which knows the near ones.
func place(n *node, steps []step, value *node) string {
	for i, s := range steps {
		last := i == len(steps)-1
		switch {
		case n.kind == nullNode:
			*n = node{kind: mapNode, line: n.line, set: true}
			fallthrough
		case n.kind == mapNode && s.name != "":
			if last {
				n.put(s.name, value)
				return ""
			}
			next := n.get(s.name)
			if next == nil {
				next = &node{kind: mapNode, set: true}
				n.put(s.name, next)
			}
			n = next
		case n.kind == listNode:
			index, reason := n.indexOf(s)
			if reason != "" {
				return reason
			}
			if last {
				n.items[index] = value
				return ""
			}
			n = n.items[index]
		default:
			return "leads into " + n.class() + ", not into a group of keys"
		}
	}
	return ""
}

// indexOf finds an entry by index, or by its name or type.
func (n *node) indexOf(s step) (int, string) {
	if s.name == "" {
		if s.index >= len(n.items) {
			return 0, fmt.Sprintf("index %d; there are %d entries", s.index, len(n.items))
		}
		return s.index, ""
	}
	var names []string
	for i, item := range n.items {
		name := typeOf(item)
		if given := item.get("name"); given != nil {
			name = given.text
		}
		if name == s.name {
			return i, ""
		}
		names = append(names, name)
	}
	return 0, fmt.Sprintf("no entry named %q; there are: %s", shorten(s.name), strings.Join(names, ", "))
}

// find is the node that a key path leads to, or the nearest one above it; nil where that
// is the whole document, whose line would mislead.
func (n *node) find(path string) *node {
	steps, err := parsePath(path)
	if err != nil {
		return nil
	}
	var found *node
	for _, s := range steps {
		next := n.get(s.name)
		if s.name == "" && s.index < len(n.items) {
			next = n.items[s.index]
		}
		if next == nil {
			return found
		}
		n, found = next, next
	}
	return found
}

// fromValue is the tree of a default, marked as set: it has no line.
func fromValue(v any) *node {
	n := &node{set: true}
	switch t := v.(type) {
	case string:
		n.kind, n.text = textNode, t
	case bool:
		n.kind, n.truth = boolNode, t
	case float64:
		n.kind, n.text = numberNode, strconv.FormatFloat(t, 'g', -1, 64)
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case []any:
		n.kind = listNode
		for _, item := range t {
			n.items = append(n.items, fromValue(item))
		}
	case map[string]any:
		n.kind = mapNode
		for _, key := range sortedKeys(t) {
			n.put(key, fromValue(t[key]))
		}
	}
	return n
}
