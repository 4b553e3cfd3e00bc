// Package resample makes every random choice of the module: sub-seeds, random streams,
// cross-validation folds, row samples and bootstrap draws.
//
// Randomness is counter-based (Philox4x32-10; Salmon, Moraes, Dror and Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011). A stream is named by (seed, purpose,
// indices), never by what was drawn before it. So the result of a fold, a tree or a
// bootstrap replicate depends neither on the order of the work nor on the number of
// goroutines, and a resumed fit draws what an undisturbed one would have drawn.
//
// Preconditions: rows are numbered from 0 in the order of the prepared table; slices
// given together have equal length (else panic). What the data decide is an error that
// wraps ErrFolds, or a *FileError.
//
// Not here: cryptographic randomness, time-ordered folds, re-censoring.
package resample

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/rand/v2"
)

// SubSeed derives the seed of one purpose from a run's seed: the first 8 bytes
// (little-endian) of SHA-256 over seed, length of purpose, purpose, and the indices, all
// integers as 8 little-endian bytes. Different arguments give independent seeds.
func SubSeed(seed uint64, purpose string, index ...uint64) uint64 {
	buf := make([]byte, 0, 96)
	buf = binary.LittleEndian.AppendUint64(buf, seed)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(purpose)))
	buf = append(buf, purpose...)
	for _, i := range index {
		buf = binary.LittleEndian.AppendUint64(buf, i)
	}
	sum := sha256.Sum256(buf)
	return binary.LittleEndian.Uint64(sum[:8])
}

// Source returns the random stream of (seed, purpose, index…): Philox4x32-10 keyed by
// SubSeed, from its start. Two calls with equal arguments give equal streams.
func Source(seed uint64, purpose string, index ...uint64) *rand.Rand {
	return rand.New(NewPhilox(SubSeed(seed, purpose, index...)))
}

// Bootstrap draws rows 0…n−1 uniformly with replacement into dst and returns it. Case
// weights do not change the draw: they multiply the counts afterwards. It panics where
// n < 1 and dst is not empty.
func Bootstrap(rng *rand.Rand, n int, dst []int) []int {
	for i := range dst {
		dst[i] = rng.IntN(n)
	}
	return dst
}

// Subset gives k of the numbers 0…n−1, ascending, each set of that size being as likely:
// selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S). All of
// them need no random number. It panics where k is outside 0…n.
func Subset(rng *rand.Rand, n, k int) iter.Seq[int] {
	if k < 0 || k > n {
		panic("resample: a subset is larger than the set, or negative")
	}
	return func(yield func(int) bool) {
		for i, left := 0, k; left > 0; i++ {
			if left == n-i || rng.IntN(n-i) < left {
				left--
				if !yield(i) {
					return
				}
			}
		}
	}
}
