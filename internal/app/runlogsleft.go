package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"everfold/activities"
	"everfold/artifact"
	"everfold/logging"
	"everfold/store"
)

const (
	// spoolPrefix begins the names of the temporary folders of log files. Who uses one holds its lock
	// for as long as the process lives, however that ends.
	spoolPrefix = "everfold-spool-"
	// spoolTries: a folder may be taken for one that is left in the moment before it is locked.
	spoolTries = 10
	// refSuffix ends the names of the files beside a run's folder that say whose it is.
	refSuffix = ".json"
)

// newSpool makes a folder of log files that is locked; the lock is held until the file is closed.
func newSpool() (string, *os.File, error) {
	for range spoolTries {
		dir, err := os.MkdirTemp("", spoolPrefix)
		if err != nil {
			return "", nil, err
		}
		if lock := lockSpool(dir, syscall.LOCK_EX); lock != nil {
			return dir, lock, nil
		}
	}
	return "", nil, fmt.Errorf("lock a folder %s* in %s", spoolPrefix, os.TempDir())
}

// lockSpool locks a folder of this user's; nil where somebody else has it, or it is not there any more.
func lockSpool(dir string, how int) *os.File {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	if !takes(f, how) {
		_ = f.Close()
		return nil
	}
	return f
}

// takes locks an open folder: false where it is not this user's, somebody else has it, or it is not at its
// place any more.
func takes(f *os.File, how int) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	owner, known := held.Sys().(*syscall.Stat_t)
	if !known || int(owner.Uid) != os.Getuid() || syscall.Flock(int(f.Fd()), how) != nil {
		return false
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(held, there)
}

// mark says whose a run's folder of the spool is.
func (r *runLog) mark(ref activities.RunRef) error {
	text, err := json.Marshal(ref)
	if err != nil {
		return err
	}
	return os.WriteFile(r.dir+refSuffix, text, 0o600)
}

// unmark removes the mark of a run of whose files the spool has none any more.
func (r *runLog) unmark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.removed {
		_ = os.Remove(r.dir + refSuffix) // one that stays keeps its folder, which the terminal is told
	}
}

// DeliverLeft brings what workers of this machine that were killed left of their runs' logs to the
// stores, and removes it here; what a store does not take stays for the next worker. It returns at once.
func (l *RunLogs) DeliverLeft() {
	l.copies.beside(func(ctx context.Context) {
		folders, _ := filepath.Glob(filepath.Join(os.TempDir(), spoolPrefix+"*")) // the pattern is a good one
		for _, folder := range folders {
			l.deliver(ctx, folder)
		}
	})
}

func (l *RunLogs) deliver(ctx context.Context, folder string) {
	lock := lockSpool(folder, syscall.LOCK_EX|syscall.LOCK_NB)
	if lock == nil {
		return // its worker lives
	}
	defer lock.Close()
	log := slog.New(l.terminal).With("folder", folder)
	marks, err := filepath.Glob(filepath.Join(folder, "*"+refSuffix))
	for _, mark := range marks {
		left := l.deliverRun(ctx, mark)
		if left == nil {
			left = errors.Join(os.RemoveAll(strings.TrimSuffix(mark, refSuffix)), os.Remove(mark))
		}
		err = errors.Join(err, left)
	}
	if err == nil {
		err = os.Remove(folder) // not what has no mark: nobody knows whose it is
	}
	switch {
	case err != nil && ctx.Err() == nil:
		log.Warn("log files of a worker that was killed stay here", logging.CategoryStorage.Attr(), "error", err)
	case err == nil && len(marks) > 0:
		log.Info("log files of a worker that was killed are in their stores", "runs", len(marks))
	}
}

// deliverRun brings the files beside a mark to their store. A store that has nothing of the run, which
// somebody may have removed, is given nothing.
func (l *RunLogs) deliverRun(ctx context.Context, mark string) error {
	files, err := filepath.Glob(filepath.Join(strings.TrimSuffix(mark, refSuffix), "*.log"))
	if err != nil || len(files) == 0 { // all of them are in the store
		return err
	}
	text, err := os.ReadFile(mark)
	if err != nil {
		return err
	}
	var ref activities.RunRef
	if err := json.Unmarshal(text, &ref); err != nil {
		return fmt.Errorf("read %s: %w", mark, err)
	}
	st, err := l.stores.Open(ctx, ref.Store)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, laterCopy)
	defer cancel()
	run := artifact.Folder(string(ref.Type), ref.Run)
	there, err := sizes(ctx, st, run+"/"+artifact.LogsPrefix, run+"/"+artifact.RunKey)
	switch {
	case err != nil:
		return err
	case len(there) == 0:
		return fmt.Errorf("%s has no %s", st.URI(), run)
	}
	for _, file := range files {
		if err := deliverFile(ctx, st, run+"/"+artifact.LogsPrefix+filepath.Base(file), file, there); err != nil {
			return err
		}
	}
	return nil
}

// sizes are those of the objects below some prefixes, by key.
func sizes(ctx context.Context, st store.Store, prefixes ...string) (map[string]int64, error) {
	found := map[string]int64{}
	for _, prefix := range prefixes {
		infos, err := st.List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			found[info.Key] = info.Size
		}
	}
	return found, nil
}

// deliverFile puts a file that its store has not, or not to its end.
func deliverFile(ctx context.Context, st store.Store, key, file string, there map[string]int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if size, has := there[key]; has && size == info.Size() {
		return nil
	}
	_, err = st.Put(ctx, key, f, store.Condition{})
	return err
}
