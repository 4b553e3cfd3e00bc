package config

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker turns a tree into plain JSON values with every default filled in, and
// collects everything that the rules refuse.
type checker struct {
	problems
}

// group checks the keys of one shape; n nil is an absent group, all defaults.
func (c *checker) group(path string, n *node, s *shape) map[string]any {
	out := map[string]any{}
	if n != nil {
		c.unknown(path, n, s)
	}
	for i := range s.keys {
		k := &s.keys[i]
		v, ok := c.key(join(path, k.name), n, k)
		if ok {
			out[k.name] = v
		}
	}
	return out
}

func (c *checker) key(path string, parent *node, k *key) (any, bool) {
	n := parent.get(k.name)
	optional := k.def == nil && !k.required && k.rule.group == nil
	switch {
	case n == nil && k.required:
		c.add(path, parent, "missing; give %s", k.rule.allowed())
		return nil, false
	case n == nil && k.rule.group != nil:
		return c.group(path, nil, k.rule.group), true
	case n == nil && k.def != nil:
		return k.def, true
	case n == nil, n.kind == nullNode && optional:
		return nil, false
	}
	return c.value(path, n, k.rule)
}

func (c *checker) unknown(path string, n *node, s *shape) {
	for _, f := range n.fields {
		if s.find(f.key) != nil {
			continue
		}
		at := &node{line: f.line, set: f.value.set}
		full := join(path, shorten(f.key))
		if slices.Contains(s.reserved, f.key) {
			c.add(full, at, "not available yet")
			continue
		}
		hint := s.below(f.key)
		if hint == "" {
			hint = didYouMean(f.key, s.names())
		}
		if hint == "" {
			hint = "; allowed: " + strings.Join(s.names(), ", ")
		}
		c.add(full, at, "unknown key%s", hint)
	}
}

// value checks one value against the branch of the rule that its kind selects.
func (c *checker) value(path string, n *node, r rule) (any, bool) {
	before := len(c.list)
	var out any
	switch {
	case n.kind == textNode && (r.words != nil || r.text != nil || r.duration):
		out = c.text(path, n, r)
	case n.kind == numberNode && r.number != nil:
		out = c.number(path, n, r)
	case n.kind == boolNode && r.boolean:
		out = n.truth
	case n.kind == listNode && r.list != nil:
		out = c.items(path, n, r)
	case n.kind == mapNode && r.group != nil:
		out = c.group(path, n, r.group)
	case n.kind == mapNode && r.model:
		out = c.model(path, n)
	case n.kind == mapNode && r.spec:
	default:
		c.wrong(path, n, r)
	}
	return out, len(c.list) == before
}

// wrong reports a value of the wrong type, and quotes for text that YAML read otherwise.
func (c *checker) wrong(path string, n *node, r rule) {
	got := n.describe()
	if r.secret {
		got = n.class()
	}
	hint := ""
	if r.text != nil && (n.kind == numberNode || n.kind == boolNode) {
		hint = "; put text in quotes"
	}
	c.add(path, n, "%s is not allowed; want %s%s", got, r.allowed(), hint)
}

func (c *checker) text(path string, n *node, r rule) any {
	s := n.text
	switch {
	case slices.Contains(r.words, s):
		return s
	case r.duration:
		if d, err := time.ParseDuration(s); err == nil && d > 0 && durationForm.MatchString(s) {
			return Duration(d).String()
		}
	case r.text != nil:
		return c.freeText(path, n, r)
	}
	c.add(path, n, "%s is not allowed; want %s%s", n.describe(), r.allowed(), didYouMean(s, r.words))
	return nil
}

func (c *checker) freeText(path string, n *node, r rule) any {
	t := r.text
	switch {
	case n.text == "":
		c.add(path, n, "empty; want %s", r.allowed())
	case len(n.text) > maxText:
		c.add(path, n, "%d bytes long; at most %d are allowed", len(n.text), maxText)
	case t.pattern != nil && !t.pattern.MatchString(n.text):
		got := n.describe()
		if r.secret {
			got = "this value"
		}
		c.add(path, n, "%s is not allowed; want %s", got, r.allowed())
	case t.valid != nil:
		if text := t.valid(n.text); text != "" {
			c.add(path, n, "%s", text)
		}
	}
	return n.text
}

// number keeps integers as literals, so that a 64-bit seed loses no digit.
func (c *checker) number(path string, n *node, r rule) any {
	v, err := strconv.ParseFloat(n.text, 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		c.add(path, n, "%s is not a finite number; want %s", shorten(n.text), r.allowed())
		return nil
	case !r.number.holds(v), r.number.integer && v != math.Trunc(v):
		c.wrong(path, n, r)
		return nil
	case !r.number.integer:
		return v + 0 // −0 becomes 0: one value, one digest
	}
	if u, err := strconv.ParseUint(n.text, 10, 64); err == nil {
		return json.Number(strconv.FormatUint(u, 10))
	}
	if math.Abs(v) > maxExact {
		c.wrong(path, n, r)
		return nil
	}
	return json.Number(strconv.FormatInt(int64(v), 10))
}

func (c *checker) items(path string, n *node, r rule) any {
	l := r.list
	if len(n.items) < l.min || (l.max > 0 && len(n.items) > l.max) {
		c.add(path, n, "%d entries; want %s", len(n.items), r.allowed())
		return nil
	}
	item := l.item
	item.secret = item.secret || r.secret
	out := make([]any, 0, len(n.items))
	first := map[any]int{}
	for i, child := range n.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		v, ok := c.value(at, child, item)
		if !ok {
			continue
		}
		if earlier, twice := first[identity(v)]; l.unique && twice {
			c.add(at, child, "the same as %s[%d]", path, earlier)
		}
		first[identity(v)] = i
		if len(out) > 0 && l.increasing && !(v.(float64) > out[len(out)-1].(float64)) {
			c.add(at, child, "%s is not above the entry before it; want %s", literal(v.(float64)), r.allowed())
		}
		out = append(out, v)
	}
	return out
}

// identity is v, or a placeholder for values that cannot be map keys.
func identity(v any) any {
	if _, ok := v.(map[string]any); ok {
		return nil
	}
	return v
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
