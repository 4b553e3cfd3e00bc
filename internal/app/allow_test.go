package app

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"everfold/activities"
	"everfold/config"
	"everfold/store"
)

// specOf is a spec that names these places.
func specOf(data, folds, final, stored string) *config.Spec {
	return &config.Spec{Data: config.Data{URI: data}, Folds: config.Folds{File: folds}, Final: config.Final{Data: final},
		Store: config.Store{URI: stored}, Tracker: config.Tracker{URI: "off"}}
}

// Claim: each key of a spec that names a place is refused by name, with its value and what is
// allowed; a spec within, and any spec where nothing was limited, is not.
func TestAllowedPlaces(t *testing.T) {
	allow := Allowed{Data: []string{"/data", "s3://bucket/in"}, Store: []string{"/outputs", "s3://bucket/out"}}
	require.NoError(t, allow.Validate())
	for _, s := range []*config.Spec{
		specOf("/data/a.csv", "", "", "/outputs"),
		specOf("file:///data/x/../a.csv", "s3://bucket/in/folds.csv", "/data/new.csv", "file:///outputs/team"),
		specOf("s3://bucket/in/a.csv", "/data/f.csv", "s3://bucket/in/b/c.csv", "s3://bucket/out"),
		specOf("s3://bucket/in/a.csv", "", "", "s3://bucket/out/team/"),
	} {
		require.NoError(t, allow.Check(s), "%+v", s)
	}
	require.NoError(t, Allowed{}.Check(specOf("/etc/a.csv", "/f.csv", "/b.csv", "/anywhere")))

	err := allow.Check(specOf("/etc/a.csv", "/f.csv", "/b.csv", "/anywhere"))
	var refused *config.Error
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Problems, 4)
	for i, want := range []string{
		"data.uri: /etc/a.csv is outside of what this worker may read; allowed: /data, s3://bucket/in (--allow-data)",
		"folds.file: /f.csv", "final.data: /b.csv", "store.uri: /anywhere is outside of what this worker may write; allowed: /outputs",
	} {
		require.Contains(t, refused.Problems[i].String(), want)
	}
	require.Equal(t, activities.ErrInvalidSpec, activities.ErrorType(err))
}

// hostileData are ways to write a file outside of /ROOT/in and s3://bucket/in.
var hostileData = []string{
	"/ROOT/secret.csv", "/ROOT/in/../secret.csv", "/ROOT/in/./../secret.csv", "/ROOT/in/x/../../secret.csv", "//ROOT/secret.csv",
	"/ROOT/inside.csv", "/ROOT/in.csv", "/ROOT/IN/a.csv", "/ROOT/in /a.csv",
	"file:///ROOT/secret.csv", "file:///ROOT/in/../secret.csv", "file:///ROOT/in/%2e%2e/secret.csv", "file:///ROOT/in/%2E%2E%2Fsecret.csv",
	"file://localhost/ROOT/in/..%2fsecret.csv", "/ROOT/in/out.csv", "/ROOT/in/away/secret.csv", "/ROOT/in/up.csv", "/proc/self/cwd/secret.csv",
	"s3://bucket/secret.csv", "s3://bucket/in/../secret.csv", "s3://bucket/in/./../secret.csv", "s3://bucket/in/%2e%2e/secret.csv",
	"s3://bucket/in/..%2fsecret.csv", `s3://bucket/in/..\secret.csv`, "s3://bucket/in", "s3://bucket/inside.csv", "s3://BUCKET/in/a.csv",
	"FILE:///ROOT/secret.csv", "File://localhost/ROOT/in/../secret.csv", "../secret.csv", "secret.csv", "s3://bucket.evil/in/a.csv", "s3://bucke/in/a.csv", "s3://bucket//in/a.csv", "s3:///bucket/in/a.csv", "S3://bucket/in/a.csv", "s3:/bucket/in/a.csv",
}

// Claim: no way to write it leads out of an allowed folder or bucket, and a refusal is the same
// whether there is such a file or not.
func TestNoWayOut(t *testing.T) {
	for _, exists := range []bool{true, false} {
		root := t.TempDir()
		in := filepath.Join(root, "in")
		require.NoError(t, os.MkdirAll(filepath.Join(in, "x"), 0o755))
		if exists {
			for _, name := range []string{"secret.csv", "inside.csv", "in.csv"} {
				require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("secret"), 0o600))
			}
		}
		require.NoError(t, os.Symlink(filepath.Join(root, "secret.csv"), filepath.Join(in, "out.csv")))
		require.NoError(t, os.Symlink("../secret.csv", filepath.Join(in, "up.csv")))
		require.NoError(t, os.Symlink(root, filepath.Join(in, "away")))
		t.Chdir(root)
		d := Data{Allow: Allowed{Data: []string{in, "s3://bucket/in"}}}
		for _, uri := range hostileData {
			uri = strings.ReplaceAll(uri, "/ROOT", root)
			_, _, err := d.Open(t.Context(), uri, config.Store{Endpoint: "http://127.0.0.1:1"})
			require.ErrorIs(t, err, activities.ErrDataRefused, uri)
			require.NotErrorIs(t, err, fs.ErrNotExist, uri)
			require.NotContains(t, err.Error(), "no such file", uri)
		}
	}
}

// Claim: what is no regular file is refused in an allowed folder, at once.
func TestDataIsRegular(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, unix.Mkfifo(filepath.Join(root, "pipe.csv"), 0o600))
	d := Data{Allow: Allowed{Data: []string{root, "/dev"}}}
	for path, says := range map[string]string{filepath.Join(root, "pipe.csv"): "no regular file", "/dev/null": "no regular file", root: "is a folder"} {
		_, _, err := d.Open(t.Context(), path, config.Store{})
		require.ErrorIs(t, err, activities.ErrDataRefused, path)
		require.ErrorContains(t, err, says)
	}
}

// Claim: a file that becomes a link between looking and opening leads nowhere.
func TestNoRace(t *testing.T) {
	root := t.TempDir()
	in, outside := filepath.Join(root, "in"), filepath.Join(root, "secret.csv")
	require.NoError(t, os.Mkdir(in, 0o755))
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(in, "good"), []byte("good"), 0o600))
	target := filepath.Join(in, "a.csv")
	d := Data{Allow: Allowed{Data: []string{in}}}
	ends := make(chan struct{})
	var turning sync.WaitGroup
	turning.Go(func() {
		for {
			for _, to := range []string{"good", outside} {
				select {
				case <-ends:
					return
				default:
				}
				_ = os.Symlink(to, filepath.Join(in, "next"))
				_ = os.Rename(filepath.Join(in, "next"), target)
			}
		}
	})
	for range 2000 {
		r, _, err := d.Open(t.Context(), target, config.Store{})
		if err != nil {
			continue
		}
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, "good", string(text))
	}
	close(ends)
	turning.Wait()
}

// Claim: a store is refused outside of what is allowed, makes no file there, and works within,
// where no link leads it, or its log files, out.
func TestAllowedStores(t *testing.T) {
	root := t.TempDir()
	in, outside := filepath.Join(root, "in"), filepath.Join(root, "outside")
	require.NoError(t, os.Mkdir(in, 0o755))
	require.NoError(t, os.Mkdir(outside, 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(in, "away")))
	stores := &Stores{Allow: Allowed{Store: []string{in}}}
	logs := NewRunLogs(stores, "w", slog.DiscardHandler)
	t.Cleanup(func() { logs.Close(time.Minute) })
	t.Chdir(in)
	for _, uri := range []string{outside, in + "/../outside", "file://" + in + "/%2e%2e/outside", "s3://bucket/x", root,
		"../outside", "team", "", "FILE://" + outside, "File://localhost" + outside, "file:" + outside, "file://elsewhere" + in, "file://%zz" + in} {
		_, err := stores.Open(t.Context(), config.Store{URI: uri})
		var refused *config.Error
		require.ErrorAs(t, err, &refused, uri)
		require.ErrorContains(t, err, "--allow-store")
		logs.Logger(runRef(uri, "run")).Info("where to?")
	}
	for _, uri := range []string{in + "/away", in + "/away/deeper"} { // a link made by who may write there
		st, err := stores.Open(t.Context(), config.Store{URI: uri})
		require.NoError(t, err)
		_, err = store.PutBytes(t.Context(), st, "a", []byte("x"), store.Condition{})
		require.ErrorIs(t, err, store.ErrBadKey)
		logs.Logger(runRef(uri, "run")).Info("where to?")
	}
	st, err := stores.Open(t.Context(), config.Store{URI: filepath.Join(in, "team", "a")})
	require.NoError(t, err)
	require.NoError(t, tryStore(t.Context(), st, "x/y"))
	same, err := stores.Open(t.Context(), config.Store{URI: "FILE://" + filepath.Join(in, "team", "a")})
	require.NoError(t, err)
	require.Equal(t, st.URI(), same.URI(), "schemes have no case")
	logs.Logger(runRef(filepath.Join(in, "team"), "run")).Info("here")
	require.DirExists(t, filepath.Join(in, "team", "production", "run", "logs"))

	require.NoError(t, os.MkdirAll(filepath.Join(in, "production"), 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(in, "production", "linked")))
	logs.Logger(runRef(in, "linked")).Info("where to?")
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// Claim: hosts are allowed by name, port and domain; those of the worker's environment always,
// and no other spelling of an address is.
func TestAllowedHosts(t *testing.T) {
	env := map[string]string{envTrackingURI: "http://home:5000"}
	getenv := func(name string) string { return env[name] }
	allow := Allowed{Hosts: []string{"tracking.example", "s3.example:9000", "*.trusted.example", "[::1]:80"}}
	require.NoError(t, allow.Validate())
	for uri, ok := range map[string]bool{
		"http://tracking.example": true, "https://Tracking.Example.:443/x": true, "http://tracking.example:1": true,
		"http://s3.example:9000": true, "http://s3.example": false, "http://s3.example:9001": false,
		"https://a.trusted.example": true, "https://trusted.example": false, "https://nottrusted.example": false, "https://trusted.example.evil": false,
		"http://[::1]": true, "http://[::1]:81": false, "http://home:5000/path": true, "https://home:5000": false, "http://home": false,
		"http://127.0.0.1": false, "http://2130706433": false, "http://0x7f.1": false, "http://[::ffff:127.0.0.1]": false, "http://localhost": false,
		"${MLFLOW_ARCHIVE}": true, "${EVERFOLD_X}": true, "${HTTP_PROXY}": false, "off": true, "": true,
	} {
		text := allow.trackerProblem(config.Tracker{URI: uri}, getenv)
		require.Equal(t, ok, text == "", "%s: %s", uri, text)
	}
	none := Allowed{Hosts: []string{NoHosts}}
	require.NoError(t, none.Validate())
	require.Empty(t, none.trackerProblem(config.Tracker{URI: "http://home:5000"}, getenv))
	require.Contains(t, none.trackerProblem(config.Tracker{URI: "http://none"}, getenv), "--allow-host")

	t.Setenv("AWS_ENDPOINT_URL", "http://s3.home:9000")
	require.Empty(t, none.storeProblems(config.Store{URI: "s3://b/p", Endpoint: "http://s3.home:9000"}))
	require.Len(t, none.storeProblems(config.Store{URI: "s3://b/p", Endpoint: "http://s3.evil"}), 1)
	_, _, err := Data{Allow: none}.Open(t.Context(), "s3://b/a.csv", config.Store{URI: "s3://b/p", Endpoint: "http://s3.evil"})
	require.ErrorIs(t, err, activities.ErrDataRefused)
	_, err = (&Trackers{Allow: none, Getenv: getenv}).Open(config.Tracker{URI: "http://evil"})
	require.ErrorContains(t, err, "tracker.uri: http://evil")

	for _, bad := range [][]string{{""}, {"http://h"}, {"h/x"}, {"*"}, {"a*b"}, {NoHosts, "h"}, {"u@h"}} {
		require.ErrorIs(t, Allowed{Hosts: bad}.Validate(), ErrWorkerOptions, "%v", bad)
	}
	for _, bad := range []string{"data", "s3://", "s3://bucket/../x", "s3://bucket/%2e%2e"} {
		require.ErrorIs(t, Allowed{Data: []string{bad}}.Validate(), ErrWorkerOptions, bad)
	}
}

// Claim: addresses that clouds keep for the machine itself are called for no spec, whatever is
// allowed, and a store there is refused for good; also those that variables of another purpose hold.
func TestReservedServers(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	st, err := (&Stores{}).Open(t.Context(), config.Store{URI: "s3://bucket/p", Endpoint: "http://169.254.169.254", PathStyle: true})
	require.NoError(t, err)
	_, _, err = st.Get(t.Context(), "run.json")
	require.ErrorContains(t, err, "store.endpoint")
	require.Equal(t, activities.ErrInvalidSpec, activities.ErrorType(err))
	found, err := (&Trackers{Getenv: func(string) string { return "" }}).Open(config.Tracker{URI: "http://169.254.169.254"})
	require.NoError(t, err)
	require.ErrorContains(t, found.Probe(t.Context(), "e"), "no spec may name")
	found, err = environment("ECS_CONTAINER_METADATA_URI", "http://169.254.170.2/v3").Open(config.Tracker{URI: "${ECS_CONTAINER_METADATA_URI}"})
	require.NoError(t, err)
	require.ErrorContains(t, found.Probe(t.Context(), "e"), "no spec may name")
}

// Claim: a server that a spec names cannot send the worker, or its session, on to another.
func TestNoRedirect(t *testing.T) {
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hush")
	t.Setenv("AWS_SESSION_TOKEN", "hush too")
	st, err := (&Stores{}).Open(t.Context(), config.Store{URI: "s3://bucket/p", Endpoint: first.URL, PathStyle: true})
	require.NoError(t, err)
	_, _, err = st.Get(t.Context(), "run.json")
	require.Error(t, err)
	tracker, err := (&Trackers{Getenv: func(string) string { return "" }}).Open(config.Tracker{URI: first.URL})
	require.NoError(t, err)
	require.Error(t, tracker.Probe(t.Context(), "e"))
	require.Zero(t, elsewhere)
}

// Claim: a worker that limits something says what, and what it leaves open.
func TestTellAllowed(t *testing.T) {
	told := func(a Allowed) string {
		var b bytes.Buffer
		a.tell(slog.New(slog.NewTextHandler(&b, nil)))
		return b.String()
	}
	require.Empty(t, told(Allowed{}))
	require.Contains(t, told(Allowed{Data: []string{"/data"}}), "without --allow-store and --allow-host")
	all := told(Allowed{Data: []string{"/data"}, Store: []string{"/o"}, Hosts: []string{NoHosts}})
	require.NotContains(t, all, "WARN")
	require.Contains(t, all, "/data")
}

// FuzzDataOpen: whatever a URI looks like, nothing outside of the allowed folder is opened.
func FuzzDataOpen(f *testing.F) {
	for _, uri := range hostileData {
		f.Add(uri)
	}
	f.Add("/ROOT/in/a.csv")
	root := f.TempDir()
	in := filepath.Join(root, "in")
	require.NoError(f, os.MkdirAll(filepath.Join(in, "x"), 0o755))
	require.NoError(f, os.WriteFile(filepath.Join(root, "secret.csv"), []byte("secret"), 0o600))
	require.NoError(f, os.WriteFile(filepath.Join(in, "a.csv"), []byte("good"), 0o600))
	require.NoError(f, os.Symlink(root, filepath.Join(in, "away")))
	d := Data{Allow: Allowed{Data: []string{in}}}
	f.Fuzz(func(t *testing.T, uri string) {
		uri = strings.ReplaceAll(uri, "/ROOT", (&url.URL{Path: root}).EscapedPath())
		r, _, err := d.Open(t.Context(), uri, config.Store{})
		if err != nil {
			return
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "good", string(text))
	})
}
