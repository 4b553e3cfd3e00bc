package app

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"everfold/config"
	"everfold/store"
	"everfold/store/local"
	"everfold/store/storetest"
)

// pollers is a server that knows pollers of the train queue alone.
type pollers struct {
	client.Client
	last time.Time
	err  error
}

func (p pollers) DescribeTaskQueue(_ context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	out := &workflowservice.DescribeTaskQueueResponse{}
	if queue == "everfold-train" && kind == enumspb.TASK_QUEUE_TYPE_ACTIVITY {
		for _, name := range []string{"a", "a", "b"} {
			out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: name, LastAccessTime: timestamppb.New(p.last)})
		}
	}
	return out, p.err
}

// Workers are counted once each, while the server has seen them lately.
func TestServing(t *testing.T) {
	counts, err := Serving(t.Context(), pollers{last: time.Now()})
	require.NoError(t, err)
	require.Equal(t, []int{0, 2, 0}, counts)
	counts, err = Serving(t.Context(), pollers{last: time.Now().Add(-2 * time.Minute)})
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 0}, counts)
	_, err = Serving(t.Context(), pollers{err: errors.New("no")})
	require.ErrorContains(t, err, "everfold-workflows")
}

// A good store is left without an object; a bad one is told by what it does.
func TestTryStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	require.NoError(t, TryStore(t.Context(), config.Store{URI: dir}))
	s, err := local.Open(dir)
	require.NoError(t, err)
	left, err := s.List(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, left)

	var bad *config.Error
	require.ErrorAs(t, TryStore(t.Context(), config.Store{URI: "s3://no bucket"}), &bad)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, TryStore(t.Context(), config.Store{URI: filepath.Join(file, "below")}))
}

// lying is a store that breaks one promise.
type lying struct {
	store.Store
	overwrites, forgets, keeps bool
}

func (l lying) Put(ctx context.Context, key string, body io.Reader, cond store.Condition) (store.Info, error) {
	if l.overwrites {
		cond = store.Condition{}
	}
	if l.forgets && cond.ETag != "" {
		return store.Info{}, nil
	}
	return l.Store.Put(ctx, key, body, cond)
}

func (l lying) Delete(ctx context.Context, key string) error {
	if l.keeps {
		return store.ErrUnavailable
	}
	return l.Store.Delete(ctx, key)
}

// A store that overwrites, forgets or keeps what it should not is noticed.
func TestLyingStore(t *testing.T) {
	require.NoError(t, tryStore(t.Context(), lying{Store: storetest.Memory()}, "doctor"))
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), overwrites: true}, "doctor"), ErrStoreUnfit)
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), forgets: true}, "doctor"), ErrStoreUnfit)
	require.ErrorIs(t, tryStore(t.Context(), lying{Store: storetest.Memory(), keeps: true}, "doctor"), store.ErrUnavailable)
}

// Space is that of the nearest folder that exists.
func TestFreeSpace(t *testing.T) {
	dir := t.TempDir()
	free, err := FreeSpace(filepath.Join(dir, "not", "there"))
	require.NoError(t, err)
	require.Greater(t, free, uint64(0))
	require.Less(t, free, uint64(math.MaxInt64))
	_, err = FreeSpace("\x00")
	require.Error(t, err)
}

// The spec's way to name a variable is taken off.
func TestAlertName(t *testing.T) {
	require.Equal(t, "EVERFOLD_NOTIFY_TEAM", AlertName("${EVERFOLD_NOTIFY_TEAM}"))
}
