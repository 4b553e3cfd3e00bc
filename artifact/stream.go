package artifact

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"everfold/store"
)

// streamBuffer is what a stream holds on its way to the store.
const streamBuffer = 1 << 18

// errAbandoned ends the writes of a produce that panicked.
var errAbandoned = errors.New("the writer of the stream is gone")

// PutStream writes an object whose bytes produce writes as it goes, and describes it: nothing is
// held whole, and where produce fails the object does not change.
func PutStream(ctx context.Context, s store.Store, key string, produce func(w io.Writer) error) (File, error) {
	files, err := putStreams(ctx, s, []string{key}, func(w []io.Writer) error { return produce(w[0]) })
	if err != nil {
		return File{}, fmt.Errorf("write %s: %w", key, err)
	}
	return files[0], nil
}

// putStreams writes several objects at a time whose bytes produce writes as it goes, to a
// writer each: nothing is held whole. Where produce or one of the writes fails, none of the
// objects that were not whole by then changes.
func putStreams(ctx context.Context, s store.Store, keys []string, produce func(w []io.Writer) error) ([]File, error) {
	group, ctx := errgroup.WithContext(ctx)
	hashes, ends := make([]*store.Hashing, len(keys)), make([]*io.PipeWriter, len(keys))
	writers, buffers := make([]io.Writer, len(keys)), make([]*bufio.Writer, len(keys))
	for i, key := range keys {
		r, w := io.Pipe()
		ends[i], hashes[i] = w, &store.Hashing{W: w}
		buffers[i] = bufio.NewWriterSize(hashes[i], streamBuffer)
		writers[i] = buffers[i]
		group.Go(func() error {
			_, err := s.Put(ctx, key, r, store.Condition{})
			r.CloseWithError(err) // a write that is still going on ends, too
			return err
		})
	}
	defer func() { // after a panic of produce; else they are closed by then
		for _, w := range ends {
			w.CloseWithError(errAbandoned)
		}
	}()
	err := produce(writers)
	for _, b := range buffers {
		if err == nil {
			err = b.Flush()
		}
	}
	if err == io.EOF { // which a pipe takes for the end of what is whole
		err = io.ErrUnexpectedEOF
	}
	for _, w := range ends {
		w.CloseWithError(err)
	}
	if putErr := group.Wait(); putErr != nil {
		return nil, putErr
	}
	files := make([]File, len(keys))
	for i, key := range keys {
		files[i] = File{Key: key, SHA256: hashes[i].SHA256(), Bytes: hashes[i].Size()}
	}
	return files, err
}

// readStream hands an object of known digest to use as a stream, which need not be read to its
// end. Damage wraps ErrDamaged, whatever use made of it; errors of use come after that.
func readStream(ctx context.Context, s store.Store, f File, use func(io.Reader) error) error {
	body, _, err := s.Get(ctx, f.Key)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	in := store.VerifyReader(body, f.Bytes, f.SHA256)
	failed := use(in)
	_, err = io.Copy(io.Discard, in)
	if errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, f.Key, err)
	}
	return cmp.Or(err, failed)
}
