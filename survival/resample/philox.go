package resample

import "math/bits"

// Multipliers and Weyl constants of Philox4x32 (Salmon et al. 2011, table 2 and section 4.3).
const (
	philoxM0, philoxM1 = 0xD2511F53, 0xCD9E8D57
	philoxW0, philoxW1 = 0x9E3779B9, 0xBB67AE85
	philoxRounds       = 10
)

// Block is the Philox4x32-10 bijection: the 128 random bits of one counter under one key.
// It has no state, so bits can be had in any order and by any number of goroutines.
func Block(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range philoxRounds {
		hi0, lo0 := bits.Mul32(philoxM0, counter[0])
		hi1, lo1 := bits.Mul32(philoxM1, counter[2])
		counter = [4]uint32{hi1 ^ counter[1] ^ key[0], lo1, hi0 ^ counter[3] ^ key[1], lo0}
		key[0] += philoxW0
		key[1] += philoxW1
	}
	return counter
}

// Philox is a rand.Source over the blocks of one 64-bit key, counted from zero. Its
// period is 2¹²⁹ values. The zero value is the stream of key 0. Not for concurrent use.
type Philox struct {
	key     [2]uint32
	counter [4]uint32
	block   [4]uint32
	second  bool // the upper half of block has not been given out
}

// NewPhilox returns the stream of the given key.
func NewPhilox(key uint64) *Philox {
	return &Philox{key: split(key)}
}

// Uint64 returns the next 64 bits: the two lower words of a block (first word in the
// low half), then its two upper words.
func (p *Philox) Uint64() uint64 {
	if p.second {
		p.second = false
		return join(p.block[2], p.block[3])
	}
	p.block = Block(p.counter, p.key)
	p.second = true
	for w := range p.counter {
		p.counter[w]++
		if p.counter[w] != 0 {
			break
		}
	}
	return join(p.block[0], p.block[1])
}

// orderKey is the 64-bit value that puts item i into random order under a key.
func orderKey(key uint64, i int) uint64 {
	c := split(uint64(i))
	b := Block([4]uint32{c[0], c[1], 0, 0}, split(key))
	return join(b[0], b[1])
}

func split(v uint64) [2]uint32     { return [2]uint32{uint32(v), uint32(v >> 32)} }
func join(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
