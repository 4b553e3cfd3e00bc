package logging

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A round of uploads may take this long. A run waits for the first one and a worker's end for
// the last, so a dead store must not hold up either.
const (
	firstRound = 5 * time.Second
	laterRound = time.Minute
	lastRound  = 2 * time.Second
)

// uploader copies files to a store from a goroutine of its own.
type uploader struct {
	files  []*cappedFile
	upload Upload
	alarm  *alarm
	sent   map[string][2]int64 // path → version last uploaded
	behind bool                // the last round did not bring everything over

	ctx  context.Context // ends with stop
	quit context.CancelFunc
	done chan struct{}
}

func startUploader(files []*cappedFile, interval time.Duration, upload Upload, a *alarm) *uploader {
	u := &uploader{files: files, upload: upload, alarm: a, sent: map[string][2]int64{}, done: make(chan struct{})}
	u.ctx, u.quit = context.WithCancel(context.Background())
	u.round(u.ctx, firstRound) // the files are in the store before any work starts
	go u.loop(interval)
	return u
}

func (u *uploader) loop(interval time.Duration) {
	defer close(u.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			u.round(u.ctx, laterRound)
		case <-u.ctx.Done():
			u.round(context.WithoutCancel(u.ctx), lastRound)
			return
		}
	}
}

// stop returns after the last round.
func (u *uploader) stop() {
	u.quit()
	<-u.done
}

// round uploads what has changed. It ends with the first failure: a store that does not take
// one file will not take the next, and another round follows.
func (u *uploader) round(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	u.behind = true
	for _, f := range u.files {
		version, rotated := f.version()
		if rotated && !u.send(ctx, f.previous(), [2]int64{version[0], 0}) {
			return
		}
		if !u.send(ctx, f.path, version) {
			return
		}
	}
	u.behind = false
}

func (u *uploader) send(ctx context.Context, path string, version [2]int64) bool {
	if sent, ok := u.sent[path]; ok && sent == version {
		return true
	}
	err := u.put(ctx, path, version[1])
	if err == nil {
		u.sent[path] = version
	} else if !errors.Is(err, context.Canceled) { // the last round follows
		u.alarm.once("upload", "uploading %s failed, the run goes on, it is repeated: %v", filepath.Base(path), err)
	}
	return err == nil
}

// put uploads the first size bytes, which are whole lines; all of it for size 0 of a
// rotated file, which no longer grows.
func (u *uploader) put(ctx context.Context, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var content io.Reader = f
	if size > 0 {
		content = io.LimitReader(f, size)
	}
	return u.upload(ctx, filepath.Base(path), content)
}
