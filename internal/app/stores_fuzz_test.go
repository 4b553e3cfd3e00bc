package app

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/config"
	"everfold/store"
)

// placesOfStores are ways to write a folder in or outside of /ROOT/in, seen from /ROOT/in.
var placesOfStores = []string{
	"/ROOT/in", "/ROOT/in/team/a", "file:///ROOT/in/team", "FILE:///ROOT/in", "file://localhost/ROOT/in", "/ROOT/in/away/x",
	"/ROOT/outside", "../outside", "outside", ".", "", "/", "/ROOT/in/../outside", "file:///ROOT/in/%2e%2e/outside", "FILE:///ROOT/outside",
	"File://localhost/ROOT/outside", "file:/ROOT/outside", "file://server/ROOT/in", "file:outside", "/ROOT/inside", "//ROOT/in",
	"s3://bucket/in", "S3://bucket/in", "http://h/in", "file://%zz/ROOT/in", "/proc/self/cwd/../outside",
}

// FuzzStoreOpen: whatever the place of a store looks like, activities that are given it get one in
// the allowed folder or none, and what is written there arrives nowhere else.
func FuzzStoreOpen(f *testing.F) {
	for _, uri := range placesOfStores {
		f.Add(uri)
	}
	root := f.TempDir()
	in, outside := filepath.Join(root, "in"), filepath.Join(root, "outside")
	require.NoError(f, os.MkdirAll(filepath.Join(in, "team"), 0o755))
	require.NoError(f, os.Mkdir(outside, 0o755))
	require.NoError(f, os.Symlink(outside, filepath.Join(in, "away")))
	f.Chdir(in)
	allow := Allowed{Store: []string{in}}
	require.NoError(f, allow.Validate())
	f.Fuzz(func(t *testing.T, uri string) {
		uri = strings.ReplaceAll(uri, "/ROOT", (&url.URL{Path: root}).EscapedPath())
		st, err := (&Stores{Allow: allow}).Open(t.Context(), config.Store{URI: uri})
		if err != nil {
			return
		}
		place, err := url.Parse(st.URI())
		require.NoError(t, err)
		require.Equal(t, "file", place.Scheme, uri)
		rest, err := filepath.Rel(in, place.Path)
		require.NoError(t, err)
		require.True(t, filepath.IsLocal(rest), "%q is %s", uri, place.Path)
		if len(place.Path) < 512 {
			_, _ = store.PutBytes(t.Context(), st, "probe", []byte("x"), store.Condition{}) // refused where a link leads out
		}
		entries, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Empty(t, entries, uri)
	})
}
