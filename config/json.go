package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// jsonTree reads one JSON value. Lines are recorded only where the text has several:
// on a single line a number says nothing.
func jsonTree(data []byte) (*node, *Problem) {
	if p := checkInput(data); p != nil {
		return nil, p
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &jsonReader{data: data, lines: bytes.Count(bytes.TrimSpace(data), []byte("\n"))}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, r.syntax(err)
	}
	r.tokens = json.NewDecoder(bytes.NewReader(data))
	r.tokens.UseNumber()
	return r.value(0)
}

type jsonReader struct {
	data   []byte
	tokens *json.Decoder
	lines  int
	at     int // how far line has been counted
	line   int
	grower grower
}

func (r *jsonReader) syntax(err error) *Problem {
	p := &Problem{Text: "not valid JSON: " + err.Error()}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && r.lines > 0 {
		end := min(int(syntax.Offset), len(r.data))
		p.Line = 1 + bytes.Count(r.data[:end], []byte("\n"))
	}
	return p
}

// position is the line where the token just read ends; tokens never span lines.
func (r *jsonReader) position() int {
	if r.lines == 0 {
		return 0
	}
	end := int(r.tokens.InputOffset())
	r.line += bytes.Count(r.data[r.at:end], []byte("\n"))
	r.at = end
	return r.line + 1
}

// value reads the next value; json.Unmarshal has already accepted the whole text, so
// an error from Token is a defect of this reader, reported all the same.
func (r *jsonReader) value(depth int) (*node, *Problem) {
	token, err := r.tokens.Token()
	if err != nil {
		return nil, r.syntax(err)
	}
	n := &node{line: r.position()}
	if p := r.grower.enter(n.line, depth); p != nil {
		return nil, p
	}
	switch t := token.(type) {
	case nil:
		n.kind = nullNode
	case bool:
		n.kind, n.truth = boolNode, t
	case string:
		n.kind, n.text = textNode, t
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case json.Delim:
		if t == '[' {
			n.kind = listNode
			return n, r.list(n, depth)
		}
		n.kind = mapNode
		return n, r.object(n, depth)
	}
	return n, nil
}

func (r *jsonReader) list(n *node, depth int) *Problem {
	for r.tokens.More() {
		item, p := r.value(depth + 1)
		if p != nil {
			return p
		}
		n.items = append(n.items, item)
	}
	return r.close()
}

func (r *jsonReader) object(n *node, depth int) *Problem {
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return r.syntax(err)
		}
		f := field{key: fmt.Sprint(token), line: r.position()}
		var p *Problem
		if f.value, p = r.value(depth + 1); p != nil {
			return p
		}
		n.fields = append(n.fields, f)
	}
	if p := duplicate(n.fields); p != nil {
		return p
	}
	return r.close()
}

func (r *jsonReader) close() *Problem {
	if _, err := r.tokens.Token(); err != nil {
		return r.syntax(err)
	}
	return nil
}
