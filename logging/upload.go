package logging

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Upload puts one file's present content into a store, replacing what it had. It must
// return when ctx ends.
type Upload func(ctx context.Context, name string, content io.Reader) error

// CopyTo brings over what a store that is not a local directory lacks of the files, before or
// after Close, and says whether the store then has everything that was written before the call.
// It ends with the first failure: a store that does not take one file will not take the next.
// Standard error names the first one that was not cancelled.
func (r *RunFiles) CopyTo(ctx context.Context, upload Upload) bool {
	r.copies.Lock()
	defer r.copies.Unlock()
	for _, f := range r.files {
		version, rotated := f.version()
		if rotated && !r.copy(ctx, f.previous(), [2]int64{version[0], 0}, upload) {
			return false
		}
		if !r.copy(ctx, f.path, version, upload) {
			return false
		}
	}
	return true
}

// Copied says whether the store has everything that the files have. It waits for no copy.
func (r *RunFiles) Copied() bool {
	for _, f := range r.files {
		if version, _ := f.version(); !r.has(f.path, version) {
			return false
		}
	}
	return true
}

// has says whether the store has that version of a file.
func (r *RunFiles) has(path string, version [2]int64) bool {
	sent, ok := r.sent.Load(path)
	return ok && sent == version
}

func (r *RunFiles) copy(ctx context.Context, path string, version [2]int64, upload Upload) bool {
	if r.has(path, version) {
		return true
	}
	err := put(ctx, path, version[1], upload)
	if err == nil {
		r.sent.Store(path, version)
	} else if !errors.Is(err, context.Canceled) { // another copy follows
		r.alarm.once("upload", "uploading %s failed, the run goes on, it is repeated: %v", filepath.Base(path), err)
	}
	return err == nil
}

// put uploads the first size bytes, which are whole lines; all of it for size 0 of a
// rotated file, which no longer grows.
func put(ctx context.Context, path string, size int64, upload Upload) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var content io.Reader = f
	if size > 0 {
		content = io.LimitReader(f, size)
	}
	return upload(ctx, filepath.Base(path), content)
}
