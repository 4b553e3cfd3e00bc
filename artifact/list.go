package artifact

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
		found, err := listFolders(ctx, root, runType)
		if err != nil {
			return nil, err
		}
		for _, folder := range found {
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

// folder is a run's name with the objects below it, by key.
type folder struct {
	name    string
	objects map[string]store.Info // their keys are the folder's
}

func (f folder) has(key string) bool { _, ok := f.objects[key]; return ok }

// listFolders lists the folders of a type, by name.
func listFolders(ctx context.Context, root store.Store, runType config.RunType) ([]folder, error) {
	prefix := string(runType) + "/"
	infos, err := root.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	byName := map[string]folder{}
	for _, info := range infos {
		name, key, ok := strings.Cut(strings.TrimPrefix(info.Key, prefix), "/")
		if !ok {
			continue // a file beside the runs
		}
		f, seen := byName[name]
		if !seen {
			f = folder{name: name, objects: map[string]store.Info{}}
			byName[name] = f
		}
		info.Key = key
		f.objects[key] = info
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b folder) int { return strings.Compare(a.name, b.name) }), nil
}

func describeRun(ctx context.Context, root store.Store, runType config.RunType, f folder) (*RunInfo, error) {
	if !f.has(RunKey) {
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
	if f.has(PrunedKey) {
		condemned, err := Condemned(ctx, s, run)
		if err != nil {
			return nil, err
		}
		if condemned {
			info.Problem = "it is being removed; starter prune finishes that"
		}
	}
	for _, task := range run.Tasks() {
		info.Planned++
		if f.has(ManifestKey(task.Model, task.Fold)) {
			info.Present++
		}
	}
	return info, nil
}
