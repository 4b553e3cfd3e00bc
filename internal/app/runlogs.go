package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// RunLogs gives each run's records to its log files, <store>/<type>/<run>/logs/, and to
// the worker's terminal. Files of a store that is no local folder are written to a temporary
// one and copied from there. Safe for concurrent use. No lock is held while a store elsewhere is
// written to, so one that is slow or dead makes no record wait.
type RunLogs struct {
	stores   *Stores
	worker   string
	terminal slog.Handler
	now      func() time.Time
	copies   *copying

	mu     sync.Mutex // all runs' records pass here
	runs   map[activities.RunRef]*runLog
	seq    int64
	spool  string // the temporary folder; "": none is needed yet
	lock   *os.File
	closed bool
}

// NewRunLogs returns a registry without open files. worker names this process in the
// files' names; terminal gets every record too.
func NewRunLogs(stores *Stores, worker string, terminal slog.Handler) *RunLogs {
	return &RunLogs{
		stores: stores, worker: worker, terminal: terminal, now: time.Now,
		runs: map[activities.RunRef]*runLog{}, copies: newCopying(),
	}
}

// runLog is one run's files.
type runLog struct {
	dir    string
	root   string         // which links must not lead out of; "": dir
	upload logging.Upload // nil: the files are in the store itself
	worker string

	// Guarded by the registry's mu.
	used int64
	open bool // counts among those that are; files follow, under the run's own mu

	begun sync.Once // the store elsewhere has the files, or was asked to take them

	mu       sync.Mutex
	opened   time.Time // in the names: opening again appends to the same files
	files    *logging.RunFiles
	there    bool // the files existed after opening: nothing is wrong with the directory
	removed  bool // so they were removed here: the next ones need names of their own
	released bool // another run took their place among those that are open
	kept     bool // somebody copies them to their store elsewhere
	over     bool // those of a store elsewhere are closed for good
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
// again. Of stores elsewhere, what cannot be copied within the limit stays in the temporary folder.
func (l *RunLogs) Close(limit time.Duration) {
	l.mu.Lock()
	l.closed = true
	runs, spool, lock := slices.Collect(maps.Values(l.runs)), l.spool, l.lock
	l.mu.Unlock()
	l.copies.end()
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() { run.finish(limit) })
	}
	all.Wait()
	if spool == "" {
		return
	}
	defer lock.Close() // what is left is anybody's
	for _, run := range runs {
		run.unmark()
	}
	if err := os.Remove(spool); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.New(l.terminal).Warn("log files that their store did not take are left behind", logging.CategoryStorage.Attr(), "folder", spool)
	}
}

// touch opens a run's files. Where they are copied elsewhere, the first call, and whoever calls
// meanwhile, gives that store a moment to take them: they are there before any work starts.
func (l *RunLogs) touch(ref activities.RunRef) *runLog {
	run := l.find(ref)
	if run == nil {
		return nil
	}
	_ = l.using(run, true, func(*logging.RunFiles) error { return nil })
	run.begun.Do(func() { l.copies.first(run) })
	return run
}

// find is the run of a reference, made with the first call; nil where there is no place for its
// files.
func (l *RunLogs) find(ref activities.RunRef) *runLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	if run := l.runs[ref]; run != nil {
		return run
	}
	st, err := l.stores.Open(context.Background(), ref.Store)
	if err != nil {
		return nil // the activity meets the same error and reports it
	}
	run := l.place(st, ref)
	if run != nil {
		l.runs[ref] = run
	}
	return run
}

// place says where the files of a run go; nil where there is no place for them.
func (l *RunLogs) place(st store.Store, ref activities.RunRef) *runLog {
	folder := artifact.Folder(string(ref.Type), ref.Run) + "/logs"
	run := &runLog{worker: l.worker, opened: l.now()}
	if dir, ok := directory(st); ok {
		run.root, run.dir = l.stores.root(dir), filepath.Join(dir, filepath.FromSlash(folder))
		return run
	}
	if l.spool == "" {
		spool, lock, err := newSpool()
		if err != nil {
			slog.New(l.terminal).Warn("no folder for the runs' log files, which go to this terminal alone: set TMPDIR to one that can be written", logging.CategoryStorage.Attr(), "error", err)
			return nil
		}
		l.spool, l.lock = spool, lock
	}
	run.dir = filepath.Join(l.spool, strconv.Itoa(len(l.runs)))
	if err := run.mark(ref); err != nil {
		slog.New(l.terminal).Warn("a run's log files could not be told from others' if this worker were killed", logging.CategoryStorage.Attr(), "error", err)
	}
	run.upload = func(ctx context.Context, name string, content io.Reader) error {
		_, err := st.Put(ctx, folder+"/"+name, content, store.Condition{})
		return err
	}
	return run
}

// using opens a run's files where they are closed and acts on them; on nil where they are closed
// for good. No more than runsOpen runs' stay open. With anew, files that somebody has deleted
// begin anew.
func (l *RunLogs) using(run *runLog, anew bool, act func(*logging.RunFiles) error) error {
	may, oldest := l.use(run)
	alone, err := run.using(l.now, may, anew, act)
	if alone {
		l.copies.keep(run, func() bool { return l.retire(run) })
	}
	if oldest != nil { // locks of two runs are never held at once
		l.evict(oldest)
	}
	return err
}

// use notes that a run is used, and says whether its files may be opened, and whose are to be
// closed for it; nil: none.
func (l *RunLogs) use(run *runLog) (may bool, evicted *runLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	run.used = l.seq
	if l.closed && run.upload != nil {
		return false, nil
	}
	if run.open {
		return true, nil
	}
	run.open = true
	open, oldest := 0, run
	for _, r := range l.runs {
		if !r.open {
			continue
		}
		open++
		if r.used < oldest.used {
			oldest = r
		}
	}
	if open <= runsOpen {
		return true, nil
	}
	oldest.open = false
	return true, oldest
}

// evict closes the files of a run, unless it was used again meanwhile. What a store elsewhere lacks
// of them is copied as before; they are retired when it has it.
func (l *RunLogs) evict(run *runLog) {
	run.mu.Lock()
	defer run.mu.Unlock()
	switch {
	case l.used(run), run.files == nil:
	case run.upload == nil:
		run.close()
	default:
		run.files.Release()
		run.released = true
	}
}

// retire closes the files of an evicted run that a store elsewhere has, and says whether it did.
func (l *RunLogs) retire(run *runLog) bool {
	run.mu.Lock()
	defer run.mu.Unlock()
	if l.used(run) || run.files == nil || !run.files.Copied() {
		return false
	}
	run.close()
	run.kept = false
	return true
}

// used says whether a run counts among those whose files are open.
func (l *RunLogs) used(run *runLog) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return run.open
}

// using opens the files where they are closed and may be opened, and acts on them. They are alone
// where they are to be copied elsewhere and nobody does so.
func (r *runLog) using(now func() time.Time, may, anew bool, act func(*logging.RunFiles) error) (alone bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if (anew || r.released) && r.vanished() { // somebody deleted the run
		r.close()
		r.rename(now())
	}
	r.released = false
	if r.files == nil && may && !r.over {
		if r.removed {
			r.rename(now())
		}
		r.files = logging.OpenRunUnder(r.root, r.dir, r.worker, r.opened)
		r.there = r.exists()
		alone = r.upload != nil && !r.kept
		r.kept = r.upload != nil
	}
	return alone, act(r.files)
}

// rename gives the next files names of their own. Names tell seconds: under the same one a copy in
// a store would be written over.
func (r *runLog) rename(now time.Time) {
	r.removed = false
	if next := r.opened.Add(time.Second); now.Before(next) {
		now = next
	}
	r.opened = now
}

// close closes the files. Those of which a store elsewhere has copies are removed: a worker
// serves many runs.
func (r *runLog) close() {
	if r.files == nil {
		return
	}
	r.files.Close()
	if r.upload != nil && r.files.Copied() {
		_ = os.RemoveAll(r.dir) // left behind, they cost space
		r.removed = true
	}
	r.files = nil
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

// Handle implements slog.Handler. The run's lock is held so that the files are not closed under
// the record.
func (h *runHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.logs.using(h.run, false, func(files *logging.RunFiles) error {
		if files == nil {
			return nil // closed for good
		}
		handler := files.Handler()
		for _, f := range h.derive {
			handler = f(handler)
		}
		return handler.Handle(ctx, r)
	})
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
