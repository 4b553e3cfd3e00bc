package local_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/store"
	"everfold/store/local"
)

const crashDirEnv = "EVERFOLD_LOCAL_CRASH_DIR"

// TestMain lets the crash test run this binary as its writer.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

// A writer killed at any instant leaves whole objects only, every acknowledged one among
// them, and a store that works on.
func TestKilledWriterLeavesWholeObjects(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 12 {
		killWriter(t, dir, 3+7*round%40, acknowledged)
		s := open(t, dir)
		infos, err := s.List(t.Context(), "")
		require.NoError(t, err)
		present := map[string]bool{}
		for _, info := range infos {
			content, _, err := store.ReadAll(t.Context(), s, info.Key, 1<<24)
			require.NoError(t, err)
			requireWhole(t, info.Key, content)
			present[info.Key] = true
		}
		for key := range acknowledged {
			require.True(t, present[key], "%s was acknowledged", key)
		}
	}
	put(t, open(t, dir), "swap/key", string(record(0)))
}

// killWriter starts a writer and kills it right after its n-th acknowledgement, while it
// is busy with the next object.
func killWriter(t *testing.T, dir string, n int, acknowledged map[string]bool) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), crashDirEnv+"="+dir)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(out)
	for i := 0; lines.Scan(); i++ {
		if key, ok := strings.CutPrefix(lines.Text(), "done "); ok {
			acknowledged[key] = true
		}
		if i == n {
			require.NoError(t, command.Process.Kill())
		}
	}
	require.Error(t, command.Wait(), "killed")
	require.NotEmpty(t, acknowledged)
}

// writeForEver mixes create-once, replacement and compare-and-swap.
func writeForEver(dir string) {
	s, err := local.Open(dir)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for i := 0; ; i++ {
		key, cond := fmt.Sprintf("once/%d-%d", os.Getpid(), i), store.Condition{Absent: true}
		if i%3 == 1 {
			key, cond = "replace/key", store.Condition{}
		}
		if i%3 == 2 {
			key, cond = "swap/key", store.Condition{}
			if _, info, err := store.ReadAll(ctx, s, key, 1<<24); err == nil {
				cond.ETag = info.ETag
			}
		}
		if _, err := store.PutBytes(ctx, s, key, record(i), cond); err != nil {
			panic(err)
		}
		fmt.Println("done", key)
	}
}

// record is content that tells whether it is whole: its length, its bytes, its digest.
func record(i int) []byte {
	body := bytes.Repeat([]byte{byte(i)}, 1+i%5*100_000)
	return append([]byte(store.SHA256(body)), body...)
}

func requireWhole(t *testing.T, key string, content []byte) {
	t.Helper()
	require.Greater(t, len(content), 64, key)
	require.Equal(t, string(content[:64]), store.SHA256(content[64:]), key)
}
