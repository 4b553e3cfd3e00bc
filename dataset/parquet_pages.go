package dataset

import (
	"slices"

	"github.com/parquet-go/parquet-go"
)

// takePage brings a page's values to the builder in one typed loop, where the page holds plain
// 64-bit numbers or levels of a dictionary; done is false where it holds anything else, of which
// nothing is taken. A refusal comes with the index of its value.
func (f *feed) takePage(page parquet.Page) (done bool, at int, r *refusal) {
	// Definition levels tell the missing ones: 1 where there is a value, or nil where all are.
	present, data, n := page.DefinitionLevels(), page.Data(), int(page.NumValues())
	if len(present) > 0 && len(present) != n {
		return false, 0, nil
	}
	whole := func(values int) bool { return len(present) > 0 || values == n }
	if dictionary := page.Dictionary(); dictionary != nil {
		l, ok := f.builder.(*levels)
		if !ok || page.Type().Kind() != parquet.ByteArray || !whole(len(data.Int32())) {
			return false, 0, nil
		}
		at, r = l.indexed(dictionary, data.Int32(), present)
		return true, at, r
	}
	if f.divisor != 1 || !f.signed {
		return false, 0, nil
	}
	switch kind := page.Type().Kind(); {
	case kind == parquet.Double && whole(len(data.Double())):
		return takeTyped(f, data.Double(), present)
	case kind == parquet.Int64 && whole(len(data.Int64())):
		return takeTyped(f, data.Int64(), present)
	}
	return false, 0, nil
}

// takeTyped brings a page's numbers to the builder; done is false where it takes none.
func takeTyped[T int64 | float64](f *feed, values []T, present []byte) (done bool, at int, r *refusal) {
	if c := f.numbers(); c != nil {
		c.values = slices.Grow(c.values, max(len(present), len(values)))
		at, r = takeEach(c, values, present, func(v T) *refusal { return c.number(float64(v)) })
		return true, at, r
	}
	integers, whole := any(values).([]int64)
	switch c := f.builder.(type) {
	case *events:
		at, r = takeEach(c, values, present, func(v T) *refusal { return c.number(float64(v)) })
		return true, at, r
	case *texts:
		if whole {
			at, r = takeEach(c, integers, present, c.integer)
			return true, at, r
		}
	}
	return false, 0, nil
}

// numbers is the column of numbers that the builder fills; nil where it fills another kind.
func (f *feed) numbers() *numbers {
	switch b := f.builder.(type) {
	case *numbers:
		return b
	case *inferred:
		return b.numbers
	}
	return nil
}

// takeEach brings a page's values to the builder with put. It gives the index of one that is
// refused.
func takeEach[T int64 | float64](b builder, values []T, present []byte, put func(T) *refusal) (int, *refusal) {
	if len(present) == 0 {
		for i, v := range values {
			if r := put(v); r != nil {
				return i, r
			}
		}
		return 0, nil
	}
	next := 0
	for i, level := range present {
		if level == 0 {
			if r := b.missing(); r != nil {
				return i, r
			}
			continue
		}
		if r := put(values[next]); r != nil {
			return i, r
		}
		next++
	}
	return 0, nil
}

// indexed appends a page's levels, each text of the dictionary being looked at once.
func (c *levels) indexed(dictionary parquet.Dictionary, indexes []int32, present []byte) (int, *refusal) {
	const unknown = -2
	codes := make([]int32, dictionary.Len())
	for k := range codes {
		codes[k] = unknown
	}
	n := max(len(present), len(indexes))
	for i, next := 0, 0; i < n; i++ {
		if len(present) > 0 && present[i] == 0 {
			c.missing()
			continue
		}
		k := indexes[next]
		next++
		switch {
		case codes[k] == unknown:
			if r := c.text(dictionary.Index(k).ByteArray()); r != nil {
				return i, r
			}
			codes[k] = c.codes[len(c.codes)-1]
		case codes[k] < 0:
			c.missing()
		default:
			c.codes = append(c.codes, codes[k])
		}
	}
	return 0, nil
}
