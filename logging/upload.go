package logging

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"
)

// uploadTimeout bounds one file's upload, so that a dead store cannot hold up a stop.
const uploadTimeout = 10 * time.Second

// uploader copies files to a store from a goroutine of its own.
type uploader struct {
	files  []*cappedFile
	upload Upload
	alarm  *alarm
	sent   map[string][2]int64 // path → version last uploaded
	quit   chan struct{}
	done   chan struct{}
}

func startUploader(files []*cappedFile, interval time.Duration, upload Upload, a *alarm) *uploader {
	u := &uploader{
		files: files, upload: upload, alarm: a, sent: map[string][2]int64{},
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	u.round() // the files are in the store before any work starts
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
			u.round()
		case <-u.quit:
			u.round()
			return
		}
	}
}

// stop returns after the last round.
func (u *uploader) stop() {
	close(u.quit)
	<-u.done
}

func (u *uploader) round() {
	for _, f := range u.files {
		version, rotated := f.version()
		if rotated {
			u.send(f.previous(), [2]int64{version[0], 0})
		}
		u.send(f.path, version)
	}
}

func (u *uploader) send(path string, version [2]int64) {
	if sent, ok := u.sent[path]; ok && sent == version {
		return
	}
	if err := u.put(path, version[1]); err != nil {
		u.alarm.once("upload", "uploading %s failed, the run goes on, it is repeated: %v", filepath.Base(path), err)
		return
	}
	u.sent[path] = version
}

// put uploads the first size bytes, which are whole lines; all of it for size 0 of a
// rotated file, which no longer grows.
func (u *uploader) put(path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), uploadTimeout)
	defer cancel()
	var content io.Reader = f
	if size > 0 {
		content = io.LimitReader(f, size)
	}
	return u.upload(ctx, filepath.Base(path), content)
}
