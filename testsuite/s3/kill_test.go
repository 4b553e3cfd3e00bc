package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/store"
	"everfold/testsuite/harness"
)

// manifest describes a payload, as a fold's does.
type manifest struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	writers = 4
	each    = 25 // payloads with their manifests that a writer writes
)

// The S3 server is killed twice while writers put payloads and then their manifests. Every
// writer gets through; every manifest that is there, acknowledged or not, verifies, and all
// acknowledged ones are there.
func TestServerKilledUnderLoad(t *testing.T) {
	seeds, _ := harness.Soak(t, 3)
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			server := harness.S3(t)
			s := server.Store("load")
			acknowledged, failed := make(chan string, writers*each), make(chan error, writers)
			var group sync.WaitGroup
			for w := range uint64(writers) {
				group.Go(func() {
					if err := writeAll(t.Context(), s, rand.New(rand.NewPCG(seed, w)), w, acknowledged); err != nil {
						failed <- err
					}
				})
			}
			random := rand.New(rand.NewPCG(seed, writers))
			keys := map[string]bool{}
			take := func(n int) {
				for range n {
					select {
					case key := <-acknowledged:
						keys[key] = true
					case err := <-failed:
						require.NoError(t, err)
					}
				}
			}
			for range 2 {
				take(1 + random.IntN(writers*each/3))
				server.Restart()
			}
			take(writers*each - len(keys))
			group.Wait()
			requireWhole(t, s, keys)
		})
	}
}

// An S3 server that is killed while it makes one object of uploaded parts has none of it, and on
// versitygw the upload then counts as one at work for good: to be completed again is answered by
// success. A write is acknowledged for what can be read alone.
func TestServerKilledInAssembly(t *testing.T) {
	server := harness.S3(t)
	s := server.Store("assembly")
	payload := bytes.Repeat([]byte("0123456789abcdef"), 4<<20)
	seen := map[string]bool{}
	for i := 0; len(seen) < 3; i++ { // most kills meet it
		key := fmt.Sprintf("payload/%d", i)
		done := make(chan error, 1)
		go func() { done <- putUntil(t.Context(), s, key, payload) }()
		for len(done) == 0 && !assembling(t, server, seen) {
			runtime.Gosched() // that state lasts some 50 ms
		}
		server.Restart()
		require.NoError(t, <-done)
		require.NoError(t, store.Verify(t.Context(), s, key, int64(len(payload)), store.SHA256(payload)), key)
	}
}

// assembling says whether the server has an upload in hand that is not yet seen.
func assembling(t *testing.T, server *harness.S3Server, seen map[string]bool) bool {
	uploads, err := filepath.Glob(filepath.Join(server.Dir, harness.S3Bucket, ".sgwtmp", "multipart", "*", "*.inprogress"))
	require.NoError(t, err)
	found := false
	for _, upload := range uploads {
		found = found || !seen[upload]
		seen[upload] = true
	}
	return found
}

// writeAll writes a writer's payloads and manifests, each until it is acknowledged.
func writeAll(ctx context.Context, s store.Store, random *rand.Rand, writer uint64, acknowledged chan<- string) error {
	for i := range each {
		size := random.IntN(100_000)
		if i == each/2 {
			size += 8 << 20 // in parts
		}
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		m := manifest{Key: fmt.Sprintf("payload/%d-%d", writer, i), Size: int64(size), SHA256: store.SHA256(payload)}
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("manifest/%d-%d.json", writer, i)
		if err := errors.Join(putUntil(ctx, s, m.Key, payload), putUntil(ctx, s, key, text)); err != nil {
			return err
		}
		acknowledged <- key
	}
	return nil
}

// putUntil writes an object once, over every outage.
func putUntil(ctx context.Context, s store.Store, key string, content []byte) error {
	for {
		_, err := store.PutReconciled(ctx, s, key, content, store.Condition{Absent: true})
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
	}
}

func requireWhole(t *testing.T, s store.Store, acknowledged map[string]bool) {
	t.Helper()
	infos, err := s.List(t.Context(), "manifest/")
	require.NoError(t, err)
	for _, info := range infos {
		text, _, err := store.ReadAll(t.Context(), s, info.Key, 1<<10)
		require.NoError(t, err)
		var m manifest
		require.NoError(t, json.Unmarshal(text, &m), info.Key)
		require.NoError(t, store.Verify(t.Context(), s, m.Key, m.Size, m.SHA256), info.Key)
		delete(acknowledged, info.Key)
	}
	require.Empty(t, acknowledged, "acknowledged, and not there")
}

// A run whose S3 server is killed at three moments ends as if it had not been.
func TestServerKilledUnderARun(t *testing.T) {
	l := newLab(t)
	l.worker()
	want := l.undisturbed()
	run := l.start(l.spec(veteran(t), at(l.bucket.URL, "killed")))
	for _, manifests := range []int{1, 4, 8} {
		harness.Eventually(t, "the next folds", func() bool { return l.manifests("killed") >= manifests })
		l.bucket.Restart()
	}
	e := harness.Completed(t, run)
	require.Equal(t, 3*folds, e.Trained+e.Reused) // reused: killed between a manifest and its acknowledgement
	requireEqual(t, want, treeOf(t, l.bucket.Store("killed"), veteran(t)), "killed")
}

// manifests counts the folds of a store that are complete, in the S3 server's own folder.
func (l *lab) manifests(prefix string) int {
	l.t.Helper()
	root := filepath.Join(l.bucket.Dir, harness.S3Bucket, prefix, "production", runName)
	n := 0
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not begun, or a temporary file
		}
		if err != nil {
			return err
		}
		if _, _, ok := artifact.ManifestOf(strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/")); ok {
			n++
		}
		return nil
	})
	require.NoError(l.t, err)
	return n
}
