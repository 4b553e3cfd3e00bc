package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
)

// Claim: those used last are kept, so many and no more; failures are not.
func TestRecent(t *testing.T) {
	var r recent[int, string]
	made := 0
	get := func(key int) string {
		value, err := r.get(key, func() (string, error) { made++; return fmt.Sprint(key), nil })
		require.NoError(t, err)
		return value
	}
	for key := range mostRecent {
		require.Equal(t, fmt.Sprint(key), get(key))
	}
	get(0) // used again, so key 1 is the oldest
	get(mostRecent)
	require.Len(t, r.held, mostRecent)
	require.Equal(t, mostRecent+1, made)
	get(0)
	require.Equal(t, mostRecent+1, made)
	get(1)
	require.Equal(t, mostRecent+2, made, "it was dropped")
	require.Len(t, r.held, mostRecent)

	_, err := r.get(-1, func() (string, error) { return "", errors.New("no") })
	require.Error(t, err)
	require.NotContains(t, r.held, -1)
}

// Claim: however many stores and trackers specs name, a worker holds a bounded number of them; one
// that is in use when it is dropped works on; and a server has one client for all its stores.
func TestOpenIsBounded(t *testing.T) {
	dir := t.TempDir()
	stores := &Stores{}
	first, err := stores.Open(t.Context(), config.Store{URI: dir + "/first"})
	require.NoError(t, err)
	trackers := environment()
	for i := range 2 * mostRecent {
		_, err := stores.Open(t.Context(), config.Store{URI: fmt.Sprintf("s3://bucket/%d", i), Endpoint: "http://192.0.2.1", PathStyle: i%2 == 0, KMSKey: fmt.Sprint(i)})
		require.NoError(t, err)
		_, err = trackers.Open(config.Tracker{URI: fmt.Sprintf("http://192.0.2.1/%d", i)})
		require.NoError(t, err)
	}
	require.Len(t, stores.open.held, mostRecent)
	require.Len(t, stores.clients.held, 2, "by path and by name")
	require.Len(t, trackers.open.held, mostRecent)
	_, err = first.Put(t.Context(), "a", strings.NewReader("x"), store.Condition{})
	require.NoError(t, err)
	again, err := stores.Open(t.Context(), config.Store{URI: dir + "/first"})
	require.NoError(t, err)
	require.NotSame(t, first, again)

	_, err = stores.Open(t.Context(), config.Store{URI: "s3://bucket/p", Endpoint: "nowhere"})
	require.ErrorAs(t, err, new(*config.Error))
	require.Len(t, stores.clients.held, 2)
}
