package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"everfold/config"
)

// entry is what entry.yaml holds: the models, the first of which is ranked, and the keys of
// preprocess that replace those of each set's own spec.
type entry struct {
	Preprocess map[string]any   `yaml:"preprocess"`
	Models     []map[string]any `yaml:"models"`
}

var errNoModels = errors.New("no models are listed")

func readEntry(path string) (entry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return entry{}, err
	}
	var e entry
	if err := yaml.UnmarshalWithOptions(text, &e, yaml.Strict()); err != nil {
		return entry{}, fmt.Errorf("read %s: %w", path, err)
	}
	if len(e.Models) == 0 {
		return entry{}, fmt.Errorf("read %s: %w", path, errNoModels)
	}
	return e, nil
}

// specs are the specs of all data sets in a folder, with the entry's models, by name.
func (e entry) specs(folder string) (map[string]*config.Spec, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	out := map[string]*config.Spec{}
	for _, file := range files {
		s, err := e.spec(file)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(filepath.Base(file), ".yaml")] = s
	}
	return out, nil
}

// spec is one set's spec with the entry's models and preprocessing in it.
func (e entry) spec(file string) (*config.Spec, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	models, err := json.Marshal(e.Models)
	if err != nil {
		return nil, fmt.Errorf("models of the entry: %w", err)
	}
	set := []string{"models=" + string(models)}
	for _, key := range slices.Sorted(maps.Keys(e.Preprocess)) {
		value, err := json.Marshal(e.Preprocess[key])
		if err != nil {
			return nil, fmt.Errorf("preprocess.%s of the entry: %w", key, err)
		}
		set = append(set, fmt.Sprintf("preprocess.%s=%s", key, value))
	}
	s, err := config.ParseYAML(text, file, config.WithSet(set...))
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	s.ResolvePaths(dir)
	return s, nil
}
