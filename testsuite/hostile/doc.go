// Package hostile gives every decoder what nobody would write by mistake: specs, data files,
// documents, arrays, models and checkpoints whose digests are right and whose content is not.
//
// Each fuzz target claims two things of its decoder: it ends with a result or an error, never
// with a panic, and what it allocates is bounded by the length of its input. `go test` runs
// them on their seeds and on what was found before (testdata/fuzz), `make fuzz-quick` for a
// second each, `make fuzz` for as long as one likes.
//
// Non-goals: what an error says, and whether what is accepted is right: the packages' own tests
// and fuzz targets have that.
package hostile
