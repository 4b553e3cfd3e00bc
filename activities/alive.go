package activities

import (
	"context"
	"io"

	"everfold/store"
	"everfold/survival"
)

// alive makes every operation of a store, and every piece of an object read or written, a
// sign of life: verifying all artifacts of a large run takes longer than the heartbeat
// timeout, a store that hangs gives none.
type alive struct{ store.Store }

func (a alive) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return nil, store.Info{}, err
	}
	body, info, err := a.Store.Get(ctx, key)
	if err != nil {
		return nil, info, err
	}
	return &aliveBody{aliveReader{ctx, body}, body}, info, nil
}

func (a alive) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return store.Info{}, err
	}
	return a.Store.Put(ctx, key, aliveReader{ctx, body}, cond)
}

func (a alive) List(ctx context.Context, prefix string) ([]store.Info, error) {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return nil, err
	}
	return a.Store.List(ctx, prefix)
}

func (a alive) Delete(ctx context.Context, key string) error {
	if err := survival.Check(ctx, 0, 0); err != nil {
		return err
	}
	return a.Store.Delete(ctx, key)
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
