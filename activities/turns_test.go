package activities

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
)

// distant is a store that takes a second for every operation.
type distant struct{ store.Store }

func (d distant) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	<-time.After(time.Second)
	return d.Store.Get(ctx, key)
}

func (d distant) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	<-time.After(time.Second)
	return d.Store.Put(ctx, key, body, cond)
}

func (d distant) List(ctx context.Context, prefix string) ([]store.Info, error) {
	<-time.After(time.Second)
	return d.Store.List(ctx, prefix)
}

func (d distant) Delete(ctx context.Context, key string) error {
	<-time.After(time.Second)
	return d.Store.Delete(ctx, key)
}

// A fold takes eight turns to the store and back, one after the other, once the table is there: what
// need not wait for another turn goes beside it. (By a clock that moves when all wait.)
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		s := l.spec()
		_, err := l.prepare(s, config.Request{})
		require.NoError(t, err)
		_, err = l.fit(s, "cox_ph", 0, "") // with the table, which later ones have
		require.NoError(t, err)
		l.root = distant{l.root}
		turns := func(work func() error) int {
			began := time.Now()
			require.NoError(t, work())
			return int(time.Since(began) / time.Second)
		}
		require.Equal(t, 8, turns(func() error { _, err := l.fit(s, "cox_ph", 1, ""); return err }))
		require.Equal(t, 3, turns(func() error { _, err := l.fit(s, "cox_ph", 1, ""); return err }), "a complete one is verified")
	})
}
