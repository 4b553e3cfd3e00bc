package activities

import (
	"context"
	"io"

	"everfold/store"
	"everfold/survival"
)

// alive makes every operation of a store, every piece of an object read or written, and what
// the store itself tells, a sign of life: verifying all artifacts of a large run, sending a
// large object and trying again take longer than the heartbeat timeout. A store that hangs
// gives none.
type alive struct{ store.Store }

// listening hands the store's own signs of life on.
func listening(ctx context.Context) context.Context {
	return store.WithProgress(ctx, func() { _ = survival.Check(ctx, 0, 0) }) // the store sees ctx end itself
}

func (a alive) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return nil, store.Info{}, err
	}
	body, info, err := a.Store.Get(listening(ctx), key)
	if err != nil {
		return nil, info, err
	}
	return &aliveBody{aliveReader{ctx, body}, body}, info, nil
}

func (a alive) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return store.Info{}, err
	}
	return a.Store.Put(listening(ctx), key, aliveReader{ctx, body}, cond)
}

func (a alive) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return nil, err
	}
	return a.Store.List(listening(ctx), prefix)
}

func (a alive) Delete(ctx context.Context, key string) error {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return err
	}
	return a.Store.Delete(listening(ctx), key)
}

// aliveReader reads an object's bytes and beats.
type aliveReader struct {
	ctx  context.Context
	body io.Reader
}

func (r aliveReader) Read(p []byte) (int, error) {
	if err := survival.Check(r.ctx, 0, 0); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

type aliveBody struct {
	aliveReader
	io.Closer
}

// aliveReaderAt is aliveReader for what is read at random.
type aliveReaderAt struct {
	ctx  context.Context
	body io.ReaderAt
}

func (r aliveReaderAt) ReadAt(p []byte, at int64) (int, error) {
	if err := survival.Check(r.ctx, 0, 0); err != nil {
		return 0, err
	}
	return r.body.ReadAt(p, at)
}
