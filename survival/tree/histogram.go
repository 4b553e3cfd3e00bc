package tree

// block is the sums of one word's eight columns by code.
type block [8][256]uint64

// histogram holds the sums of a node by column and code: two packed values a row, added as
// integers, so that neither order nor grouping of the additions matters.
type histogram struct {
	first    []block  // by word, for codes of 8 bits
	one, two []uint64 // by code, for wider ones: a column at a time
}

// tally adds two values a row to the sums of the codes of a word.
func tally(first, second *block, word, v1, v2 []uint64, columns int) {
	v1, v2 = v1[:len(word)], v2[:len(word)]
	switch {
	case columns > 4:
		tally8(first, second, word, v1, v2)
	case columns > 1:
		tally4(first, second, word, v1, v2)
	default:
		for i, x := range word {
			first[0][uint8(x)] += v1[i]
			second[0][uint8(x)] += v2[i]
		}
	}
}

func tally8(first, second *block, word, v1, v2 []uint64) {
	for i, x := range word {
		u, v := v1[i], v2[i]
		first[0][uint8(x)] += u
		second[0][uint8(x)] += v
		first[1][uint8(x>>8)] += u
		second[1][uint8(x>>8)] += v
		first[2][uint8(x>>16)] += u
		second[2][uint8(x>>16)] += v
		first[3][uint8(x>>24)] += u
		second[3][uint8(x>>24)] += v
		first[4][uint8(x>>32)] += u
		second[4][uint8(x>>32)] += v
		first[5][uint8(x>>40)] += u
		second[5][uint8(x>>40)] += v
		first[6][uint8(x>>48)] += u
		second[6][uint8(x>>48)] += v
		first[7][uint8(x>>56)] += u
		second[7][uint8(x>>56)] += v
	}
}

func tally4(first, second *block, word, v1, v2 []uint64) {
	for i, x := range word {
		u, v := v1[i], v2[i]
		first[0][uint8(x)] += u
		second[0][uint8(x)] += v
		first[1][uint8(x>>8)] += u
		second[1][uint8(x>>8)] += v
		first[2][uint8(x>>16)] += u
		second[2][uint8(x>>16)] += v
		first[3][uint8(x>>24)] += u
		second[3][uint8(x>>24)] += v
	}
}

// tallyRows adds one value a row, for rows named by their number, to the sums of the codes of
// all words.
func tallyRows(h []block, words [][]uint64, rows []uint32, v []uint64, columns int) {
	for len(words) > 0 {
		switch {
		case columns > 8 && columns <= 12:
			tallyRows12(&h[0], &h[1], words[0], words[1], rows, v)
			return
		case columns > 4:
			tallyRows8(&h[0], words[0], rows, v)
		default:
			tallyRows4(&h[0], words[0], rows, v)
		}
		h, words, columns = h[1:], words[1:], columns-8
	}
}

func tallyRows12(h, k *block, word, next []uint64, rows []uint32, v []uint64) {
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

func tallyRows8(h *block, word []uint64, rows []uint32, v []uint64) {
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

func tallyRows4(h *block, word []uint64, rows []uint32, v []uint64) {
	v = v[:len(word)]
	for _, row := range rows {
		x, u := word[row], v[row]
		h[0][uint8(x)] += u
		h[1][uint8(x>>8)] += u
		h[2][uint8(x>>16)] += u
		h[3][uint8(x>>24)] += u
	}
}

// tallyOne adds two values a row to the sums of the codes of one column of a word.
func tallyOne(first, second *[256]uint64, word []uint64, shift uint, v1, v2 []uint64) {
	v1, v2 = v1[:len(word)], v2[:len(word)]
	for i, x := range word {
		code := uint8(x >> (shift & 63))
		first[code] += v1[i]
		second[code] += v2[i]
	}
}

// clearBlock empties the first columns of a block up to their slots.
func clearBlock(b *block, columns []local) {
	for k := range columns {
		clear(b[k][:columns[k].slots()])
	}
	// Columns that the word does not have still collect what tally adds for code 0.
	for k := len(columns); k < len(b); k++ {
		b[k][0] = 0
	}
}

// wordColumns are the columns that word q of 8-bit codes holds: first and one past last.
func wordColumns(q, columns int) (first, last int) { return 8 * q, min(8*q+8, columns) }

// column sums one column of wide codes.
func (h *histogram) column(n *node, k int, v1, v2 []uint64) (one, two []uint64) {
	slots := n.coding.columns[k].slots()
	h.one, h.two = resize(h.one, slots), resize(h.two, slots)
	clear(h.one)
	clear(h.two)
	word, shift, mask := n.rows.at(k)
	for i, x := range word[n.lo:n.hi] {
		c := x >> (shift & 63) & mask
		h.one[c] += v1[i]
		h.two[c] += v2[i]
	}
	return h.one, h.two
}
