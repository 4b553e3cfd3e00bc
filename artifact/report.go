package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"everfold/store"
)

// ReportFile is a file of report/.
type ReportFile struct {
	Name    string // within report/
	Content []byte
}

// WriteReport brings report/ in line: pictures first, the page that shows them last, then what
// an earlier report left and this one has not is removed. Equal files are not written again.
// It may be repeated, and race: equal artifacts have equal reports.
func WriteReport(ctx context.Context, s store.Store, files []ReportFile) error {
	there, err := s.List(ctx, ReportPrefix)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	page := path.Base(ReportKey)
	isPage := func(f ReportFile) int {
		if f.Name == page {
			return 1
		}
		return 0
	}
	files = slices.SortedStableFunc(slices.Values(files), func(a, b ReportFile) int { return isPage(a) - isPage(b) })
	for _, f := range files {
		if err := PutProjection(ctx, s, ReportPrefix+f.Name, f.Content); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	for _, info := range there {
		name := strings.TrimPrefix(info.Key, ReportPrefix)
		kept := slices.ContainsFunc(files, func(f ReportFile) bool { return f.Name == name })
		if picture := path.Ext(name) == ".svg" || path.Ext(name) == ".png"; kept || !picture {
			continue
		}
		if err := s.Delete(ctx, info.Key); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

// PutProjection writes a file that can be made again at any time. Equal content is not written
// again.
func PutProjection(ctx context.Context, s store.Store, key string, content []byte) error {
	former, _, err := store.ReadAll(ctx, s, key, int64(len(content)))
	switch {
	case err == nil && bytes.Equal(former, content):
		return nil
	case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrTooLarge):
		return fmt.Errorf("read %s: %w", key, err)
	}
	if _, err := store.PutBytes(ctx, s, key, content, store.Condition{}); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}
