package activities

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

// A preparation that comes to its end after a later start of the run has prepared other data, as one
// that hung over the source does, writes nothing: the later start's files stay, and its folds can be fitted.
func TestLatePreparation(t *testing.T) {
	for name, begun := range map[string]bool{"of a new run": false, "of a run that there is": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			content, err := os.ReadFile(veteran)
			require.NoError(t, err)
			fewer := filepath.Join(l.dir, "fewer.csv")
			lines := strings.SplitAfter(string(content), "\n")
			require.NoError(t, os.WriteFile(fewer, []byte(strings.Join(lines[:130], "")), 0o600))
			late, next := l.spec(), l.spec("data.uri="+fewer)
			if begun {
				_, err := l.prepare(late, config.Request{})
				require.NoError(t, err)
			}
			other := newLab(t) // another worker of the same store
			other.root = l.root
			var once sync.Once
			var after map[string]string
			l.a.OpenData = func(ctx context.Context, uri string, s config.Store) (io.ReadCloser, int64, error) {
				once.Do(func() {
					_, err := other.prepare(next, config.Request{})
					require.NoError(t, err)
					after = other.tree()
				})
				return openFile(ctx, uri, s)
			}
			_, err = l.prepare(late, config.Request{})
			requireType(t, err, ErrStoreUnavailable, true)
			_, fits := other.fit(next, "cox_ph", 0, "")
			require.NoError(t, fits)
			for key, content := range after {
				require.Equal(t, content, other.object(key), key)
			}
			require.ErrorContains(t, err, "another start")
		})
	}
}

// An attempt whose start could not be recorded for sure leaves no record of it: that would be taken
// for a lost worker, and a store that refuses some calls for a while would make the fold a poison fold.
func TestStartThatIsNotRecorded(t *testing.T) {
	isStart := func(key string) bool { return strings.Contains(key, "/start.") }
	recorded := make(chan struct{})
	for name, faulty := range map[string]*storetest.Faulty{
		"the answer is lost": {After: func(op storetest.Op, key string) error {
			if op == storetest.Put && isStart(key) {
				return store.ErrUnavailable
			}
			return nil
		}},
		"it cannot be listed": {
			Before: func(op storetest.Op, key string) error {
				if op == storetest.List && isStart(key) {
					<-recorded
					return store.ErrUnavailable
				}
				return nil
			},
			After: func(op storetest.Op, key string) error {
				if op == storetest.Put && isStart(key) {
					close(recorded)
				}
				return nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			s := l.spec()
			_, err := l.prepare(s, config.Request{})
			require.NoError(t, err)
			faulty.Store, l.root = l.root, faulty
			_, err = l.fit(s, "cox_ph", 0, "")
			requireType(t, err, ErrStoreUnavailable, true)
			left, err := faulty.Store.List(t.Context(), "production/lab/"+artifact.CheckpointsPrefix)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
