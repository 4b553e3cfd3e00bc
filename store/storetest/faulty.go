package storetest

import (
	"context"
	"io"

	"everfold/store"
)

// Op is a method of a store.
type Op string

// The methods that Faulty can disturb.
const (
	Get    Op = "get"
	Put    Op = "put"
	List   Op = "list"
	Delete Op = "delete"
)

// Faulty passes calls on to Store and lets a test fail or accompany each. The functions
// may be nil and are called by whatever goroutine calls the store; Before and After may
// use the inner Store, for instance to play the other writer of a race.
type Faulty struct {
	store.Store
	// Before runs ahead of the call; its error is returned instead of calling.
	Before func(op Op, key string) error
	// After runs when the call has succeeded; its error is returned although the call took
	// effect, as when the answer of a server is lost.
	After func(op Op, key string) error
}

// Get implements store.Store.
func (f *Faulty) Get(ctx context.Context, key string) (body io.ReadCloser, info store.Info, err error) {
	err = f.around(Get, key, func() error {
		body, info, err = f.Store.Get(ctx, key)
		return err
	})
	return body, info, err
}

// Put implements store.Store.
func (f *Faulty) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (info store.Info, err error) {
	err = f.around(Put, key, func() error {
		info, err = f.Store.Put(ctx, key, body, cond)
		return err
	})
	return info, err
}

// List implements store.Store; the key that Before and After see is the prefix.
func (f *Faulty) List(ctx context.Context, prefix string) (infos []store.Info, err error) {
	err = f.around(List, prefix, func() error {
		infos, err = f.Store.List(ctx, prefix)
		return err
	})
	return infos, err
}

// Delete implements store.Store.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.around(Delete, key, func() error { return f.Store.Delete(ctx, key) })
}

func (f *Faulty) around(op Op, key string, call func() error) error {
	if f.Before != nil {
		if err := f.Before(op, key); err != nil {
			return err
		}
	}
	if err := call(); err != nil {
		return err
	}
	if f.After != nil {
		return f.After(op, key)
	}
	return nil
}
