package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The server makes the schema of a new database file step by step, and of a new file only:
// one whose making was cut off would keep every later server from starting. So a mark
// beside the file says that its server has not answered yet. Nothing can have been started
// in such a database, and it is made anew.

func creationMark(database string) string { return database + ".creating" }

// readyToServe leaves a database that a server can start on: a complete one, or none. The
// caller holds server.lock.
func readyToServe(database string) error {
	unfinished, err := exists(creationMark(database))
	if err != nil {
		return err
	}
	if unfinished {
		if err := discard(database); err != nil {
			return err
		}
	}
	made, err := exists(database)
	if err != nil || made {
		return err
	}
	if err := os.WriteFile(creationMark(database), nil, 0o600); err != nil {
		return fmt.Errorf("mark the new database: %w", err)
	}
	return nil
}

// created notes that the server of a database has answered.
func created(database string) error {
	if err := os.Remove(creationMark(database)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unmark the new database: %w", err)
	}
	return nil
}

// served says whether the owner knows already that its server has answered; until then its
// database may still be discarded, and nobody else may use it.
func (h home) served(owner state) bool {
	unfinished, err := exists(creationMark(h.database(owner.Server.Version)))
	return err == nil && !unfinished
}

// discard removes an unfinished database with SQLite's files beside it.
func discard(database string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the unfinished database: %w", err)
		}
	}
	return nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", filepath.Base(path), err)
	}
	return true, nil
}
