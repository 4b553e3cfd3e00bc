package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"everfold/config"
	"everfold/notify"
	"everfold/store"
)

// TryStore does everything that a run needs of a store, to an object of its own: it is
// written, refused a second time, read back, replaced and removed. Errors are *config.Error
// or the store's.
func TryStore(ctx context.Context, c config.Store) error {
	s, err := (&Stores{}).Open(ctx, c)
	if err != nil {
		return err
	}
	return tryStore(ctx, s, fmt.Sprintf("doctor/%d.%d", os.Getpid(), time.Now().UnixNano()))
}

func tryStore(ctx context.Context, s store.Store, key string) (err error) {
	info, err := store.PutBytes(ctx, s, key, []byte("first"), store.Condition{Absent: true})
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	defer func() {
		if failed := s.Delete(ctx, key); failed != nil && err == nil {
			err = fmt.Errorf("remove: %w", failed)
		}
	}()
	if _, err := store.PutBytes(ctx, s, key, []byte("other"), store.Condition{Absent: true}); !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w: a create-once write over an object was not refused: %w", ErrStoreUnfit, err)
	}
	if _, err := store.PutBytes(ctx, s, key, []byte("second"), store.Condition{ETag: info.ETag}); err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	content, _, err := store.ReadAll(ctx, s, key, 100)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if string(content) != "second" {
		return fmt.Errorf("%w: it does not read back what was written last", ErrStoreUnfit)
	}
	return nil
}

// ErrStoreUnfit: a store answers, but does not keep its promises.
var ErrStoreUnfit = errors.New("the store is not fit for runs")

// FreeSpace is the space that is left to this user where path is, or where it would be
// created.
func FreeSpace(path string) (bytes uint64, err error) {
	for {
		var stat unix.Statfs_t
		err := unix.Statfs(path, &stat)
		switch {
		case err == nil:
			return uint64(stat.Bavail) * uint64(stat.Bsize), nil // their types differ between systems
		case !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path):
			return 0, fmt.Errorf("look at the disk of %s: %w", path, err)
		}
		path = filepath.Dir(path)
	}
}

// AlertsPrefix begins the names of environment variables that hold shoutrrr URLs.
const AlertsPrefix = "EVERFOLD_NOTIFY_"

// The errors of ReachAlert, beside nil.
var (
	ErrAlertURL       = notify.ErrURL     // not a usable shoutrrr URL
	ErrAlertUnreached = notify.ErrNotSent // its host takes no connection
)

// ReachAlert checks an alert endpoint without sending anything. service is its name, such as
// "slack"; connected says whether its host was tried, which only mail and webhooks name.
// No error quotes the URL.
func ReachAlert(ctx context.Context, url string) (service string, connected bool, err error) {
	connected, err = notify.Reach(ctx, url)
	return notify.Service(url), connected, err
}

// AlertName is the environment variable that an entry of the spec's notify names.
func AlertName(entry string) string {
	return strings.TrimSuffix(strings.TrimPrefix(entry, "${"), "}")
}
