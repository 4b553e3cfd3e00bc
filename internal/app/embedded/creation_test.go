package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Claim: a database whose server never answered is made anew, with everything beside it;
// one whose server has answered once stays for good.
func TestUnfinishedDatabase(t *testing.T) {
	database := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, readyToServe(database))
	for _, suffix := range []string{"", "-wal", "-shm"} { // the server begins, and is killed
		require.NoError(t, os.WriteFile(database+suffix, []byte("half a schema"), 0o600))
	}
	require.NoError(t, readyToServe(database))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		require.NoFileExists(t, database+suffix)
	}
	require.FileExists(t, creationMark(database))

	require.NoError(t, os.WriteFile(database, []byte("whole"), 0o600))
	require.NoError(t, created(database))
	require.NoError(t, created(database), "again, by every later start")
	require.NoFileExists(t, creationMark(database))
	require.NoError(t, readyToServe(database))
	require.FileExists(t, database)
	require.NoFileExists(t, creationMark(database), "an existing database is not new")
}

// Claim: a database of before there were marks is a complete one.
func TestDatabaseWithoutMark(t *testing.T) {
	database := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, os.WriteFile(database, []byte("whole"), 0o600))
	require.NoError(t, readyToServe(database))
	content, err := os.ReadFile(database)
	require.NoError(t, err)
	require.Equal(t, "whole", string(content))
}

// Claim: a folder that cannot be written, or a database that cannot be removed, is an
// error that says what was tried.
func TestUnwritableDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, readyToServe(filepath.Join(file, "temporal.db")), "look for temporal.db.creating")
	require.ErrorContains(t, readyToServe(filepath.Join(t.TempDir(), "none", "temporal.db")), "mark the new database")
	database := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, os.MkdirAll(filepath.Join(database, "full"), 0o700))
	require.NoError(t, os.WriteFile(creationMark(database), nil, 0o600))
	require.ErrorContains(t, readyToServe(database), "remove the unfinished database")
}
