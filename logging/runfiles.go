package logging

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// RunFiles are the three log files of one worker's part in one run.
type RunFiles struct {
	stamp string
	files [3]*cappedFile // main, performance, warnings
	alarm *alarm

	mu     sync.Mutex
	closed bool

	copies sync.Mutex // held while they are made: one at a time
	sent   sync.Map   // path → version that a store has, [2]int64
}

// OpenRun creates the three files in dir, which it creates too, and returns a sink that
// writes to them. now is the start in the stamp; worker its last part, with every character
// outside [A-Za-z0-9._-] replaced by "-".
//
// OpenRun never fails. Where the files cannot be created or written, records are dropped,
// standard error says so once, and writing is tried again every few seconds.
func OpenRun(dir, worker string, now time.Time) *RunFiles {
	return OpenRunUnder("", dir, worker, now)
}

// OpenRunUnder is OpenRun for a dir below root where others may write, too: no link that they
// made there leads a file out of root.
func OpenRunUnder(root, dir, worker string, now time.Time) *RunFiles {
	return openRun(dir, Stamp(worker, now), fileOptions{root: root, max: maxFile, now: time.Now, stderr: os.Stderr})
}

// fileOptions are what tests vary.
type fileOptions struct {
	root   string // "": the folder of the files
	max    int64
	now    func() time.Time
	stderr io.Writer
}

func openRun(dir, stamp string, o fileOptions) *RunFiles {
	r := &RunFiles{stamp: stamp, alarm: &alarm{w: o.stderr}}
	for i, kind := range [3]string{"main", "performance", "warnings"} {
		r.files[i] = &cappedFile{
			path: filepath.Join(dir, kind+"_"+stamp+".log"), root: o.root,
			max: o.max, now: o.now, alarm: r.alarm,
		}
		r.files[i].open()
	}
	return r
}

// Stamp is the part of the file names that says when and where: YYYYMMDD_HHMMSS_<worker>.
func Stamp(worker string, now time.Time) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '.', c == '_', c == '-':
			return c
		}
		return '-'
	}, worker)
	if clean == "" {
		clean = "worker"
	}
	return now.UTC().Format(stampTime) + "_" + clean
}

const stampTime = "20060102_150405"

// OpenedAt is when a file of OpenRun was opened, to the second, by its path; false for other files.
func OpenedAt(path string) (time.Time, bool) {
	_, stamp, found := strings.Cut(filepath.Base(path), "_")
	if !found || len(stamp) < len(stampTime) {
		return time.Time{}, false
	}
	at, err := time.Parse(stampTime, stamp[:len(stampTime)])
	return at, err == nil
}

// Handler returns the handler that writes to the files; combine it with others by
// slog.NewMultiHandler. It may be used until, and harmlessly after, Close.
func (r *RunFiles) Handler() slog.Handler {
	return &router{main: newSink(r.files[0]), performance: newSink(r.files[1]), warnings: newSink(r.files[2])}
}

// Paths returns where the files are, or would be: main, performance, warnings.
func (r *RunFiles) Paths() []string {
	paths := make([]string, len(r.files))
	for i, f := range r.files {
		paths[i] = f.path
	}
	return paths
}

// Release closes the files until the next record, which opens them again.
func (r *RunFiles) Release() {
	for _, f := range r.files {
		f.release()
	}
}

// Close syncs and closes the files for good. It is safe to call twice.
func (r *RunFiles) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	lost := 0
	for _, f := range r.files {
		lost += f.close()
	}
	if lost > 0 {
		r.alarm.once("total", "%d lines could not be written to the files *_%s.log", lost, r.stamp)
	}
}
