package hostile_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// edited changes single values of a JSON document, which a fuzzer that changes bytes would only
// break: each line of edits is the number of a value and the JSON to have there, or text that is
// none and becomes a string; nothing at all removes the value. What is no document stays as it is.
func edited(text, edits []byte) []byte {
	var tree any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if len(edits) == 0 || d.Decode(&tree) != nil {
		return text
	}
	for line := range strings.SplitSeq(string(edits), "\n") {
		number, value, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		e := edit{at: int(n), value: value, remove: value == ""}
		if json.Valid([]byte(value)) {
			e.value = json.RawMessage(value)
		}
		tree = e.walk(tree)
	}
	out, err := json.Marshal(tree)
	if err != nil {
		panic(err) // it was JSON before
	}
	return out
}

// edit replaces or removes one value of a document.
type edit struct {
	at     int // values to pass, in the order of keys, before the one that is meant
	value  any
	remove bool
}

// removed marks what is to be left out.
type removed struct{}

func (e *edit) walk(v any) any {
	e.at--
	if e.at == -1 {
		if e.remove {
			return removed{}
		}
		return e.value
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if v[key] = e.walk(v[key]); v[key] == (removed{}) {
				delete(v, key)
			}
		}
	case []any:
		out := v[:0]
		for _, item := range v {
			if item = e.walk(item); item != (removed{}) {
				out = append(out, item)
			}
		}
		return out
	}
	return v
}
