package app

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"everfold/internal/metrics"
	"everfold/store"
	"everfold/store/storetest"
)

// broken is a store that answers everything with one error.
type broken struct{ err error }

func (broken) URI() string { return "broken://" }
func (b broken) Get(context.Context, string) (io.ReadCloser, store.Info, error) {
	return nil, store.Info{}, b.err
}
func (b broken) Put(context.Context, string, io.Reader, store.Condition) (store.Info, error) {
	return store.Info{}, b.err
}
func (b broken) List(context.Context, string) ([]store.Info, error) { return nil, b.err }
func (b broken) Delete(context.Context, string) error               { return b.err }

// breaking is an object whose bytes end in an error.
type breaking struct{ store.Store }

func (breaking) Get(context.Context, string) (io.ReadCloser, store.Info, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("abc"), &failingReader{})), store.Info{Size: 9}, nil
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, store.ErrUnavailable }

// Claim: a measured store keeps the contract of the store below it.
func TestMeasuredStoreConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return measure(storetest.Memory(), client.MetricsNopHandler) })
}

// Claim: operations, bytes and errors of a store are counted; what is absent, a condition that
// does not hold and a context that has ended are no errors; every series of errors is there
// from the start.
func TestMeasuredStore(t *testing.T) {
	h := metrics.NewHandler()
	s := measure(storetest.Memory(), h)
	ctx := t.Context()
	_, err := store.PutBytes(ctx, s, "a", []byte("12345"), store.Condition{})
	require.NoError(t, err)
	_, err = store.PutBytes(ctx, s, "a", []byte("1"), store.Condition{Absent: true})
	require.ErrorIs(t, err, store.ErrConflict)
	_, _, err = store.ReadAll(ctx, s, "a", 10)
	require.NoError(t, err)
	_, _, err = s.Get(ctx, "b")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.List(ctx, "")
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, "a"))

	for _, err := range []error{store.ErrUnavailable, store.ErrCorrupt, errors.New("any")} {
		require.ErrorIs(t, measure(broken{err}, h).Delete(ctx, "a"), err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, measure(broken{errors.New("any")}, h).Delete(ended, "a"))
	_, _, err = store.ReadAll(ctx, measure(breaking{}, h), "a", 10)
	require.ErrorIs(t, err, store.ErrUnavailable)

	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(h))
	const help = "See docs/OPERATIONS.md for everfold's, Temporal's SDK metrics reference for temporal_."
	want := `# HELP everfold_store_errors_total HELP
# TYPE everfold_store_errors_total counter
everfold_store_errors_total{error="corrupt",operation="delete"} 1
everfold_store_errors_total{error="corrupt",operation="get"} 0
everfold_store_errors_total{error="corrupt",operation="list"} 0
everfold_store_errors_total{error="corrupt",operation="put"} 0
everfold_store_errors_total{error="other",operation="delete"} 1
everfold_store_errors_total{error="other",operation="get"} 0
everfold_store_errors_total{error="other",operation="list"} 0
everfold_store_errors_total{error="other",operation="put"} 0
everfold_store_errors_total{error="unavailable",operation="delete"} 1
everfold_store_errors_total{error="unavailable",operation="get"} 1
everfold_store_errors_total{error="unavailable",operation="list"} 0
everfold_store_errors_total{error="unavailable",operation="put"} 0
# HELP everfold_store_operations_total HELP
# TYPE everfold_store_operations_total counter
everfold_store_operations_total{operation="delete"} 5
everfold_store_operations_total{operation="get"} 3
everfold_store_operations_total{operation="list"} 1
everfold_store_operations_total{operation="put"} 2
# HELP everfold_store_read_bytes_total HELP
# TYPE everfold_store_read_bytes_total counter
everfold_store_read_bytes_total 8
# HELP everfold_store_written_bytes_total HELP
# TYPE everfold_store_written_bytes_total counter
everfold_store_written_bytes_total 5
`
	for line := range strings.Lines(want) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok {
			name = strings.TrimSuffix(name, " HELP\n")
			want = strings.Replace(want, line, "# HELP "+name+" "+help+"\n", 1)
		}
	}
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(want)))
}

// Claim: metrics are listened for at a host:port and nothing else; without any, nothing is
// counted.
func TestListenMetrics(t *testing.T) {
	_, err := ListenMetrics("9464")
	require.ErrorIs(t, err, ErrWorkerOptions)
	require.ErrorContains(t, err, "127.0.0.1:9464")
	m, err := ListenMetrics("127.0.0.1:0")
	require.NoError(t, err)
	require.NotEqual(t, client.MetricsNopHandler, m.handler())
	require.NoError(t, m.Close())
	require.Equal(t, client.MetricsNopHandler, (*Metrics)(nil).handler())
}
