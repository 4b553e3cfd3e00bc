package app

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
)

// decorated is a store that tests put around the real one.
type decorated struct{ store.Store }

// Claim: a folder that moves within S3 keeps how its server is reached; one that leaves S3, or
// comes there, does not: such a spec would be refused.
func TestMovedTo(t *testing.T) {
	bucket := config.Store{URI: "s3://bucket/a", Endpoint: "https://h", PathStyle: true}
	require.Equal(t, config.Store{URI: "s3://bucket/b", Endpoint: "https://h", PathStyle: true}, movedTo(bucket, config.Store{URI: "s3://bucket/b"}))
	require.Equal(t, config.Store{URI: "/outputs"}, movedTo(bucket, config.Store{URI: "/outputs"}))
	require.Equal(t, config.Store{URI: "s3://bucket/b"}, movedTo(config.Store{URI: "/outputs"}, config.Store{URI: "s3://bucket/b"}))
}

// Claim: a store is opened once per description, decorated once, and works; what names no
// store is refused by its key.
func TestStoresOpen(t *testing.T) {
	opened := 0
	stores := &Stores{Wrap: func(s store.Store) store.Store { opened++; return &decorated{s} }}
	c := config.Store{URI: filepath.Join(t.TempDir(), "out puts")}
	first, err := stores.Open(t.Context(), c)
	require.NoError(t, err)
	second, err := stores.Open(t.Context(), c)
	require.NoError(t, err)
	require.Same(t, first, second)
	require.IsType(t, &decorated{}, first)
	require.Equal(t, 1, opened)
	_, err = first.Put(t.Context(), "a", strings.NewReader("x"), store.Condition{})
	require.NoError(t, err)
	dir, ok := directory(first)
	require.True(t, ok)
	require.Equal(t, c.URI, dir)
	require.FileExists(t, filepath.Join(dir, "a"))

	bucket, err := stores.Open(t.Context(), config.Store{URI: "s3://bucket/prefix", Endpoint: "http://127.0.0.1:1"})
	require.NoError(t, err, "nothing is asked of the server")
	require.Equal(t, "s3://bucket/prefix", bucket.URI())
	_, ok = directory(bucket)
	require.False(t, ok)
	_, err = stores.Open(t.Context(), config.Store{URI: "s3://bucket/with space"})
	var bad *config.Error
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "store.uri")
	file := filepath.Join(dir, "a")
	_, err = stores.Open(t.Context(), config.Store{URI: file})
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, file+" is a file; want a directory")
	_, err = stores.Open(t.Context(), config.Store{URI: "http://elsewhere"})
	require.Error(t, err)
}
