package app

import "everfold/store"

// The store's errors, for programs that are given a store without knowing what it is.
var (
	// ErrNotFound: no object has that key.
	ErrNotFound = store.ErrNotFound
	// ErrStoreUnavailable: the store cannot be reached, is full or refuses permission.
	ErrStoreUnavailable = store.ErrUnavailable
	// ErrContentCorrupt: bytes that were read do not match their digest.
	ErrContentCorrupt = store.ErrCorrupt
)
