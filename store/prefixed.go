package store

import (
	"context"
	"io"
	"strings"
)

// Prefixed shows the objects of s under folder (a key of the allowed form, such as
// "production/churn-2026-11") as a store of its own, with keys relative to it. It panics
// where folder is not a key: names from outside are checked before they become one.
func Prefixed(s Store, folder string) Store {
	if err := CheckKey(folder); err != nil {
		panic("store: " + err.Error())
	}
	return &prefixed{parent: s, prefix: folder + "/"}
}

type prefixed struct {
	parent Store
	prefix string
}

func (p *prefixed) URI() string {
	return strings.TrimSuffix(p.parent.URI(), "/") + "/" + strings.TrimSuffix(p.prefix, "/")
}

func (p *prefixed) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	body, info, err := p.parent.Get(ctx, p.prefix+key)
	return body, p.relative(info), err
}

func (p *prefixed) Put(ctx context.Context, key string, body io.Reader, cond Condition) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	info, err := p.parent.Put(ctx, p.prefix+key, body, cond)
	return p.relative(info), err
}

func (p *prefixed) List(ctx context.Context, prefix string) ([]Info, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	infos, err := p.parent.List(ctx, p.prefix+prefix)
	for i := range infos {
		infos[i] = p.relative(infos[i])
	}
	return infos, err
}

func (p *prefixed) Delete(ctx context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	return p.parent.Delete(ctx, p.prefix+key)
}

func (p *prefixed) relative(info Info) Info {
	info.Key = strings.TrimPrefix(info.Key, p.prefix)
	return info
}
