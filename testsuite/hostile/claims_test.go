package hostile_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/dataset"
	"everfold/store"
	"everfold/store/s3"
)

// tera is what the hostile store says that each of its objects has.
const tera = 1 << 40

// hostileStore is a store on a server that answers whatever is asked with the beginning of an object
// that has, as it says, a terabyte.
func hostileStore(t *testing.T, begin string) s3.Options {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from := r.Header.Get("Range"); from != "" { // it has no more
			http.Error(w, "", http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(tera))
		w.Header().Set("ETag", `"e"`)
		_, _ = io.WriteString(w, begin)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return s3.Options{Endpoint: server.URL, Region: "us-east-1", PathStyle: true}
}

// hugeArray begins an .npy file of a terabyte.
func hugeArray() string {
	const head = 128
	dict := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }", (tera-head)/8)
	dict += strings.Repeat(" ", head-11-len(dict)) + "\n"
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(dict)))) + dict + strings.Repeat("x", 800)
}

// Claim: whatever kind of object a store claims to be a terabyte large, reading it fails and takes
// memory for what came alone.
func TestClaimedSizes(t *testing.T) {
	digest := strings.Repeat("0", 64)
	rows := func(name string) func(store.Store, s3.Options) error {
		return func(_ store.Store, at s3.Options) error {
			source := dataset.Source{Name: name, Open: func(ctx context.Context) (io.ReadCloser, int64, error) {
				return s3.OpenObject(ctx, "s3://bucket/"+name, at)
			}}
			_, _, err := dataset.Read(t.Context(), source, dataset.Schema{Time: "time", Event: "event"})
			return err
		}
	}
	for name, c := range map[string]struct {
		begin string
		read  func(s store.Store, at s3.Options) error
	}{
		"run.json": {"{", func(s store.Store, _ s3.Options) error { _, _, err := artifact.ReadRun(t.Context(), s); return err }},
		"manifest": {"{", func(s store.Store, _ s3.Options) error {
			_, _, err := artifact.ReadManifest(t.Context(), s, "cox", 0)
			return err
		}},
		"checkpoint": {"state", func(s store.Store, _ s3.Options) error {
			_, err := artifact.ReadCheckpoint(t.Context(), s, artifact.Checkpoint{Task: artifact.Task{Model: "cox"}, Fit: digest, Piece: "1"})
			return err
		}},
		"table of scores": {"model,fold\n", func(s store.Store, _ s3.Options) error {
			_, _, err := store.ReadAll(t.Context(), s, artifact.MetricsKey, 2*tera)
			return err
		}},
		"array": {hugeArray(), func(s store.Store, _ s3.Options) error {
			_, err := artifact.GetArray[float64](t.Context(), s,
				artifact.File{Key: "folds/fold0_times.npy", SHA256: digest, Bytes: tera, DType: "<f8", Shape: []int{(tera - 128) / 8}})
			return err
		}},
		"prepared table": {"PAR1", func(s store.Store, _ s3.Options) error {
			_, err := store.ReadVerified(t.Context(), s, artifact.PreparedKey, tera, digest)
			return err
		}},
		"rows as CSV":     {"time,event,age\n" + strings.Repeat("1,1,30\n", 5000), rows("rows.csv")},
		"rows as Parquet": {"PAR1", rows("rows.parquet")},
	} {
		t.Run(name, func(t *testing.T) {
			where := hostileStore(t, c.begin)
			s, err := s3.Open(t.Context(), "s3://bucket/runs", where)
			require.NoError(t, err)
			bounded(t, len(c.begin), 32*mib, 64, func() { err = c.read(s, where) })
			require.Error(t, err)
			t.Log(err)
		})
	}
}
