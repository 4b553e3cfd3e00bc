package harness

import (
	"os"
	"path/filepath"
	"testing"
)

// Files are read while others come and go beside them, as the journals of databases do.
func TestFilesThatVanish(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"db": "word", "db-journal": "gone"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		journal := filepath.Join(dir, "db-journal")
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := os.Remove(journal); err != nil {
				stopped <- err
				return
			}
			if err := os.WriteFile(journal, []byte("gone"), 0o600); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 1000 {
		ReadFiles(t, filepath.Join(dir, "db*"))
		if found := FilesWith(t, dir, "word"); len(found) != 1 {
			t.Error("found", found)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
