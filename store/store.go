// Package store is the contract of the place where everfold keeps bytes: a local
// directory or an S3 bucket. Keys are slash-separated and relative; every element is one
// to 200 of the characters [A-Za-z0-9._=-] and does not begin with ".", the whole at most
// 1000 characters; anything else is ErrBadKey. No key is a folder of another: beside "a"
// there is no "a/b" (an implementation may answer ErrBadKey).
//
// The helpers beside the contract read and write small objects whole, verify content
// against a known SHA-256 and show one folder of a store as a store of its own. Retrying
// is the caller's.
//
// Every implementation passes the conformance suite in store/storetest.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

var (
	// ErrNotFound: no object has that key. Permanent until somebody writes it.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the condition of a Put did not hold. The object in place is untouched.
	// Read back and compare: equal content means that somebody (perhaps an earlier try of
	// this very call) already did the work.
	ErrConflict = errors.New("condition not met")
	// ErrUnavailable: the store cannot be reached, is full or refuses permission for now.
	// Trying again later may succeed.
	ErrUnavailable = errors.New("store unavailable")
	// ErrBadKey: the key is not of the allowed form. Nothing was touched.
	ErrBadKey = errors.New("bad key")
	// ErrCorrupt: the bytes read differ from the digest or size asked for.
	ErrCorrupt = errors.New("content does not match its digest")
	// ErrTooLarge: the object has more bytes than the reader allows.
	ErrTooLarge = errors.New("object too large")
)

// Info describes a stored object.
type Info struct {
	Key      string
	Size     int64
	ETag     string // opaque; changes whenever the content is replaced
	Modified time.Time
}

// Condition restricts a Put. The zero value writes unconditionally.
type Condition struct {
	Absent bool   // write only where no object has the key (create-once)
	ETag   string // write only where the object in place has this ETag (compare-and-swap)
}

// Store keeps objects. All methods are safe for concurrent use and honour ctx.
type Store interface {
	// URI names the store for people, such as "file:///data/outputs".
	URI() string
	// Get opens an object. The stream holds one version of it whole, even when it is
	// replaced meanwhile, and ends with ctx's error when ctx does. The caller closes it.
	// ErrNotFound where absent.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// Put stores body whole or not at all: after it returns nil the object is durable
	// (file and directory synced); after an error readers see the former object, the new
	// one, or none where none was, never a part. Idempotent: the same call may be repeated.
	// ErrConflict where cond does not hold (with ETag also where the object is absent); of
	// racing create-once writers exactly one wins. An error of body is returned wrapped.
	// Absent together with ETag is a programming error and panics.
	Put(ctx context.Context, key string, body io.Reader, cond Condition) (Info, error)
	// List returns every object whose key starts with prefix, in ascending byte order of
	// the keys. Objects written before the call are included; concurrent ones may be. The
	// prefix need not end at a slash. A store or folder that does not exist yet is empty.
	List(ctx context.Context, prefix string) ([]Info, error)
	// Delete removes an object. Absent is not an error.
	Delete(ctx context.Context, key string) error
}
