package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"everfold/activities"
	"everfold/logging"
)

// runsOpen bounds how many runs' log files a worker keeps open; the least recently used
// are closed, and opened again under their name when something is logged.
const runsOpen = 32

// RunLogs gives each run's records to its log files, <store>/<type>/<run>/logs/, and to
// the worker's terminal. Safe for concurrent use.
type RunLogs struct {
	stores   *Stores
	worker   string
	terminal slog.Handler
	now      func() time.Time

	mu   sync.Mutex
	runs map[activities.RunRef]*runLog
	seq  int64
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
	worker string
	opened time.Time // in the names: opening again appends to the same files
	files  *logging.RunFiles
	there  bool // the files existed after opening: nothing is wrong with the directory
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

// Close closes all files. Loggers stay usable; what they log opens files again.
func (l *RunLogs) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, run := range l.runs {
		run.close()
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
		dir, ok := directory(st)
		if !ok {
			return nil
		}
		run = &runLog{dir: filepath.Join(dir, string(ref.Type), ref.Run, "logs"), worker: l.worker, opened: l.now()}
		l.runs[ref] = run
	}
	if run.vanished() { // somebody deleted the run; it begins anew
		run.close()
		run.opened = l.now()
	}
	l.ready(run)
	return run
}

// ready makes sure that run's files are open and no more than runsOpen runs' are. The
// caller holds mu.
func (l *RunLogs) ready(run *runLog) {
	l.seq++
	run.used = l.seq
	if run.files != nil {
		return
	}
	run.files = logging.OpenRun(run.dir, run.worker, run.opened)
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
		r.files = nil
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
