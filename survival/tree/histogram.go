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
