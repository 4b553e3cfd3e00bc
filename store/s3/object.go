package s3

import (
	"context"
	"errors"
	"fmt"
	"io"

	"everfold/store"
)

// object is an open object: a stream that goes on where it was when a connection breaks.
type object struct {
	ctx    context.Context
	bucket *bucket
	key    string // whole, in the bucket
	name   string // for people
	etag   string
	size   int64

	at       int64
	body     io.ReadCloser // nil: broken
	broken   error         // why
	failures int           // in a row, without a byte between them
}

// Read implements io.Reader. It ends with io.EOF only when all bytes were read.
func (o *object) Read(p []byte) (int, error) {
	for {
		if o.ctx.Err() != nil {
			return 0, fmt.Errorf("read %s: %w", o.name, o.ctx.Err())
		}
		if o.body == nil {
			if err := o.resume(); err != nil {
				return 0, err
			}
		}
		n, err := o.body.Read(p)
		o.at += int64(n)
		if n > 0 {
			o.failures = 0
		}
		if err == nil || err == io.EOF && o.at == o.size {
			return n, err
		}
		o.interrupt(err)
		if n > 0 {
			return n, nil
		}
	}
}

// interrupt gives up the connection; the next Read resumes.
func (o *object) interrupt(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	_ = o.body.Close() // it is broken already
	o.body, o.broken = nil, err
}

// resume opens the rest of the same version.
func (o *object) resume() error {
	if o.ctx.Err() != nil {
		return fmt.Errorf("read %s: %w", o.name, o.ctx.Err())
	}
	if o.at >= o.size { // the bytes are all there, and the SDK finds that they are not the object's
		return fmt.Errorf("read %s: %w: %w", o.name, store.ErrCorrupt, o.broken)
	}
	if o.failures++; o.failures >= o.bucket.limits.attempts {
		return o.bucket.classify(o.ctx, "read", o.name, o.broken)
	}
	store.Moved(o.ctx)
	body, err := o.bucket.getRest(o.ctx, o.key, o.etag, o.at, o.size)
	switch {
	case isConditionFailed(err), isMissing(err):
		return fmt.Errorf("read %s: %w: the connection broke, and the object was replaced before the rest could be read",
			o.name, store.ErrUnavailable)
	case err != nil:
		return o.bucket.classify(o.ctx, "read", o.name, err)
	}
	o.body, o.broken = body, nil
	return nil
}

// Close implements io.Closer.
func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	if err := o.body.Close(); err != nil && o.at < o.size && !errors.Is(err, context.Canceled) {
		return o.bucket.classify(o.ctx, "close", o.name, err)
	}
	return nil
}
