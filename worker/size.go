package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is a number of bytes on the command line: 500MB, 2GiB, 0. Zero is kept as -1, which
// for options means nothing rather than a default.
type size int64

// units are those of sizes, longer names first where one ends with another.
var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// Set implements pflag.Value.
func (s *size) Set(text string) error {
	for _, unit := range units {
		digits, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if n *= unit.bytes; err != nil || math.IsNaN(n) || n < 0 || n >= math.MaxInt64 {
			break
		}
		if *s = size(n); *s == 0 {
			*s = -1
		}
		return nil
	}
	return fmt.Errorf("%q: want a size such as 500MB or 2GiB, or 0", text)
}

// String implements pflag.Value.
func (s *size) String() string {
	if *s < 0 {
		return "0"
	}
	for i := 3; i >= 0; i-- {
		if n := float64(*s) / units[i].bytes; n >= 1 && n == math.Trunc(n) {
			return strconv.FormatFloat(n, 'f', -1, 64) + units[i].name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type implements pflag.Value.
func (s *size) Type() string { return "size" }
