package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"everfold/activities"
	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

// runsOpen bounds how many runs' log files a worker keeps open; the least recently used
// are closed, and opened again under their name when something is logged.
const runsOpen = 32

// uploadEvery is how old a worker's log files in a store elsewhere may be.
const uploadEvery = 15 * time.Second

// RunLogs gives each run's records to its log files, <store>/<type>/<run>/logs/, and to
// the worker's terminal. Files of a store that is no local folder are written to a temporary
// one and copied from there. Safe for concurrent use.
type RunLogs struct {
	stores   *Stores
	worker   string
	terminal slog.Handler
	now      func() time.Time

	mu     sync.Mutex
	runs   map[activities.RunRef]*runLog
	seq    int64
	spool  string // the temporary folder; "": none is needed yet
	closed bool
}

// NewRunLogs returns a registry without open files. worker names this process in the
// files' names; terminal gets every record too.
func NewRunLogs(stores *Stores, worker string, terminal slog.Handler) *RunLogs {
	return &RunLogs{
		stores: stores, worker: worker, terminal: terminal, now: time.Now,
		runs: map[activities.RunRef]*runLog{},
	}
}

// runLog is one run's files. files is nil while they are closed.
type runLog struct {
	dir    string
	root   string         // which links must not lead out of; "": dir
	upload logging.Upload // nil: the files are in the store itself
	worker string
	opened time.Time // in the names: opening again appends to the same files
	files  *logging.RunFiles
	there  bool // the files existed after opening: nothing is wrong with the directory
	copied bool // a store elsewhere had all of them when they were closed
	used   int64
}

// Logger returns the run's logger. On the first call for a run its three files are
// created, before Logger returns. It never fails: where there can be no files (see
// package logging), records go to the terminal alone.
func (l *RunLogs) Logger(ref activities.RunRef) *slog.Logger {
	log := slog.New(l.terminal)
	if run := l.touch(ref); run != nil {
		log = slog.New(slog.NewMultiHandler(l.terminal, &runHandler{logs: l, run: run}))
	}
	return log.With(logging.KeyRun, string(ref.Type)+"/"+ref.Run)
}

// Close closes all files. Loggers stay usable; what they log opens files of local stores
// again. Of stores elsewhere, what could not be copied stays in the temporary folder.
func (l *RunLogs) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	var all sync.WaitGroup
	for _, run := range l.runs {
		all.Go(run.finish)
	}
	all.Wait()
	if l.spool == "" {
		return
	}
	if err := os.Remove(l.spool); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.New(l.terminal).Warn("log files that their store did not take are left behind", logging.CategoryStorage.Attr(), "folder", l.spool)
	}
}

func (l *RunLogs) touch(ref activities.RunRef) *runLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := l.runs[ref]
	if run == nil {
		st, err := l.stores.Open(context.Background(), ref.Store)
		if err != nil {
			return nil // the activity meets the same error and reports it
		}
		if run = l.place(st, artifact.Folder(string(ref.Type), ref.Run)+"/logs"); run == nil {
			return nil
		}
		l.runs[ref] = run
	}
	if run.vanished() { // somebody deleted the run; it begins anew
		run.close()
		run.opened = l.now()
	}
	l.ready(run)
	return run
}

// place says where the files of a run go whose folder is under that key; nil where there is
// no place for them.
func (l *RunLogs) place(st store.Store, folder string) *runLog {
	run := &runLog{worker: l.worker, opened: l.now()}
	if dir, ok := directory(st); ok {
		run.root, run.dir = l.stores.root(dir), filepath.Join(dir, filepath.FromSlash(folder))
		return run
	}
	if l.spool == "" {
		spool, err := os.MkdirTemp("", "everfold-logs-")
		if err != nil {
			slog.New(l.terminal).Warn("no folder for the runs' log files, which go to this terminal alone: set TMPDIR to one that can be written", logging.CategoryStorage.Attr(), "error", err)
			return nil
		}
		l.spool = spool
	}
	run.dir = filepath.Join(l.spool, strconv.Itoa(len(l.runs)))
	run.upload = func(ctx context.Context, name string, content io.Reader) error {
		_, err := st.Put(ctx, folder+"/"+name, content, store.Condition{})
		return err
	}
	return run
}

// ready makes sure that run's files are open and no more than runsOpen runs' are. The
// caller holds mu.
func (l *RunLogs) ready(run *runLog) {
	l.seq++
	run.used = l.seq
	if run.files != nil || l.closed && run.upload != nil {
		return
	}
	run.files = logging.OpenRunUnder(run.root, run.dir, run.worker, run.opened)
	if run.upload != nil {
		run.files.UploadEvery(uploadEvery, run.upload)
	}
	run.there = run.exists()
	open, oldest := 0, run
	for _, r := range l.runs {
		if r.files == nil {
			continue
		}
		open++
		if r.used < oldest.used {
			oldest = r
		}
	}
	if open > runsOpen {
		oldest.close()
	}
}

func (r *runLog) close() {
	if r.files != nil {
		r.files.Close()
		r.copied = r.files.Uploaded()
		r.files = nil
	}
}

// finish closes the files for good. Copies of what a store elsewhere has are removed.
func (r *runLog) finish() {
	r.close()
	if r.copied {
		_ = os.RemoveAll(r.dir) // left behind, they cost space
	}
}

// vanished: the files were there, and somebody has deleted them since.
func (r *runLog) vanished() bool { return r.files != nil && r.there && !r.exists() }

func (r *runLog) exists() bool {
	_, err := os.Stat(r.files.Paths()[0])
	return err == nil
}

// runHandler writes to a run's files, open or closed meanwhile. derive replays what the
// logger added on the handler of the files as they are now.
type runHandler struct {
	logs   *RunLogs
	run    *runLog
	derive []func(slog.Handler) slog.Handler
}

// Enabled implements slog.Handler with the files' own level.
func (h *runHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

// Handle implements slog.Handler. The registry's lock is held so that the files are not
// closed under the record.
func (h *runHandler) Handle(ctx context.Context, r slog.Record) error {
	h.logs.mu.Lock()
	defer h.logs.mu.Unlock()
	h.logs.ready(h.run)
	if h.run.files == nil {
		return nil // closed for good
	}
	handler := h.run.files.Handler()
	for _, f := range h.derive {
		handler = f(handler)
	}
	return handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *runHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *runHandler) WithGroup(name string) slog.Handler {
	return h.with(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *runHandler) with(f func(slog.Handler) slog.Handler) *runHandler {
	derive := append(h.derive[:len(h.derive):len(h.derive)], f)
	return &runHandler{logs: h.logs, run: h.run, derive: derive}
}
