package app

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/activities"
	"everfold/config"
)

// Claim: absolute paths and file URIs open, with their size; everything that no retry can
// mend is refused by what is wrong with it, and no refusal opens the file.
func TestDataOpen(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "allowed")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	write := func(path string) string {
		require.NoError(t, os.WriteFile(path, []byte("time,event\n"), 0o600))
		return path
	}
	allowed, outside := write(filepath.Join(inside, "a file.csv")), write(filepath.Join(dir, "secret.csv"))
	uri := (&url.URL{Scheme: "file", Path: allowed}).String()
	require.NoError(t, os.Symlink(outside, filepath.Join(inside, "link.csv")))
	require.NoError(t, os.Symlink("a file.csv", filepath.Join(inside, "alias.csv")))

	for _, tc := range []struct {
		name, uri string
		allow     []string
		err       error
		says      string
	}{
		{name: "path", uri: allowed},
		{name: "file URI, escaped", uri: uri},
		{name: "file URI of this host", uri: "file://localhost" + filepath.Join(inside, "alias.csv")},
		{name: "any folder by default", uri: outside},
		{name: "allowed folder", uri: allowed, allow: []string{"/elsewhere", inside}},
		{name: "link within the folder", uri: filepath.Join(inside, "alias.csv"), allow: []string{inside}},
		{name: "another folder", uri: outside, allow: []string{inside}, err: activities.ErrDataRefused, says: "--allow-data"},
		{name: "dots that lead out", uri: inside + "/../secret.csv", allow: []string{inside}, err: activities.ErrDataRefused, says: "--allow-data"},
		{name: "link that leads out", uri: filepath.Join(inside, "link.csv"), allow: []string{inside}, err: activities.ErrDataRefused, says: "link.csv"},
		{name: "relative", uri: "data/churn.csv", err: activities.ErrDataRefused, says: "relative"},
		{name: "another host", uri: "file://server/a.csv", err: activities.ErrDataRefused, says: "file:///PATH"},
		{name: "scheme", uri: "http://host/a.csv", err: activities.ErrDataRefused, says: "not supported"},
		{name: "bucket without a key", uri: "s3://bucket", err: activities.ErrDataRefused, says: "s3://bucket/key"},
		{name: "another bucket", uri: "s3://bucket/a.csv", allow: []string{inside, "s3://bucke", "s3://bucket/data"}, err: activities.ErrDataRefused, says: "--allow-data"},
		{name: "folder", uri: inside, err: activities.ErrDataRefused, says: "is a folder"},
		{name: "missing", uri: filepath.Join(dir, "no.csv"), err: fs.ErrNotExist, says: "no.csv"},
		{name: "missing in the folder", uri: filepath.Join(inside, "no.csv"), allow: []string{inside}, err: fs.ErrNotExist, says: "no.csv"},
		{name: "missing folder", uri: "/no/such/a.csv", allow: []string{"/no/such"}, err: fs.ErrNotExist, says: "/no/such"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, size, err := Data{Allow: Allowed{Data: tc.allow}}.Open(t.Context(), tc.uri, config.Store{})
			if tc.err != nil {
				require.ErrorIs(t, err, tc.err)
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			defer r.Close()
			require.EqualValues(t, len("time,event\n"), size)
			text, err := io.ReadAll(r)
			require.NoError(t, err)
			require.Equal(t, "time,event\n", string(text))
		})
	}
}

// Claim: a writer that ends with a bare io.EOF has failed: nothing is stored for it.
func TestWriteDataOfTruncated(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil && r.Method == http.MethodPut {
			w.Header().Set("ETag", `"x"`)
		}
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "here", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"} {
		t.Setenv(name, value)
	}
	_, err := WriteData(t.Context(), "s3://bucket/out.csv", func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return io.EOF
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
