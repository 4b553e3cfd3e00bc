package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The ports of a first start; free ones where they are taken.
const (
	defaultPort   = 7233
	defaultUIPort = 8233
)

// home is the folder with the database, the locks and the logs.
type home string

func openHome(dir string) (home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("embedded server's home: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot create the embedded server's home %s: %w; set EVERFOLD_HOME to a folder that can be written", dir, err)
	}
	return home(dir), nil
}

// state is what the lock file says: where the server is, and who runs it. The process ids
// are for people; nothing is ever killed by them.
type state struct {
	Port       int        `json:"port"`
	UIPort     int        `json:"ui_port"`
	Starter    int        `json:"starter_pid"`
	Supervisor int        `json:"supervisor_pid,omitempty"`
	Worker     int        `json:"worker_pid,omitempty"`
	Server     serverInfo `json:"server"`
}

func (s state) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

func (h home) database(version string) string {
	return h.path("temporal-" + version + ".db")
}

// mark is the namespace by which the server of this home is known. Nothing runs in it.
func (h home) mark() string {
	sum := sha256.Sum256([]byte(h))
	return "everfold-home-" + hex.EncodeToString(sum[:6])
}

func (h home) path(name string) string { return filepath.Join(string(h), name) }

func (h home) lockPath() string { return h.path("everfold.lock") }

// tryLock locks the home folder. The lock is nil where another process has it. The state
// is what the lock file said; zero where it said nothing readable.
func (h home) tryLock() (lock *os.File, s state, err error) {
	f, err := os.OpenFile(h.lockPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, s, fmt.Errorf("lock file: %w; set EVERFOLD_HOME to a folder that can be written", err)
	}
	ok, err := flock(f)
	if err != nil {
		_ = f.Close()
		return nil, s, err
	}
	if data, err := io.ReadAll(io.LimitReader(f, 1<<16)); err == nil {
		_ = json.Unmarshal(data, &s) // a writer killed half-way: as after a first start
	}
	if !ok {
		_ = f.Close()
		return nil, s, nil
	}
	return f, s, nil
}

// write replaces the content of the lock file, which the caller holds. It is emptied
// first: a reader then sees a prefix of the JSON, which does not parse, or all of it.
func (h home) write(lock *os.File, s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := lock.Truncate(0); err != nil {
		return fmt.Errorf("write %s: %w", lock.Name(), err)
	}
	if _, err := lock.WriteAt(append(data, '\n'), 0); err != nil {
		return fmt.Errorf("write %s: %w", lock.Name(), err)
	}
	return nil
}

// flock takes an exclusive lock without waiting; false where another process has it.
func flock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case errors.Is(err, syscall.EINTR):
		default:
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// choosePorts fills in the ports of s: those it has, the usual ones, or free ones.
func choosePorts(s state) (state, error) {
	port, err := choosePort(0, s.Port, defaultPort)
	if err != nil {
		return s, err
	}
	ui, err := choosePort(port, s.UIPort, defaultUIPort)
	if err != nil {
		return s, err
	}
	s.Port, s.UIPort = port, ui
	return s, nil
}

// choosePort returns the first of the ports that is free, else any free one, never except.
// Zeros are skipped.
func choosePort(except int, ports ...int) (int, error) {
	for _, port := range ports {
		if port == 0 || port == except {
			continue
		}
		if l, err := listen(port); err == nil {
			return port, l.Close()
		}
	}
	for {
		l, err := listen(0)
		if err != nil {
			return 0, fmt.Errorf("no free port on 127.0.0.1: %w", err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil || port != except {
			return port, err
		}
	}
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
