package store

import (
	"fmt"
	"strings"
)

const (
	maxKeyLen     = 1000 // S3 allows 1024; the rest is room for a bucket prefix
	maxElementLen = 200  // file systems allow 255; the rest is room for temporary names
)

// CheckKey returns nil for a key of the allowed form, else an error that wraps ErrBadKey
// and says which rule it breaks.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: empty", ErrBadKey)
	}
	if len(key) > maxKeyLen {
		return fmt.Errorf("%w: %d characters, at most %d are allowed", ErrBadKey, len(key), maxKeyLen)
	}
	for element := range strings.SplitSeq(key, "/") {
		if err := checkElement(element); err != nil {
			return fmt.Errorf("%w %q: %s", ErrBadKey, key, err)
		}
	}
	return nil
}

// CheckPrefix is CheckKey for the prefix of a List: it may be empty and may end inside an
// element or with a slash.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	// A prefix is good exactly if some continuation makes it a good key.
	if strings.HasSuffix(prefix, "/") {
		return CheckKey(prefix + "x")
	}
	return CheckKey(prefix)
}

func checkElement(element string) error {
	switch {
	case element == "":
		return fmt.Errorf("an element is empty (a leading, trailing or double slash)")
	case element[0] == '.':
		return fmt.Errorf(`an element begins with "."`)
	case len(element) > maxElementLen:
		return fmt.Errorf("an element has %d characters, at most %d are allowed", len(element), maxElementLen)
	}
	for i := range len(element) {
		if !allowedByte(element[i]) {
			return fmt.Errorf("only [A-Za-z0-9._=-] and slashes are allowed")
		}
	}
	return nil
}

func allowedByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '.' || c == '_' || c == '=' || c == '-'
}

// Check panics where cond asks for both absence and an ETag: no object can satisfy that.
func (c Condition) Check() {
	if c.Absent && c.ETag != "" {
		panic("store: condition asks for an absent object with an ETag")
	}
}
