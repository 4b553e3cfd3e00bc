package dataset

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// isMissing says whether a cell, blanks around it removed, stands for "no value".
func isMissing(cell []byte) bool {
	switch len(cell) {
	case 0:
		return true
	case 2:
		return string(cell) == "NA"
	case 3:
		return string(cell) == "NaN" || string(cell) == "nan"
	case 4:
		return string(cell) == "null" || string(cell) == "NULL"
	}
	return false
}

// trim removes spaces and tabs at both ends.
func trim(cell []byte) []byte {
	for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '\t') {
		cell = cell[1:]
	}
	for n := len(cell); n > 0 && (cell[n-1] == ' ' || cell[n-1] == '\t'); n-- {
		cell = cell[:n-1]
	}
	return cell
}

// powersOfTen are powers that float64 holds exactly, as all to 10²² are.
var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
	1e11, 1e12, 1e13, 1e14, 1e15}

// parseNumber reads a decimal number, or an infinity (which callers refuse by name). The
// result is the nearest float64.
func parseNumber(cell []byte) (float64, bool) {
	if v, ok := parseShort(cell); ok {
		return v, true
	}
	return parseSlow(cell)
}

// parseShort reads digits with a sign and a point, which is most numbers. Up to 15 digits make
// an integer that float64 holds exactly, and one division by an exact power of ten rounds once
// (Clinger 1990), so the result is the nearest float64.
func parseShort(cell []byte) (float64, bool) {
	i := 0
	if len(cell) > 0 && cell[0] == '-' {
		i = 1
	}
	if len(cell)-i > 16 {
		return 0, false
	}
	var mantissa uint64
	first, point := i, len(cell)
	for ; i < len(cell); i++ {
		digit := cell[i] - '0'
		if digit > 9 {
			if cell[i] != '.' || point < len(cell) {
				return 0, false
			}
			point = i
			continue
		}
		mantissa = 10*mantissa + uint64(digit)
	}
	digits := len(cell) - first
	v := float64(mantissa)
	if point < len(cell) {
		digits--
		v /= powersOfTen[(len(cell)-1-point)&15]
	}
	if digits == 0 || digits > 15 {
		return 0, false
	}
	if first == 1 {
		v = -v
	}
	return v, true
}

// begins marks the bytes with which a number can begin: digits, sign, point, infinity.
var begins = [256]bool{'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true,
	'7': true, '8': true, '9': true, '+': true, '-': true, '.': true, 'i': true, 'I': true}

// parseSlow admits what strconv does, less hexadecimal and underscores. Most text is
// turned away by its first byte, as an error of strconv costs two allocations.
func parseSlow(cell []byte) (float64, bool) {
	if len(cell) == 0 || !begins[cell[0]] {
		return 0, false
	}
	for _, c := range cell {
		if c == 'x' || c == 'X' || c == '_' || c == 'p' || c == 'P' {
			return 0, false
		}
	}
	// The string lives no longer than the call; strconv copies it into its errors only.
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(cell), len(cell)), 64)
	if err != nil && !math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, false
	}
	return v, true
}

// looksLikeDate matches year-first and day- or month-first dates with -, / or . between,
// a time of day after them or not.
func looksLikeDate(cell []byte) bool {
	if i := bytes.IndexAny(cell, "T "); i > 0 {
		if !bytes.ContainsRune(cell[i:], ':') {
			return false
		}
		cell = cell[:i]
	}
	separators, digits, year := 0, 0, false
	var separator byte
	for _, c := range cell {
		switch {
		case c-'0' <= 9:
			digits++
		case (c == '-' || c == '/' || c == '.') && digits > 0 && (separator == 0 || separator == c):
			year = year || digits == 4
			separators, digits, separator = separators+1, 0, c
		default:
			return false
		}
		if digits > 4 {
			return false
		}
	}
	return separators == 2 && digits > 0 && (year || digits == 4)
}
