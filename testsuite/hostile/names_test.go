package hostile_test

import (
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"everfold/artifact"
	"everfold/config"
	"everfold/store"
	"everfold/store/storetest"
)

// FuzzNames: whatever is given for the name of a run or a model, a key or the beginning of keys: what
// is accepted stays in its folder, on every system.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"churn-2026-11", "../x", "a/../b", "a//b", "a/b/", "/a", "a\\b", "C:x", "a\x00b", "é", ".hidden", "nul", "a.b=c_d-e",
		strings.Repeat("a", 201), strings.Repeat("a/", 501), "artifacts/cox/cox_fold0.json", "artifacts/cox/cox_fold-0.json", "artifacts/a/a_fold00.json"} {
		f.Add(name)
	}
	s := storetest.Memory()
	f.Fuzz(func(t *testing.T, name string) {
		bounded(t, len(name), 4*mib, 1<<10, func() {
			if config.CheckRun(config.Production, name) == nil {
				require.NoError(t, store.CheckKey(artifact.Folder("production", name)))
				inside(t, name)
				require.NotContains(t, name, "/")
			}
			if config.IsModelName(name) {
				inside(t, artifact.ModelKey(name))
				inside(t, artifact.CheckpointKey(name, 0, name, name))
				require.NoError(t, store.CheckKey(artifact.ManifestKey(name, 0)))
			}
			if model, fold, ok := artifact.ManifestOf(name); ok {
				require.Equal(t, name, artifact.ManifestKey(model, fold))
			}
			if store.CheckKey(name) == nil {
				inside(t, name)
				require.NoError(t, store.CheckPrefix(name))
				require.NotPanics(t, func() { store.Prefixed(s, name) })
			}
			_, _, err := s.Get(t.Context(), name)
			require.Error(t, err)
		})
	})
}

// inside says that a key leads nowhere but down, by the rules of this system and of others.
func inside(t *testing.T, key string) {
	t.Helper()
	require.True(t, filepath.IsLocal(key), key)
	require.Equal(t, path.Clean(key), key)
	require.False(t, strings.ContainsAny(key, "\\:*?\"<>|\x00"), key)
}
