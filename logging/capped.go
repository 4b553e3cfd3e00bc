package logging

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// maxFile caps one file. A full one is renamed to <name>.1.log, replacing the one before,
	// so a file's records take at most twice this.
	maxFile = 64 << 20
	// retryAfter is how long a file that cannot be written is left alone.
	retryAfter = 5 * time.Second
)

// alarm tells a person on standard error what the log itself cannot say.
type alarm struct {
	mu   sync.Mutex
	w    io.Writer
	said map[string]bool
}

// once prints the message unless one of that subject was printed before: the cause may
// repeat with every record.
func (a *alarm) once(subject, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.said[subject] {
		return
	}
	if a.said == nil {
		a.said = map[string]bool{}
	}
	a.said[subject] = true
	fmt.Fprintf(a.w, "logging: "+format+"\n", args...)
}

// cappedFile is an append-only file of whole lines with a size cap. Its Write never fails.
// Safe for concurrent use.
type cappedFile struct {
	path  string
	root  string // a folder that links must not lead out of; "": path's own
	max   int64
	now   func() time.Time
	alarm *alarm

	mu      sync.Mutex
	f       *os.File // nil: closed, or broken until retryAt
	size    int64
	retryAt time.Time
	lost    int // records
	turns   int // rotations
	closed  bool
}

// Write appends p, a whole line, or drops it whole.
func (c *cappedFile) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || (c.f == nil && c.now().Before(c.retryAt)) {
		c.lost++
		return len(p), nil
	}
	if err := c.append(p); err != nil {
		c.lost++
		c.fail(err)
	}
	return len(p), nil
}

// open creates the file before the first record.
func (c *cappedFile) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reopen(); err != nil {
		c.fail(err)
	}
}

func (c *cappedFile) append(p []byte) error {
	if err := c.reopen(); err != nil {
		return err
	}
	if c.size > 0 && c.size+int64(len(p)) > c.max {
		if err := c.rotate(); err != nil {
			return err
		}
	}
	n, err := c.f.Write(p)
	if err == nil {
		c.size += int64(n)
		return nil
	}
	if n > 0 { // a full disk may take half a line: whole lines only
		_ = c.f.Truncate(c.size)
	}
	return err
}

func (c *cappedFile) reopen() error {
	if c.f != nil {
		return nil
	}
	root, name, err := c.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return err
	}
	c.f, c.size = f, info.Size()
	return nil
}

// openRoot opens the folder out of which no link leads, which it creates, and gives the file's
// name below it.
func (c *cappedFile) openRoot() (root *os.Root, name string, err error) {
	folder := c.root
	if folder == "" {
		folder = filepath.Dir(c.path)
	}
	if name, err = filepath.Rel(folder, c.path); err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, "", err
	}
	root, err = os.OpenRoot(folder)
	return root, name, err
}

func (c *cappedFile) rotate() error {
	root, name, err := c.openRoot()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Rename(name, rotated(name)); err != nil {
		return err
	}
	_ = c.f.Close() // its lines are in the kernel's hands
	c.f = nil
	c.turns++
	return c.reopen()
}

func (c *cappedFile) previous() string { return rotated(c.path) }

// rotated is the name of what a full file is renamed to.
func rotated(name string) string { return strings.TrimSuffix(name, ".log") + ".1.log" }

func (c *cappedFile) fail(err error) {
	if c.f != nil {
		_ = c.f.Close()
		c.f = nil
	}
	c.retryAt = c.now().Add(retryAfter)
	c.alarm.once("lost", "records are lost, the run goes on, writing is tried again: %v", err)
}

func (c *cappedFile) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f != nil {
		_ = c.f.Close() // its lines are in the kernel's hands
		c.f = nil
	}
}

func (c *cappedFile) close() (lost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f != nil {
		_ = c.f.Sync()
		_ = c.f.Close()
		c.f = nil
	}
	c.closed = true
	return c.lost
}

// version changes whenever the file's content does.
func (c *cappedFile) version() (v [2]int64, turned bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [2]int64{int64(c.turns), c.size}, c.turns > 0
}
