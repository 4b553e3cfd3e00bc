package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Overlay shows base as it would be after what is written to the overlay, which is kept in
// memory and never reaches base: to find out what a program would write. What others write to
// base meanwhile is seen where the overlay holds nothing of its own.
func Overlay(base Store) Store { return &overlay{base: base, own: map[string]*ownObject{}} }

type overlay struct {
	base Store

	mu      sync.Mutex
	version int
	own     map[string]*ownObject // nil: deleted
}

type ownObject struct {
	info    Info
	content []byte
}

func (o *overlay) URI() string { return o.base.URI() }

func (o *overlay) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	if err := CheckKey(key); err != nil {
		return nil, Info{}, err
	}
	o.mu.Lock()
	own, changed := o.own[key]
	o.mu.Unlock()
	switch {
	case !changed:
		return o.base.Get(ctx, key)
	case own == nil:
		return nil, Info{}, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	return io.NopCloser(untilDone{ctx, bytes.NewReader(own.content)}), own.info, ctx.Err()
}

func (o *overlay) Put(ctx context.Context, key string, body io.Reader, cond Condition) (Info, error) {
	cond.Check()
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	content, err := io.ReadAll(untilDone{ctx, body})
	if err != nil {
		return Info{}, fmt.Errorf("write %s: %w", key, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	former, err := o.inPlace(ctx, key)
	if err != nil {
		return Info{}, fmt.Errorf("write %s: %w", key, err)
	}
	if cond.Absent && former != "" || cond.ETag != "" && former != cond.ETag {
		return Info{}, fmt.Errorf("write %s: %w", key, ErrConflict)
	}
	o.version++
	info := Info{Key: key, Size: int64(len(content)), ETag: fmt.Sprintf("overlay-%d", o.version), Modified: time.Now()}
	o.own[key] = &ownObject{info, content}
	return info, nil
}

// inPlace is the ETag of the object that has a key, "" where none has.
func (o *overlay) inPlace(ctx context.Context, key string) (string, error) {
	if own, changed := o.own[key]; changed {
		if own == nil {
			return "", nil
		}
		return own.info.ETag, nil
	}
	body, info, err := o.base.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return info.ETag, body.Close()
}

func (o *overlay) List(ctx context.Context, prefix string) ([]Info, error) {
	below, err := o.base.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	infos := slices.DeleteFunc(below, func(i Info) bool { _, changed := o.own[i.Key]; return changed })
	for key, own := range o.own {
		if own != nil && strings.HasPrefix(key, prefix) {
			infos = append(infos, own.info)
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Key, b.Key) })
	return infos, nil
}

func (o *overlay) Delete(ctx context.Context, key string) error {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own[key] = nil
	return nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
