package resample

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bijection equals the known-answer vectors of Random123 (file kat_vectors, philox4x32 10).
func TestBlockKnownAnswers(t *testing.T) {
	ones := uint32(0xffffffff)
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		require.Equal(t, c.want, Block(c.counter, c.key))
	}
}

// The stream is the blocks of counters 0, 1, … in order, low words first, and the counter
// carries from one word into the next.
func TestPhiloxStream(t *testing.T) {
	p := NewPhilox(7<<32 | 5)
	p.counter = [4]uint32{0xffffffff, 0xffffffff, 3, 0}
	for _, c := range [][4]uint32{{0xffffffff, 0xffffffff, 3, 0}, {0, 0, 4, 0}} {
		b := Block(c, [2]uint32{5, 7})
		require.Equal(t, uint64(b[1])<<32|uint64(b[0]), p.Uint64())
		require.Equal(t, uint64(b[3])<<32|uint64(b[2]), p.Uint64())
	}
}

// Sub-seeds depend on every argument and keep the boundaries between them.
func TestSubSeedSeparates(t *testing.T) {
	seen := map[uint64]string{}
	for _, c := range []struct {
		name string
		seed uint64
	}{
		{"base", SubSeed(1, "tree", 0)}, {"seed", SubSeed(2, "tree", 0)}, {"purpose", SubSeed(1, "trees", 0)},
		{"index", SubSeed(1, "tree", 1)}, {"more", SubSeed(1, "tree", 0, 0)}, {"none", SubSeed(1, "tree")},
		{"swapped", SubSeed(1, "tree", 1, 0)}, {"shifted", SubSeed(1, "tree\x00")},
	} {
		require.NotContains(t, seen, c.seed, c.name)
		seen[c.seed] = c.name
	}
	require.Equal(t, SubSeed(1, "tree", 3), SubSeed(1, "tree", 3))
}

// The seed derivation is part of the file formats: these values
// (computed apart, with Python's hashlib and integers) never change.
func TestSubSeedFrozen(t *testing.T) {
	require.Equal(t, uint64(0xb71a6b8f38773fc2), SubSeed(42, "folds", 0))
	require.Equal(t, uint64(0x16c3c2a54602d8c4), Source(42, "tree", 3).Uint64())
}

// Draws are uniform on 0…n−1: each of 10 rows gets its share within five standard errors.
func TestBootstrapUniform(t *testing.T) {
	count := make([]int, 10)
	for _, row := range Bootstrap(Source(1, "test"), 10, make([]int, 100_000)) {
		count[row]++
	}
	for row, c := range count {
		require.InDelta(t, 10_000, c, 5*95, "row %d", row)
	}
	require.Empty(t, Bootstrap(Source(1, "test"), 0, nil))
	require.Panics(t, func() { Bootstrap(Source(1, "test"), 0, make([]int, 1)) })
}

func ExampleSource() {
	for range 2 { // the stream of a name always begins at its start
		fmt.Println(Source(42, "tree", 17).IntN(1000))
	}
	// Output:
	// 665
	// 665
}

func ExampleBootstrap() {
	fmt.Println(len(Bootstrap(Source(42, "bootstrap", 0), 5, make([]int, 5))))
	// Output: 5
}

// A subset ascends and has its size; of the sets of two of four numbers each comes as often;
// all of them, and none, draw nothing.
func TestSubset(t *testing.T) {
	const draws = 6000
	counts := map[[2]int]int{}
	for k := range uint64(draws) {
		got := slices.Collect(Subset(Source(1, "subset", k), 4, 2))
		if len(got) != 2 || got[0] >= got[1] || got[0] < 0 || got[1] > 3 {
			t.Fatalf("drew %v", got)
		}
		counts[[2]int(got)]++
	}
	for set, n := range counts { // binomial, standard deviation 29
		if math.Abs(float64(n)-draws/6) > 150 {
			t.Errorf("%v was drawn %d times of %d", set, n, draws)
		}
	}
	if len(counts) != 6 {
		t.Errorf("%d of the six sets were drawn", len(counts))
	}
	rng := Source(1, "none")
	if all := slices.Collect(Subset(rng, 3, 3)); !slices.Equal(all, []int{0, 1, 2}) || len(slices.Collect(Subset(rng, 3, 0))) != 0 {
		t.Errorf("all of three are %v", all)
	}
	if rng.Uint64() != Source(1, "none").Uint64() {
		t.Error("all or none took a random number")
	}
	for first := range Subset(rng, 9, 3) { // a caller may stop
		if first > 6 {
			t.Errorf("the first of three of nine is %d", first)
		}
		break
	}
	for _, k := range []int{-1, 4} {
		require.Panics(t, func() { Subset(rng, 3, k) }, "%d of 3", k)
	}
}
