// Package artifact is a run's folder <store>/<type>/<run>: the names in it, the manifests,
// the fingerprints that decide what is reused, the plan, and the CSV files projected from
// the manifests. A Store given to this package is rooted at the run's folder (see
// store.Prefixed), but for List.
//
// A fold's truth is its manifest: it is written last, names every payload with its
// SHA-256, and carries its own. Everything else here but run.json and the payloads can be
// rebuilt from manifests. What does not verify counts as absent.
//
// Preconditions: one run id is written through one store; clocks need not agree.
//
// Non-goals: fitting, scoring, retrying, logging; final models and predictions.
package artifact

import "errors"

var (
	// ErrDamaged: an artifact exists but is not what its digest, its manifest or its name
	// says. The wrapping error names it. It is made again by fitting that fold.
	ErrDamaged = errors.New("artifact damaged")
	// ErrSuperseded: run.json is no longer that of the spec the caller works for. Its
	// results would not be used; stop.
	ErrSuperseded = errors.New("superseded by another start of the run")
)
