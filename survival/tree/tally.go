package tree

// tallyEight adds one value a row, for rows named by their number, to the sums of the codes of
// a word.
func tallyEight(h *block, word []uint64, rows []uint16, v []uint64) {
	v = v[:len(word)]
	for _, row := range rows {
		x, u := word[row], v[row]
		h[0][uint8(x)] += u
		h[1][uint8(x>>8)] += u
		h[2][uint8(x>>16)] += u
		h[3][uint8(x>>24)] += u
		h[4][uint8(x>>32)] += u
		h[5][uint8(x>>40)] += u
		h[6][uint8(x>>48)] += u
		h[7][uint8(x>>56)] += u
	}
}

// tallyFour is tallyEight for the first four codes.
func tallyFour(h *block, word []uint64, rows []uint16, v []uint64) {
	v = v[:len(word)]
	for _, row := range rows {
		x, u := word[row], v[row]
		h[0][uint8(x)] += u
		h[1][uint8(x>>8)] += u
		h[2][uint8(x>>16)] += u
		h[3][uint8(x>>24)] += u
	}
}

// tallyNine is tallyEight with one more column.
func tallyNine(h *block, last *[256]uint64, word []uint64, codes []uint8, rows []uint16, v []uint64) {
	codes, v = codes[:len(word)], v[:len(word)]
	for _, row := range rows {
		x, y, u := word[row], codes[row], v[row]
		h[0][uint8(x)] += u
		h[1][uint8(x>>8)] += u
		h[2][uint8(x>>16)] += u
		h[3][uint8(x>>24)] += u
		h[4][uint8(x>>32)] += u
		h[5][uint8(x>>40)] += u
		h[6][uint8(x>>48)] += u
		h[7][uint8(x>>56)] += u
		last[y] += u
	}
}

// tallyTwelve is tallyEight with the first four codes of another word.
func tallyTwelve(h, k *block, word, next []uint64, rows []uint16, v []uint64) {
	next, v = next[:len(word)], v[:len(word)]
	for _, row := range rows {
		x, y, u := word[row], next[row], v[row]
		h[0][uint8(x)] += u
		h[1][uint8(x>>8)] += u
		h[2][uint8(x>>16)] += u
		h[3][uint8(x>>24)] += u
		h[4][uint8(x>>32)] += u
		h[5][uint8(x>>40)] += u
		h[6][uint8(x>>48)] += u
		h[7][uint8(x>>56)] += u
		k[0][uint8(y)] += u
		k[1][uint8(y>>8)] += u
		k[2][uint8(y>>16)] += u
		k[3][uint8(y>>24)] += u
	}
}
