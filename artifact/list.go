package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"everfold/config"
	"everfold/store"
)

// RunInfo is one line of a list of runs.
type RunInfo struct {
	Type    config.RunType `json:"type"`
	Run     string         `json:"run"`
	Updated time.Time      `json:"updated"`
	Planned int            `json:"planned"` // (model, fold) under run.json
	Present int            `json:"present"` // of these, how many have a manifest; it is not verified
	Problem string         `json:"problem,omitempty"`
}

// List describes every run of a store (its root, not a run's folder): everything that has
// a run.json, by type, then name. A run whose run.json is damaged is listed with that
// problem.
func List(ctx context.Context, root store.Store) ([]RunInfo, error) {
	var runs []RunInfo
	for _, runType := range []config.RunType{config.Production, config.Sample} {
		infos, err := root.List(ctx, string(runType)+"/")
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, folder := range folders(infos, string(runType)+"/") {
			run, err := describeRun(ctx, root, runType, folder)
			if err != nil {
				return nil, fmt.Errorf("list runs: %w", err)
			}
			if run != nil {
				runs = append(runs, *run)
			}
		}
	}
	return runs, nil
}

// AnyManifest finds the key of some manifest in a run's folder, whole or not; has is false
// where there is none. run.json alone is no result of a fit.
func AnyManifest(ctx context.Context, s store.Store) (key string, has bool, err error) {
	infos, err := s.List(ctx, ArtifactsPrefix)
	if err != nil {
		return "", false, err
	}
	for _, info := range infos {
		if _, _, has = ManifestOf(info.Key); has {
			return info.Key, true, nil
		}
	}
	return "", false, nil
}

// folder is a run's name with the keys below it.
type folder struct {
	name string
	keys map[string]bool
}

// folders groups a sorted listing by the first element after prefix.
func folders(infos []store.Info, prefix string) []folder {
	var found []folder
	index := map[string]int{}
	for _, info := range infos {
		name, key, ok := strings.Cut(strings.TrimPrefix(info.Key, prefix), "/")
		if !ok {
			continue // a file beside the runs
		}
		i, seen := index[name]
		if !seen {
			i = len(found)
			index[name] = i
			found = append(found, folder{name: name, keys: map[string]bool{}})
		}
		found[i].keys[key] = true
	}
	slices.SortFunc(found, func(a, b folder) int { return strings.Compare(a.name, b.name) })
	return found
}

func describeRun(ctx context.Context, root store.Store, runType config.RunType, f folder) (*RunInfo, error) {
	if !f.keys[RunKey] {
		return nil, nil
	}
	info := &RunInfo{Type: runType, Run: f.name}
	s := store.Prefixed(root, Folder(string(runType), f.name))
	run, _, err := ReadRun(ctx, s)
	switch {
	case errors.Is(err, store.ErrNotFound): // deleted since the listing
		return nil, nil
	case errors.Is(err, ErrDamaged):
		info.Problem = err.Error()
		return info, nil
	case err != nil:
		return nil, err
	}
	info.Updated = run.Updated
	if f.keys[PrunedKey] {
		grave, err := readTombstone(ctx, s, run)
		if err != nil {
			return nil, err
		}
		if grave != nil {
			info.Problem = "it is being removed; starter prune finishes that"
		}
	}
	for _, task := range run.Tasks() {
		info.Planned++
		if f.keys[ManifestKey(task.Model, task.Fold)] {
			info.Present++
		}
	}
	return info, nil
}
