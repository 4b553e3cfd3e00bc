package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// YAML is bounded more tightly than JSON: its scanner keeps some 500 bytes per token, and
// its parser takes time quadratic in the number of keys.
const (
	maxYAMLBytes = 1 << 20
	maxYAMLKeys  = 10_000
	maxIndent    = 1_000
)

// decimal is how YAML 1.2 writes numbers, but for leading zeros, which YAML 1.1 and the
// parser read as octal.
var decimal = regexp.MustCompile(`^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// yamlTree reads one YAML document. The parser is third-party code fed with outside
// text: what it would panic on is reported as a syntax problem.
func yamlTree(data []byte) (n *node, problem *Problem) {
	defer func() {
		if r := recover(); r != nil {
			n, problem = nil, &Problem{Text: "not valid YAML: the parser gave up"}
		}
	}()
	if p := checkInput(data); p != nil {
		return nil, p
	}
	if len(data) > maxYAMLBytes {
		return nil, &Problem{Text: fmt.Sprintf("%d bytes; a YAML spec has at most %d", len(data), maxYAMLBytes)}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(data), "\ufeff")) // Windows editors' mark
	if p := checkTokens(tokens); p != nil {
		return nil, p
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, yamlSyntax(err)
	}
	body, p := onlyDocument(file)
	if p != nil || body == nil {
		return nil, p
	}
	r := yamlReader{anchors: map[string]ast.Node{}}
	return r.value(body, 0)
}

// checkTokens bounds what the parser is given: the number of keys, and how deep it would
// recurse, by open brackets, by indentation, and by the sequence dashes, "?" keys, tags
// and anchors that nest within one line.
func checkTokens(tokens token.Tokens) *Problem {
	open, line, inLine, keys := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			inLine++
		case token.MappingValueType:
			keys++
		}
		if open > maxDepth || (open == 0 && inLine > maxDepth) || t.Position.IndentNum > maxIndent {
			return &Problem{Line: line, Text: fmt.Sprintf("nested deeper than %d levels", maxDepth)}
		}
		if keys > maxYAMLKeys {
			return &Problem{Line: line, Text: fmt.Sprintf("more than %d keys", maxYAMLKeys)}
		}
	}
	return nil
}

// yamlSyntax keeps the message and the line, not the excerpt: it could hold a secret.
func yamlSyntax(err error) *Problem {
	p := &Problem{Text: "not valid YAML"}
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		p.Text += ": " + syntax.GetMessage()
		if t := syntax.GetToken(); t != nil && t.Position != nil {
			p.Line = t.Position.Line
		}
	}
	return p
}

func onlyDocument(file *ast.File) (ast.Node, *Problem) {
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if _, ok := d.Body.(*ast.DirectiveNode); ok {
			continue
		}
		if body != nil {
			return nil, &Problem{Line: lineOf(d.Body), Text: "a second YAML document; a spec file holds one"}
		}
		body = d.Body
	}
	return body, nil
}

type yamlReader struct {
	anchors map[string]ast.Node
	grower  grower
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// value builds the tree. Aliases are unfolded; grower bounds what they unfold to.
func (r *yamlReader) value(y ast.Node, depth int) (*node, *Problem) {
	n := &node{}
	if y == nil {
		return n, nil
	}
	n.line = lineOf(y)
	if p := r.grower.enter(n.line, depth); p != nil {
		return nil, p
	}
	switch t := y.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return n, r.mapping(n, t.(ast.MapNode), depth)
	case *ast.SequenceNode:
		n.kind = listNode
		for _, v := range t.Values {
			item, p := r.value(v, depth+1)
			if p != nil {
				return nil, p
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case *ast.AnchorNode:
		r.anchors[t.Name.String()] = t.Value
		return r.value(t.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[t.Value.String()]
		if !ok {
			return nil, &Problem{Line: n.line, Text: "an alias without its anchor"}
		}
		return r.value(target, depth+1)
	default:
		return n, r.scalar(n, y)
	}
}

func (r *yamlReader) scalar(n *node, y ast.Node) *Problem {
	switch t := y.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		n.kind, n.truth = boolNode, t.Value
	case *ast.IntegerNode, *ast.FloatNode:
		n.kind, n.text = numberNode, y.GetToken().Value
		if !decimal.MatchString(n.text) {
			return &Problem{Line: n.line, Text: shorten(n.text) + ": write numbers in decimal, without leading zeros or underscores"}
		}
	case *ast.InfinityNode:
		n.kind, n.text = numberNode, strconv.FormatFloat(t.Value, 'g', -1, 64)
	case *ast.NanNode:
		n.kind, n.text = numberNode, "NaN"
	case *ast.StringNode:
		n.kind, n.text = textNode, t.Value
		if t.Token.Type == token.StringType && decimal.MatchString(t.Value) {
			n.kind = numberNode // the parser takes 1e-4 for text
		}
	case *ast.LiteralNode:
		n.kind, n.text = textNode, t.Value.Value
	case *ast.TagNode:
		return &Problem{Line: n.line, Text: "YAML tags (!…) are not used in specs; put text in quotes"}
	default:
		return &Problem{Line: n.line, Text: "not a value that a spec can hold"}
	}
	return nil
}

func (r *yamlReader) mapping(n *node, m ast.MapNode, depth int) *Problem {
	n.kind = mapNode
	for iter := m.MapRange(); iter.Next(); {
		key, ok := iter.Key().(*ast.StringNode)
		if !ok {
			line := lineOf(iter.Key())
			if iter.Key().IsMergeKey() {
				return &Problem{Line: line, Text: "merge keys (<<) are not supported; write the keys out"}
			}
			return &Problem{Line: line, Text: "a key that is not text"}
		}
		value, p := r.value(iter.Value(), depth+1)
		if p != nil {
			return p
		}
		if value.kind == nullNode || value.line == 0 {
			value.line = lineOf(key)
		}
		n.fields = append(n.fields, field{key: key.Value, line: lineOf(key), value: value})
	}
	return duplicate(n.fields)
}
