package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// PutBytes is Put of content held in memory.
func PutBytes(ctx context.Context, s Store, key string, content []byte, cond Condition) (Info, error) {
	return s.Put(ctx, key, bytes.NewReader(content), cond)
}

// ReadAll reads an object whole. An object of more than max bytes is ErrTooLarge, and no
// more than max bytes are ever held.
func ReadAll(ctx context.Context, s Store, key string, max int64) ([]byte, Info, error) {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	defer body.Close()
	if info.Size > max {
		return nil, Info{}, fmt.Errorf("read %s: %w: %d bytes, at most %d are allowed", key, ErrTooLarge, info.Size, max)
	}
	content, err := io.ReadAll(io.LimitReader(body, max+1))
	if err != nil {
		return nil, Info{}, fmt.Errorf("read %s: %w", key, err)
	}
	if int64(len(content)) > max {
		return nil, Info{}, fmt.Errorf("read %s: %w: at most %d bytes are allowed", key, ErrTooLarge, max)
	}
	return content, info, nil
}

// ReadVerified reads an object of known size and SHA-256 whole. ErrCorrupt where it is
// anything else; its bytes are then not returned.
func ReadVerified(ctx context.Context, s Store, key string, size int64, sha256 string) ([]byte, error) {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size != size { // before reading anything of a size that is wrong anyway
		return nil, fmt.Errorf("read %s: %w: %d bytes, expected %d", key, ErrCorrupt, info.Size, size)
	}
	content, err := readClaimed(VerifyReader(body, size, sha256), size)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return content, nil
}

// readClaimed reads a stream to its end, which is said to come after size bytes.
func readClaimed(r io.Reader, size int64) ([]byte, error) {
	var content []byte
	for {
		if len(content) == cap(content) {
			content = slices.Grow(content, Room(len(content), int(min(size, math.MaxInt-1))+1)-len(content)) // the end is read into the last byte
		}
		n, err := r.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err == io.EOF {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

const (
	// firstRoom elements are made room for before any has come.
	firstRoom = 1 << 20
	// roomAhead is how many times as much as has come room is made for.
	roomAhead = 16
)

// Room is how many elements to make room for when have of them have come and said are said to
// come in all. A size is a claim of whoever keeps the object: a wrong one costs no memory.
func Room(have, said int) int {
	return max(have+1, min(said, max(firstRoom, roomAhead*have)))
}

// Verify streams an object of known size and SHA-256 and keeps nothing. ErrNotFound where
// it is missing, ErrCorrupt where it is anything else.
func Verify(ctx context.Context, s Store, key string, size int64, sha256 string) error {
	body, info, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	if info.Size != size {
		return fmt.Errorf("verify %s: %w: %d bytes, expected %d", key, ErrCorrupt, info.Size, size)
	}
	if _, err := io.Copy(io.Discard, VerifyReader(body, size, sha256)); err != nil {
		return fmt.Errorf("verify %s: %w", key, err)
	}
	return nil
}

// PutReconciled is PutBytes that takes ErrConflict for success where the object in place
// has this very content: somebody, perhaps an earlier try whose answer was lost, already
// did the work. Any other object in place leaves the ErrConflict.
func PutReconciled(ctx context.Context, s Store, key string, content []byte, cond Condition) (Info, error) {
	info, err := PutBytes(ctx, s, key, content, cond)
	if !errors.Is(err, ErrConflict) {
		return info, err
	}
	inPlace, info, readErr := ReadAll(ctx, s, key, int64(len(content)))
	switch {
	case readErr == nil && bytes.Equal(inPlace, content):
		return info, nil
	case readErr == nil, errors.Is(readErr, ErrNotFound), errors.Is(readErr, ErrTooLarge):
		return Info{}, err // another object, or none: the conflict stands
	default:
		return Info{}, fmt.Errorf("read back after conflict: %w", readErr)
	}
}
