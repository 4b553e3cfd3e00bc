package activities

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"

	"everfold/artifact"
	"everfold/store"
	"everfold/tracker"
)

// maxSmallFile bounds the files that are read whole for their digest: tables, report, card.
const maxSmallFile = 64 << 20

// addFiles adds the tables, the report and the final models.
func (t *tracked) addFiles(d *tracker.Desired) error {
	keys := map[string]string{path.Base(artifact.MetricsKey): artifact.MetricsKey, path.Base(artifact.SummaryKey): artifact.SummaryKey}
	report, err := t.store.List(t.ctx, artifact.ReportPrefix)
	if err != nil {
		return err
	}
	names := []string{path.Base(artifact.MetricsKey), path.Base(artifact.SummaryKey)}
	for _, info := range report {
		keys[info.Key] = info.Key
		names = append(names, info.Key)
	}
	var large []tracker.File
	for _, m := range t.run.Spec.AllModels() {
		info, err := artifact.ReadModelInfo(t.ctx, t.store, t.run, m.Name)
		if err != nil {
			return err
		}
		if info == nil {
			continue
		}
		d.Ended = max(d.Ended, info.FinishedAt)
		for _, key := range []string{artifact.ModelInfoKey(m.Name), artifact.CardKey(m.Name), artifact.PredictKey(m.Name)} {
			keys[key] = key
			names = append(names, key)
		}
		loader, err := t.pyfuncFiles(info)
		if err != nil {
			return err
		}
		d.Files = append(d.Files, loader...)
		large = append(large, tracker.File{Path: info.File.Key, SHA256: info.File.SHA256, Size: info.File.Bytes, Open: t.open(info.File.Key)})
	}
	for _, name := range names {
		file, err := t.small(name, keys[name])
		switch {
		case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrTooLarge):
		case err != nil:
			return err
		default:
			d.Files = append(d.Files, file)
		}
	}
	d.Files = append(d.Files, large...) // last: what is small is there before it
	return nil
}

// small is a file with its content, so that what is sent is what was digested.
func (t *tracked) small(name, key string) (tracker.File, error) {
	content, _, err := store.ReadAll(t.ctx, t.store, key, maxSmallFile)
	if err != nil {
		return tracker.File{}, err
	}
	return inMemory(name, content), nil
}

func inMemory(name string, content []byte) tracker.File {
	return tracker.File{
		Path: name, SHA256: store.SHA256(content), Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func (t *tracked) open(key string) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		body, _, err := t.store.Get(ctx, key)
		return body, err
	}
}
